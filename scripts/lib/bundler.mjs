#!/usr/bin/env node
// What worker-build runs in the place of esbuild, in the folder that holds what is to be bundled: puts the worker's own
// main module (src/edge/main.js says why) where worker-build has written one, and runs esbuild.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { inRoot } from "./paths.mjs";

const MAIN = "shim.js";
const GLUE = "index.js";

/** What the main module builds on beside what it imports, which esbuild looks for itself. */
const NEEDED_OF_GLUE = ["function __wbg_call_guard", "function __wbg_reset_state", "__wbg_reinit_scheduled = true"];

/**
 * Two things are done for each class of the glue as it is loaded: it gets a registry for finalisation, and a method for `using`, which
 * nothing here says. Without these esbuild leaves out the classes that nobody uses; those that the crate `worker` brings along, for R2,
 * containers and minifying, are a quarter of the JavaScript.
 */
export const withoutSideEffects = (glue) => glue.replaceAll(/(?<=: )new FinalizationRegistry\(/g, "/* @__PURE__ */ $&");
export const DEFINED = { "Symbol.dispose": "undefined" };

/** Why `main` cannot take the place of the main module in `folder`, or null. */
export function misfit(folder, main) {
  const text = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "");
  const [shim, glue] = [text(MAIN), text(GLUE)];
  if (!shim.includes('from "./index.js"')) return `it wrote no ${MAIN} that imports ./${GLUE}`;
  const missing = NEEDED_OF_GLUE.find((piece) => !glue.includes(piece));
  if (missing) return `its ${GLUE} does not make a new instance after a trap: there is no "${missing}"`;
  // A class or handler that the main module does not hand on would be missing without a word.
  const handlers = [...shim.matchAll(/^Entrypoint\.prototype\.(\w+) =/gm)].map(([, name]) => name);
  const forgotten = handlers.find((name) => !new RegExp(`\\b${name}\\b`).test(main));
  return forgotten ? `the main module does not know the handler "${forgotten}"` : null;
}

/**
 * `glue` with each module of ours once among the imports of WebAssembly. wasm-bindgen names one twice, each time by another
 * name of the same module, and whoever bundles the result, `npm start` each time, would warn of it.
 */
export function withoutRepeatedImports(glue) {
  const seen = new Set();
  return glue.replaceAll(/^\s*("\.\/snippets\/[^"]+"): import\d+,\n/gm, (line, module) => {
    const repeated = seen.has(module);
    seen.add(module);
    return repeated ? "" : line;
  });
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const main = readFileSync(inRoot("src", "edge", "main.js"), "utf8");
  const problem = misfit(process.cwd(), main);
  if (problem) {
    console.error(`worker-build does not work as scripts/lib/bundler.mjs expects: ${problem}`);
    process.exit(1);
  }
  writeFileSync(MAIN, main);
  writeFileSync(GLUE, withoutSideEffects(withoutRepeatedImports(readFileSync(GLUE, "utf8"))));
  const defined = Object.entries(DEFINED).map(([name, value]) => `--define:${name}=${value}`);
  const { status } = spawnSync(inRoot("node_modules", "esbuild", "bin", "esbuild"), [...process.argv.slice(2), ...defined], { stdio: "inherit" });
  process.exit(status ?? 1);
}
