import assert from "node:assert/strict";
import test from "node:test";

import { endAll, Failure, outputOf, run, runAndKeepOutput, start } from "../../scripts/lib/processes.mjs";

// The output of a process closes only when every child that inherited it has ended, too: `ended` proves that.
const PIPED = { stdio: ["ignore", "pipe", "inherit"] };

test("the children of a leader that was killed end with it", { timeout: 10_000 }, async () => {
  const leader = start("sh", ["-c", "sleep 300 & kill -9 $$"], PIPED);
  leader.stdout.resume();
  assert.deepEqual(await leader.ended, { code: null, signal: "SIGKILL" });
});

test("endAll ends a leader and its children", { timeout: 10_000 }, async () => {
  const leader = start("sh", ["-c", "sleep 300 & echo up; wait"], PIPED);
  await new Promise((resolve) => leader.stdout.once("data", resolve));
  await endAll();
  assert.equal((await leader.ended).signal, "SIGTERM");
});

test("a command that fails or is not there is a Failure that names it", async () => {
  await assert.rejects(run("sh", ["-c", "exit 3"]), (error) => error instanceof Failure && /sh -c exit 3 ended with exit code 3/.test(error.message));
  await assert.rejects(run("no-such-program", []), (error) => error instanceof Failure && /cannot run no-such-program/.test(error.message));
  assert.equal(outputOf("no-such-program", []), null);
});

test("output is kept with the exit code", async () => {
  const { code, output } = await runAndKeepOutput("sh", ["-c", "echo kept; exit 4"]);
  assert.deepEqual([code, output], [4, "kept\n"]);
});
