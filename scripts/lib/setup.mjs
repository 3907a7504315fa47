// Everything that must be there before a build; each step is skipped when it is. The npm packages come before this, in
// bootstrap.mjs.
import { checkBindgenVersion, ensureToolchain, ensureTools } from "./rust-tools.mjs";

export async function setup() {
  checkBindgenVersion();
  await ensureToolchain();
  await ensureTools();
}
