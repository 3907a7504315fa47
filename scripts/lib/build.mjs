// The worker's build: worker-build with pinned tools, skipped when nothing that goes into it has changed, and a size
// budget at its end.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { inRoot, ROOT } from "./paths.mjs";
import { Failure, run } from "./processes.mjs";
import { requireTool, TOOLS } from "./rust-tools.mjs";
import { withoutCustomSection } from "./wasm-sections.mjs";

/**
 * What the JavaScript and the WebAssembly may weigh together, gzipped. Cloudflare's Free plan takes 3 MB; a cold start
 * pays for each byte, so a change that passes this should be a decision. It is 377 KB: 282 KB before there were dialects; the
 * rest is what parameters, thinking, structured answers with their schemas and patterns, Anthropic's Messages and prices need in
 * code. The tables of 156 models and their aliases are some 5 KB of it. The rest of the budget is for paths: those of the crates
 * stand in panics, and another machine has others.
 */
export const SIZE_BUDGET_BYTES = 380_000;

/** What the worker is made of, beside the tools: files and folders, whether they exist yet or not. */
const INPUTS = [
  "src", "catalog", "build.rs", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo",
  "scripts/lib/build.mjs", "scripts/lib/bundler.mjs", "scripts/lib/wasm-sections.mjs",
];
const OUTPUTS = ["index.js", "index_bg.wasm"];
const STAMP = "stamp.json";

const BINARYEN = inRoot("node_modules", "binaryen");
const ESBUILD = inRoot("node_modules", "esbuild");
const BUNDLER = inRoot("scripts", "lib", "bundler.mjs");

function* filesUnder(path) {
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory()) return yield path;
  for (const name of readdirSync(path).sort()) yield* filesUnder(join(path, name));
}

/** A digest of the names and contents of all files under `paths`. */
export function digestOf(paths) {
  const hash = createHash("sha256");
  for (const root of paths) {
    for (const path of filesUnder(root)) {
      const content = readFileSync(path);
      hash.update(`${path}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest("hex");
}

const packageVersion = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;

/** Everything that decides what a build gives. */
function inputsOf(profile) {
  return {
    profile,
    sources: digestOf(INPUTS.map((name) => inRoot(name))),
    tools: [...TOOLS.map((tool) => tool.version), packageVersion(BINARYEN), packageVersion(ESBUILD)].join(" "),
    flags: ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "NO_MINIFY"].map((name) => process.env[name] ?? "").join("\0"),
  };
}

const outputPaths = () => OUTPUTS.map((name) => inRoot("build", name));

function readStamp() {
  try {
    return JSON.parse(readFileSync(inRoot("build", STAMP), "utf8"));
  } catch {
    return null;
  }
}

const isCurrent = (inputs) =>
  JSON.stringify(readStamp()) === JSON.stringify({ inputs, outputs: digestOf(outputPaths()) });

/** Bytes of each output, as they are and gzipped. */
function sizes() {
  return outputPaths().map((path, index) => {
    const content = readFileSync(path);
    return { name: OUTPUTS[index], raw: content.length, gzip: gzipSync(content, { level: 9 }).length };
  });
}

/** Bytes of the whole worker, gzipped. */
export const bundleBytes = () => sizes().reduce((sum, { gzip }) => sum + gzip, 0);

const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;

function reportSize() {
  for (const { name, raw, gzip } of sizes()) console.log(`   build/${name}: ${kb(raw)}, ${kb(gzip)} gzip`);
  const total = bundleBytes();
  console.log(`   together ${kb(total)} gzip of ${kb(SIZE_BUDGET_BYTES)}`);
  if (total > SIZE_BUDGET_BYTES) {
    throw new Failure(`the worker is over its size budget by ${kb(total - SIZE_BUDGET_BYTES)} (SIZE_BUDGET_BYTES in scripts/lib/build.mjs says why there is one)`);
  }
}

/**
 * Takes the names of functions out, which worker-build keeps: 31 KB gzip of a worker that pays for each byte at a cold
 * start. A panic tells its file and line without them.
 */
function stripNames() {
  const path = inRoot("build", "index_bg.wasm");
  writeFileSync(path, withoutCustomSection(readFileSync(path), "name"));
}

/** Where worker-build cannot run the bundler that it is told, it takes one of its own, and its own main module. */
function checkMainModule() {
  if (readFileSync(inRoot("build", "index.js"), "utf8").includes("new Proxy(")) {
    throw new Failure(`build/index.js was not made by ${BUNDLER}: is it executable?`);
  }
}

/** Runs worker-build in the `folder` of a crate, with a program of esbuild's kind as its bundler. */
const workerBuild = (profile, folder, bundler) => run(requireTool("worker-build"), [`--${profile}`], {
  cwd: folder,
  env: {
    // A compile error is cargo's to tell; worker-build's own backtrace would bury it.
    RUST_BACKTRACE: "0",
    // Each names a program that is there, so worker-build downloads none.
    WASM_BINDGEN_BIN: requireTool("wasm-bindgen"),
    WASM_OPT_BIN: join(BINARYEN, "bin", "wasm-opt"),
    ESBUILD_BIN: bundler,
  },
});

/** Builds the worker of the benchmark (bench/minimal-worker), as worker-build makes any: some ten seconds when nothing changed. */
export async function buildMinimalWorker() {
  console.log("== bench/minimal-worker/build/: compiling");
  await workerBuild("release", inRoot("bench", "minimal-worker"), join(ESBUILD, "bin", "esbuild"));
}

/** `profile`: "release", what is deployed, or "dev", which compiles faster and is neither optimised nor measured. */
export async function build(profile = "release") {
  const inputs = inputsOf(profile);
  if (isCurrent(inputs)) {
    console.log(`== build/: nothing changed since the last ${profile} build`);
  } else {
    console.log(`== build/: compiling (${profile}; the first time takes a few minutes)`);
    rmSync(inRoot("build", STAMP), { force: true });
    await workerBuild(profile, ROOT, BUNDLER);
    checkMainModule();
    if (profile === "release") stripNames();
    writeFileSync(inRoot("build", STAMP), JSON.stringify({ inputs, outputs: digestOf(outputPaths()) }));
  }
  if (profile === "release") reportSize();
}
