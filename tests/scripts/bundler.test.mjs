import assert from "node:assert/strict";
import { buildSync } from "esbuild";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

import { DEFINED, misfit, withoutRepeatedImports, withoutSideEffects } from "../../scripts/lib/bundler.mjs";
import { inRoot } from "../../scripts/lib/paths.mjs";

const MAIN = readFileSync(inRoot("src", "edge", "main.js"), "utf8");
const SHIM = 'import * as exports from "./index.js";\nEntrypoint.prototype.fetch = function fetch (arg) {\n';
const GLUE = "function __wbg_call_guard() {}\nexport function __wbg_reset_state () {}\n__wbg_reinit_scheduled = true;\n";

/** What is wrong with a folder of these two files. */
function problem(t, { shim = SHIM, glue = GLUE }) {
  const folder = mkdtempSync(join(tmpdir(), "opengateway-"));
  t.after(() => rmSync(folder, { recursive: true }));
  if (shim !== null) writeFileSync(join(folder, "shim.js"), shim);
  writeFileSync(join(folder, "index.js"), glue);
  return misfit(folder, MAIN);
}

test("the main module takes the place of the one that worker-build writes today", (t) => {
  assert.equal(problem(t, {}), null);
});

test("another shape of worker-build's output is an error, not a worker that does not recover", (t) => {
  assert.match(problem(t, { shim: null }), /wrote no shim\.js/);
  assert.match(problem(t, { shim: "export default {}" }), /wrote no shim\.js/);
  for (const piece of GLUE.trim().split("\n")) assert.match(problem(t, { glue: GLUE.replace(piece, "") }), /after a trap/);
});

test("a handler that the main module does not hand on is an error", (t) => {
  assert.match(problem(t, { shim: `${SHIM}Entrypoint.prototype.queue = function queue (arg) {\n` }), /"queue"/);
});

test("a module that is imported twice stands there once, and every other one stays", () => {
  const line = (module, name) => `        "./snippets/${module}.js": ${name},\n`;
  const glue = `{\n${line("platform", "import1")}${line("other", "import2")}${line("platform", "import3")}}`;
  assert.equal(withoutRepeatedImports(glue), `{\n${line("platform", "import1")}${line("other", "import2")}}`);
});

test("a class that nobody uses is left out, with its registry and its method for disposal", () => {
  const classOf = (name) => `const Registry = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(({ ptr }) => wasm.free(ptr));
class ${name} { free() { Registry.unregister(this); } }
if (Symbol.dispose) ${name}.prototype[Symbol.dispose] = ${name}.prototype.free;
`;
  const bundle = (contents) => buildSync({ stdin: { contents: withoutSideEffects(contents) }, bundle: true, write: false, define: DEFINED, format: "esm" }).outputFiles[0].text;
  assert.equal(bundle(classOf("Unused")).includes("Registry"), false);
  assert.match(bundle(`${classOf("Used")}export { Used };`), /new FinalizationRegistry/);
});
