// Measures subjects side by side: every one gets the same loads, in interleaved rounds whose order turns, so that a noisy
// neighbour hits all alike.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cpuMs, memory, resetPeak } from '../tests/e2e/harness/process.mjs';

/** A process is at rest when it used at most one tick of CPU for this long; work after the reply counts too. */
const REST_MS = 300;
const TICK_MS = 10;
/** The round before the first one takes this share of a load, so that code is compiled and optimised. */
const WARM_UP_SHARE = 0.3;
export const CHUNK_PACE_MS = 1;

/** A process of our own that runs this file of the benchmark. */
export const child = (file, ...args) => fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String));

/** The upstream of the measures: `{url, stop}`. */
export async function startUpstream() {
  const process = child('upstream.mjs', CHUNK_PACE_MS);
  const [{ port }] = await once(process, 'message');
  return { url: `http://127.0.0.1:${port}`, stop: () => process.kill() };
}

/** A measure with a load of this share of its size. */
export function shareOf(measure, share) {
  const requests = Math.ceil(measure.requests * share);
  return { ...measure, requests, per: (measure.per / measure.requests) * requests };
}

/** Waits until the process is at rest; resolves with its CPU so far, in milliseconds. */
export async function untilAtRest(pid) {
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

/**
 * Every subject under every load, `rounds` times and once before; `say` is told of each round.
 * @returns a sample for each: `{round, measure, subject, cpuUs, ...}`. Those of the round before have -1; they count for memory.
 */
export async function compare({ measures, subjects, rounds, say = () => {} }) {
  const load = child('load.mjs');
  const samples = [];
  try {
    for (let round = -1; round < rounds; round += 1) {
      const turn = (round + 1) % subjects.length;
      const order = [...subjects.slice(turn), ...subjects.slice(0, turn)];
      for (const plan of measures) {
        const scaled = round < 0 ? shareOf(plan, WARM_UP_SHARE) : plan;
        for (const subject of order.filter(({ measures: wanted }) => wanted(plan))) {
          samples.push({ round, measure: plan.name, subject: subject.name, ...(await measure(load, subject, scaled)) });
        }
      }
      say(round < 0 ? 'warm-up' : `round ${round + 1} of ${rounds}`);
    }
    return samples;
  } finally {
    load.kill();
  }
}
