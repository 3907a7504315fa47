import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { missingPackages, withoutNodeModules } from "../../scripts/lib/npm-packages.mjs";
import { inRoot } from "../../scripts/lib/paths.mjs";
import { bindgenMismatch, lockedVersion, saysVersion, TOOLS, toolchainOf } from "../../scripts/lib/rust-tools.mjs";

test("a tool counts only with the exact version", () => {
  assert.ok(saysVersion("0.8.7", "0.8.7"));
  assert.ok(saysVersion("wasm-bindgen 0.2.130", "0.2.130"));
  assert.ok(saysVersion("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0"));
  assert.ok(!saysVersion("wasm-bindgen 0.2.13", "0.2.130"));
  assert.ok(!saysVersion("wasm-bindgen 0.2.1301", "0.2.130"));
  assert.ok(!saysVersion(null, "0.8.7"));
});

const LOCK = `version = 4

[[package]]
name = "wasm-bindgen"
version = "0.2.130"

[[package]]
name = "wasm-bindgen-futures"
version = "0.4.80"
`;

test("a version is found in Cargo.lock by the crate's whole name", () => {
  assert.equal(lockedVersion(LOCK, "wasm-bindgen"), "0.2.130");
  assert.equal(lockedVersion(LOCK, "wasm-bindgen-futures"), "0.4.80");
  assert.equal(lockedVersion(LOCK, "bindgen"), null);
});

test("a library and a program of different versions are told with what to change", () => {
  assert.equal(bindgenMismatch(LOCK, "0.2.130"), null);
  assert.match(bindgenMismatch(LOCK, "0.2.131"), /Cargo\.lock has wasm-bindgen 0\.2\.130.*0\.2\.131.*Cargo\.toml.*rust-tools\.mjs/);
  assert.match(bindgenMismatch("", "0.2.131"), /nowhere/);
});

test("the repository's own lock file goes with the pinned programs", () => {
  const lock = readFileSync(inRoot("Cargo.lock"), "utf8");
  const version = (program) => TOOLS.find((tool) => tool.program === program).version;
  assert.equal(bindgenMismatch(lock, version("wasm-bindgen")), null);
  assert.equal(lockedVersion(lock, "worker"), version("worker-build"));
});

test("the toolchain file is read with its targets and components", () => {
  const toolchain = toolchainOf(readFileSync(inRoot("rust-toolchain.toml"), "utf8"));
  assert.match(toolchain.channel, /^\d+\.\d+\.\d+$/);
  assert.deepEqual(toolchain.targets, ["wasm32-unknown-unknown"]);
  assert.deepEqual(toolchain.components, ["rustfmt", "clippy"]);
});

test("a missing or other package is stale; an optional one may be missing, not different", () => {
  const lock = { packages: { "": {}, a: { version: "1.0.0" }, b: { version: "2.0.0", optional: true } } };
  const installed = (packages) => ({ packages });
  assert.deepEqual(missingPackages(lock, installed({ a: { version: "1.0.0" } })), []);
  assert.deepEqual(missingPackages(lock, installed({})), ["a"]);
  assert.deepEqual(missingPackages(lock, installed({ a: { version: "1.0.1" } })), ["a"]);
  assert.deepEqual(missingPackages(lock, installed({ a: { version: "1.0.0" }, b: { version: "1.0.0" } })), ["b"]);
});

test("npm runs without the folders that it is about to delete", () => {
  assert.equal(withoutNodeModules("/p/node_modules/.bin:/usr/bin:/n/node_modules/x/bin", ":"), "/usr/bin");
});
