// Child processes that never outlive us. Each one leads its own process group, so that its children end with it too.
import { spawn, spawnSync } from "node:child_process";
import { constants } from "node:os";

import { ROOT } from "./paths.mjs";

/** An error that a person is meant to read: shown without a stack trace. */
export class Failure extends Error {}

/** How long a child may take to end after it was asked to, before it is killed. */
const GRACE_MS = 5_000;

const running = new Set();

/** Starts a child; `child.ended` resolves with `{code, signal}` once it and its output have ended. */
export function start(command, args, { cwd = ROOT, env = {}, stdio = ["ignore", "inherit", "inherit"] } = {}) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio, detached: true });
  running.add(child);
  child.ended = new Promise((resolve, reject) => {
    child.once("error", (error) => {
      running.delete(child);
      reject(new Failure(`cannot run ${command}: ${error.message}`));
    });
    // A leader that ended may have left children of its own behind, which would also hold its output open.
    child.once("exit", () => signalGroup(child, "SIGKILL"));
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  return child;
}

/** Runs a command to its end; anything but exit code 0 is a Failure. */
export async function run(command, args, options) {
  const { code, signal } = await start(command, args, options).ended;
  if (code !== 0) throw new Failure(`${[command, ...args].join(" ")} ended with ${signal ?? `exit code ${code}`}`);
}

/** Runs a command, shows its output as it comes, and returns `{code, output}`, whatever the code is. */
export async function runAndKeepOutput(command, args, options) {
  const child = start(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const chunks = [];
  for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
    from.on("data", (chunk) => {
      chunks.push(chunk);
      to.write(chunk);
    });
  }
  const { code } = await child.ended;
  return { code, output: Buffer.concat(chunks).toString("utf8") };
}

/** The standard output of a quick command, trimmed, or null if it is not there or fails. */
export function outputOf(command, args, env = {}) {
  const { status, stdout } = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return status === 0 ? stdout.trim() : null;
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** Ends every child and its children: politely first, after a grace period by force. */
export async function endAll() {
  const children = [...running].filter((child) => child.pid !== undefined);
  for (const child of children) signalGroup(child, "SIGTERM");
  const force = setTimeout(() => children.forEach((child) => signalGroup(child, "SIGKILL")), GRACE_MS);
  await Promise.allSettled(children.map((child) => child.ended));
  clearTimeout(force);
}

/**
 * The frame of every script: runs `body`, ends all children when it ends or a signal comes, prints a Failure in one
 * line. `stopCode(signal)` is the exit code after a signal; it comes twice when a terminal and npm both send it.
 */
export async function main(body, { stopCode = (signal) => 128 + constants.signals[signal] } = {}) {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, async () => {
      if (stopping) return;
      stopping = true;
      await endAll();
      process.exit(stopCode(signal));
    });
  }
  try {
    await body();
  } catch (error) {
    // While we are stopping, a child's end is no failure of its own.
    if (stopping) return;
    stopping = true;
    await endAll();
    console.error(error instanceof Failure ? `\nerror: ${error.message}` : error);
    process.exit(1);
  }
  if (!stopping) {
    stopping = true;
    await endAll();
    process.exit(process.exitCode ?? 0);
  }
}
