// Where things are, and which versions belong together.
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");

export const inRoot = (...parts) => join(ROOT, ...parts);

/** Our own place for pinned command-line tools, so that the ones a person installed elsewhere stay as they are. */
export const TOOLS_CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "opengateway", "tools");

export const PINNED_NODE = inRoot("node_modules", "node", "bin", "node");
export const WRANGLER = inRoot("node_modules", "wrangler", "bin", "wrangler.js");
export const DEV_VARS = inRoot(".dev.vars");
