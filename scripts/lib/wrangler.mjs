// The pinned wrangler, without its banner and its metrics.
import { inRoot, WRANGLER } from "./paths.mjs";
import { outputOf, run, start } from "./processes.mjs";

const ENV = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };

export const runWrangler = (args, options) => run(process.execPath, [WRANGLER, ...args], { ...options, env: ENV });

export const startWrangler = (args) => start(process.execPath, [WRANGLER, ...args], { env: ENV });

export const wranglerOutput = (args) => outputOf(process.execPath, [WRANGLER, ...args], ENV);

/** wrangler.toml as wrangler itself reads it. */
export async function readWranglerConfig() {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  return readConfig({ config: inRoot("wrangler.toml") });
}
