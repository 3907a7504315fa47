// First import of every script. Runs with any Node from 18 on and nothing installed: installs the npm packages if they
// are missing or stale, then hands over to the pinned Node among them, because wrangler wants a newer one than many
// machines have. The other modules of a script are linked before this one runs, so they import no package statically.
import { spawn, spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { constants } from "node:os";
import { delimiter } from "node:path";

import { packagesAreInstalled, withoutNodeModules } from "./npm-packages.mjs";
import { inRoot, PINNED_NODE, ROOT } from "./paths.mjs";

const BIN = inRoot("node_modules", ".bin");

function fail(message) {
  console.error(`\nerror: ${message}`);
  process.exit(1);
}

function installPackages() {
  console.log("== npm packages: installing (about half a minute the first time)");
  const { status, signal } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: ROOT,
    env: { ...process.env, PATH: withoutNodeModules(process.env.PATH, delimiter) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (signal) process.exit(128 + constants.signals[signal]);
  if (status !== 0) fail("`npm ci` failed, see above");
  if (!packagesAreInstalled()) {
    fail(`\`npm ci\` passed, but ${PINNED_NODE} or another package is missing. Does npm run install scripts here (ignore-scripts)?`);
  }
}

/** Gives this script to the pinned Node and ends with its exit code. */
function handOver() {
  const child = spawn(PINNED_NODE, process.argv.slice(1), { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => fail(`cannot run ${PINNED_NODE}: ${error.message}. Delete node_modules and try again.`));
  child.once("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
  // Never resolves: the script goes on in the child.
  return new Promise(() => {});
}

const stale = !packagesAreInstalled();
if (stale) installPackages();
if (!process.env.PATH.split(delimiter).includes(BIN)) process.env.PATH = `${BIN}${delimiter}${process.env.PATH}`;
if (stale || process.execPath !== realpathSync(PINNED_NODE)) await handOver();
