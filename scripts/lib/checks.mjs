// Format and lints. Clippy runs twice, since the code under edge/ exists for wasm32 alone.
import { run } from "./processes.mjs";

export async function check() {
  await run("cargo", ["fmt", "--check"]);
  // --locked: a Cargo.lock that does not match Cargo.toml is a finding, too.
  await run("cargo", ["clippy", "--locked", "--all-targets", "--", "-D", "warnings"]);
  await run("cargo", ["clippy", "--locked", "--target", "wasm32-unknown-unknown", "--", "-D", "warnings"]);
}
