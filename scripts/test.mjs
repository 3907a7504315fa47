// npm test: everything that CI runs, in order, up to the first failure, and the test runners' totals last.
// With the name of a suite (native, scripts, e2e, bench) it runs that one alone; of those of Node with beginnings of file names
// these files alone; with `--times N` N times in a row, up to the first failure:
//   npm run test:e2e -- faults chaos --times 10
import "./lib/bootstrap.mjs";
import { existsSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";

import { build } from "./lib/build.mjs";
import { check } from "./lib/checks.mjs";
import { inRoot } from "./lib/paths.mjs";
import { Failure, main, runAndKeepOutput } from "./lib/processes.mjs";
import { setup } from "./lib/setup.mjs";
import { sum, totalsIn } from "./lib/totals.mjs";

/** Each e2e file has its own workerd, and most of a test is waiting: two at a time keep two cores busy, not swamped. */
const FILES_AT_A_TIME = 2;
/** No single test waits this long for anything, but one that is told how long; a hung one must not hang CI. */
const TEST_TIMEOUT_MS = 120_000 + 1000 * Number(process.env.CHAOS_SECONDS ?? 0);
/** The files of the benchmark measure for minutes each; this is for whole files, too. */
const BENCH_TIMEOUT_MS = 600_000;

const { values: { times }, positionals: [only, ...beginnings] } = parseArgs({
  allowPositionals: true,
  options: { times: { type: "string", default: "1" } },
});

function nodeTest(folder, filesAtATime = FILES_AT_A_TIME, timeoutMs = TEST_TIMEOUT_MS) {
  const wanted = (name) => beginnings.length === 0 || beginnings.some((beginning) => name.startsWith(beginning));
  const files = existsSync(inRoot(folder))
    ? readdirSync(inRoot(folder)).filter((name) => name.endsWith(".test.mjs") && wanted(name)).sort().map((name) => inRoot(folder, name))
    : [];
  if (files.length === 0) throw new Failure(`there is no test file ${folder}/${beginnings.length > 0 ? `{${beginnings}}` : ""}*.test.mjs`);
  return runAndKeepOutput(process.execPath, ["--test", "--test-reporter=spec",
    `--test-concurrency=${filesAtATime}`, `--test-timeout=${timeoutMs}`, ...files]);
}

const SUITES = {
  native: () => runAndKeepOutput("cargo", ["test", "--locked"]),
  scripts: () => nodeTest("tests/scripts"),
  e2e: () => nodeTest("tests/e2e"),
  // Alone on the machine, as far as we can see to it: what they measure is measured beside a bare worker, but they are loads.
  bench: () => nodeTest("tests/bench", 1, BENCH_TIMEOUT_MS),
};

/** What comes before a suite when it runs alone: e2e tests run what is in build/, which must be what is in src/. */
const BEFORE = { e2e: ["build"], bench: ["build"] };
const STEPS = { setup, check, build: () => build(), ...SUITES };
const ALL = ["setup", "scripts", "check", "native", "build", "e2e", "bench"];

function stepsFor(suite) {
  if (!/^[1-9]\d*$/.test(times)) throw new Failure(`--times wants a number, not "${times}"`);
  if (suite === undefined) return ALL;
  if (!(suite in SUITES)) throw new Failure(`there is no suite "${suite}"; there are ${Object.keys(SUITES).join(", ")}`);
  return [...(BEFORE[suite] ?? []), ...Array(Number(times)).fill(suite)];
}

/** Runs one step; returns its totals and what went wrong, or null. */
async function runStep(name) {
  console.log(`\n== ${name}`);
  try {
    const result = await STEPS[name]();
    if (!result) return { name, error: null, lines: [], passed: 0, failed: 0 };
    const totals = totalsIn(result.output);
    const error = result.code === 0 && totals.failed === 0 ? null : `exit code ${result.code}`;
    return { name, error, ...totals };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { name, error: error.message, lines: [], passed: 0, failed: 0 };
  }
}

await main(async () => {
  const results = [];
  for (const name of stepsFor(only)) {
    const result = await runStep(name);
    // A step that broke without a failed test of its own counts as one: the sum must not look like a success.
    if (result.error) result.failed = Math.max(result.failed, 1);
    results.push(result);
    if (result.error) break;
  }

  const broken = results.find((result) => result.error);
  console.log(broken ? `\nFAILED at ${broken.name}: ${broken.error}` : "\nAll steps passed.");
  for (const { name, lines } of results.filter((result) => result.lines.length > 0)) console.log([`-- ${name}`, ...lines].join("\n"));
  console.log(`${sum(results, "passed")} passed, ${sum(results, "failed")} failed`);
  if (broken) process.exitCode = 1;
});
