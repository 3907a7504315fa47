// npm run bench: the CPU that the gateway uses, beside workers that do less. See README.md for what is measured and how to
// read it. `--quick` takes a fraction of the time and is only good for a look; words leave out all measures in whose names
// they do not stand (`npm run bench -- native`).

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { cpuMs, memory, resetPeak } from '../tests/e2e/harness/process.mjs';
import { MEASURES } from './measures.mjs';
import { startSubjects } from './subjects.mjs';
import { summarise, table } from './summary.mjs';

const [options, words] = [true, false].map((isOption) => process.argv.slice(2).filter((word) => word.startsWith('--') === isOption));
const QUICK = options.includes('--quick');

/** Interleaved rounds: in each one every subject gets the same load, in turning order. */
const ROUNDS = QUICK ? 3 : 5;
/** Before the first round, so that code is compiled and optimised. */
const WARM_UP_ROUNDS = 1;
/** What a look takes of each load. */
const SHARE = QUICK ? 0.2 : 1;
const CHUNK_PACE_MS = 1;
/** A process is at rest when it used at most one tick of CPU for this long; work after the reply counts too. */
const REST_MS = 300;
const TICK_MS = 10;

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));

const measures = MEASURES.filter(({ name }) => words.every((word) => name.includes(word))).map((measure) => {
  const requests = Math.ceil(measure.requests * SHARE);
  return { ...measure, requests, per: (measure.per / measure.requests) * requests };
});
const unknown = options.filter((option) => option !== '--quick');
if (unknown.length > 0 || measures.length === 0) {
  console.error(`There are --quick and words of: ${MEASURES.map(({ name }) => `"${name}"`).join(', ')}.`);
  process.exit(2);
}

const child = (file, ...args) => fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String));

async function untilAtRest(pid) {
  for (let before = cpuMs(pid), after; ; before = after) {
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    after = cpuMs(pid);
    if (after - before <= TICK_MS) return after;
  }
}

/** Until all is in the database that was to be written there, which is work for these requests, too. */
async function untilWritten({ accounts }) {
  for (;;) {
    const now = await accounts();
    if (now.waiting === 0) return now;
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
}

/**
 * @returns the CPU in µs that the subject's process used for one unit of this load, how long answers took, by how many
 * bytes the process grew, and what the accounts cost for each request.
 */
async function measure(load, subject, { question, stream, requests, concurrency, per }) {
  const had = await subject.accounts?.();
  const before = await untilAtRest(subject.pid);
  resetPeak(subject.pid);
  const { resident } = memory(subject.pid);
  load.send({ url: subject.url, headers: subject.headers, body: JSON.stringify(question), stream, requests, concurrency });
  const [{ failed, bytes, latencyMs, firstByteMs }] = await once(load, 'message');
  if (failed > 0) throw new Error(`${failed} of ${requests} answers of "${subject.name}" were not whole`);
  const grownBytes = memory(subject.pid).peak - resident;
  const has = subject.accounts && (await untilWritten(subject));
  const after = await untilAtRest(subject.pid);
  const each = (name) => (has[name] - had[name]) / requests;
  const accounts = has && { objectMessages: each('messages'), rowsWritten: each('rowsWritten') };
  return { cpuUs: ((after - before) * 1000) / per, latencyMs, firstByteMs, bytes, grownBytes, ...accounts };
}

/** Every subject under every load, `ROUNDS` times; the order turns so that no one is always first. */
async function runRounds(load, subjects) {
  const samples = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    const turn = (round + WARM_UP_ROUNDS) % subjects.length;
    const order = [...subjects.slice(turn), ...subjects.slice(0, turn)];
    for (const plan of measures) {
      for (const subject of order.filter(({ measures: wanted }) => wanted(plan))) {
        const sample = { round, measure: plan.name, subject: subject.name, ...(await measure(load, subject, plan)) };
        if (round >= 0) samples.push(sample);
      }
    }
    console.error(round < 0 ? 'warm-up' : `round ${round + 1} of ${ROUNDS}`);
  }
  return samples;
}

const upstream = child('upstream.mjs', CHUNK_PACE_MS);
const [{ port }] = await once(upstream, 'message');
const load = child('load.mjs');
const subjects = await startSubjects(`http://127.0.0.1:${port}`);
try {
  const samples = await runRounds(load, subjects);
  const summary = summarise(measures, samples, subjects.map(({ name }) => name));
  const machine = { cpu: os.cpus()[0].model, cores: os.cpus().length, node: process.version };
  const loads = measures.map(({ question, ...plan }) => ({ ...plan, bytes: JSON.stringify(question).length }));
  const result = { date: new Date().toISOString(), machine, parameters: { QUICK, ROUNDS, CHUNK_PACE_MS, loads }, summary, samples };
  // What was only looked at does not take the place of a whole result.
  if (words.length === 0 && !QUICK) {
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(`${RESULTS}latest.json`, `${JSON.stringify(result, null, 1)}\n`);
    writeFileSync(`${RESULTS}latest.md`, `${table(summary)}\n`);
  }
  console.log(table(summary));
} finally {
  await Promise.all(subjects.map((subject) => subject.dispose()));
  upstream.kill();
  load.kill();
}
