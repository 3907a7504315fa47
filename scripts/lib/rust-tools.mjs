// The Rust side of the set-up: the toolchain that rust-toolchain.toml names, and the two pinned command-line tools.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { inRoot, TOOLS_CACHE } from "./paths.mjs";
import { Failure, outputOf, run } from "./processes.mjs";

const EXE = process.platform === "win32" ? ".exe" : "";

/** The pinned tools. `crate` is what cargo installs, `program` what it gives, `minutes` how long it takes on 2 cores. */
export const TOOLS = [
  { crate: "worker-build", program: "worker-build", version: "0.8.7", minutes: 4 },
  // Not with --locked: the lock file that this crate ships does not resolve.
  { crate: "wasm-bindgen-cli", program: "wasm-bindgen", version: "0.2.130", minutes: 3 },
];

const cacheRoot = ({ crate, version }) => join(TOOLS_CACHE, `${crate}-${version}`);

/** Whether `output` of `program --version` says exactly `version`: "0.8.7" and "wasm-bindgen 0.2.130" are both usual. */
export const saysVersion = (output, version) =>
  output !== null && output.split(/\s+/).includes(version);

/** The path or name of an installed tool of exactly the pinned version, or null. */
export function findTool(tool) {
  const candidates = [tool.program, join(cacheRoot(tool), "bin", tool.program + EXE)];
  if (process.env.HOME) candidates.push(join(process.env.HOME, ".cargo", "bin", tool.program + EXE));
  return candidates.find((candidate) => saysVersion(outputOf(candidate, ["--version"]), tool.version)) ?? null;
}

/** Like findTool, for those who need it now. */
export function requireTool(program) {
  const tool = TOOLS.find((candidate) => candidate.program === program);
  const found = findTool(tool);
  if (!found) throw new Failure(`${tool.crate} ${tool.version} is missing: run \`npm run setup\``);
  return found;
}

/** The version of `name` in the text of a Cargo.lock, or null. */
export function lockedVersion(lock, name) {
  const entry = lock.split("[[package]]").find((text) => text.includes(`\nname = "${name}"\n`));
  return entry?.match(/\nversion = "([^"]+)"/)?.[1] ?? null;
}

/** The program that writes wasm-bindgen's JavaScript must be of the library's exact version: what is wrong, or null. */
export function bindgenMismatch(lock, cliVersion) {
  const locked = lockedVersion(lock, "wasm-bindgen");
  if (locked === cliVersion) return null;
  return `Cargo.lock has wasm-bindgen ${locked ?? "nowhere"}, but the pinned wasm-bindgen-cli is ${cliVersion}. ` +
    `Set both to one version: \`wasm-bindgen = "=VERSION"\` in Cargo.toml (then \`cargo update -p wasm-bindgen\`) and TOOLS in scripts/lib/rust-tools.mjs.`;
}

export function checkBindgenVersion() {
  const cli = TOOLS.find((tool) => tool.program === "wasm-bindgen");
  const mismatch = bindgenMismatch(readFileSync(inRoot("Cargo.lock"), "utf8"), cli.version);
  if (mismatch) throw new Failure(mismatch);
}

/** What rust-toolchain.toml asks for. */
export function toolchainOf(toml) {
  const list = (key) => [...(toml.match(new RegExp(`^${key}\\s*=\\s*\\[([^\\]]*)\\]`, "m"))?.[1] ?? "").matchAll(/"([^"]+)"/g)].map((match) => match[1]);
  return { channel: toml.match(/^channel\s*=\s*"([^"]+)"/m)?.[1], targets: list("targets"), components: list("components") };
}

/** What of the toolchain is missing here, as words for a person. */
function missingOfToolchain({ channel, targets, components }) {
  // Without this, asking for the version would install a toolchain, minutes long and in silence.
  const quiet = { RUSTUP_AUTO_INSTALL: "0" };
  const rustc = outputOf("rustc", ["--version"], quiet);
  if (!saysVersion(rustc, channel)) return [`Rust ${channel}`];
  const missing = targets.filter((target) => {
    const folder = outputOf("rustc", ["--print", "target-libdir", "--target", target], quiet);
    return folder === null || !existsSync(folder);
  });
  const commands = { rustfmt: "fmt" };
  return missing.concat(components.filter((name) => outputOf("cargo", [commands[name] ?? name, "--version"], quiet) === null));
}

export async function ensureToolchain() {
  const wanted = toolchainOf(readFileSync(inRoot("rust-toolchain.toml"), "utf8"));
  const missing = missingOfToolchain(wanted);
  if (missing.length === 0) return console.log(`== Rust ${wanted.channel}: there`);
  if (outputOf("rustup", ["--version"]) === null) {
    throw new Failure(`${missing.join(", ")} is missing, and so is rustup, which installs it. ` +
      "Install rustup (https://rustup.rs: one command), open a new terminal and run this again.");
  }
  console.log(`== Rust: installing ${missing.join(", ")} (a minute or two)`);
  await run("rustup", ["toolchain", "install", wanted.channel, "--profile", "minimal", "--no-self-update",
    ...wanted.components.flatMap((name) => ["--component", name]),
    ...wanted.targets.flatMap((name) => ["--target", name])]);
}

export async function ensureTools() {
  for (const tool of TOOLS) {
    const label = `${tool.crate} ${tool.version}`;
    if (findTool(tool)) {
      console.log(`== ${label}: there`);
      continue;
    }
    console.log(`== ${label}: compiling, about ${tool.minutes} minutes, once on this machine (into ${cacheRoot(tool)})`);
    await run("cargo", ["install", tool.crate, "--version", tool.version, "--root", cacheRoot(tool)]);
    if (!findTool(tool)) throw new Failure(`cargo installed ${label}, but ${tool.program} --version does not say so`);
  }
}
