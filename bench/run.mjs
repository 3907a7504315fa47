// npm run bench: the CPU that the gateway uses, against a worker that does nothing but `return fetch(upstream)`. See
// README.md for what is measured and how to read it. `--quick` takes a tenth of the time and is only good for a look;
// names of measures (`request-8`) leave out all others.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { cpuMs } from '../tests/e2e/harness/process.mjs';
import { startSubjects } from './subjects.mjs';

const [options, chosen] = [true, false].map((isOption) => process.argv.slice(2).filter((word) => word.startsWith('--') === isOption));
const QUICK = options.includes('--quick');

/** Interleaved rounds: in each one every subject gets the same load, in turning order. */
const ROUNDS = QUICK ? 3 : 7;
const JSON_REQUESTS = QUICK ? 400 : 2000;
/** One at a time each request wakes workerd from its sleep; many at a time it takes several at each waking. */
const JSON_CONCURRENCIES = [1, 8, 64];
const STREAMS = QUICK ? 40 : 80;
const STREAM_CONCURRENCY = 10;
const CHUNKS_PER_STREAM = 500;
const CHUNK_PACE_MS = 1;
const REQUEST_BYTES = 1024;
/** Before the first round, so that code is compiled and optimised. */
const WARM_UP_ROUNDS = QUICK ? 1 : 2;
/** A process is at rest when it used at most one tick of CPU for this long; work after the reply counts too. */
const REST_MS = 300;
const TICK_MS = 10;

const RESULTS = fileURLToPath(new URL('results/', import.meta.url));

const question = { model: 'groq/gpt-oss-120b', messages: [{ role: 'user', content: '' }] };
question.messages[0].content = 'x'.repeat(REQUEST_BYTES - JSON.stringify(question).length);

const request = (concurrency) => ({
  unit: `CPU µs per request, ${concurrency} at a time`, stream: false, requests: JSON_REQUESTS, concurrency, per: JSON_REQUESTS,
});
const ALL_MEASURES = {
  ...Object.fromEntries(JSON_CONCURRENCIES.map((concurrency) => [`request-${concurrency}`, request(concurrency)])),
  chunk: { unit: 'CPU µs per streamed chunk', stream: true, requests: STREAMS, concurrency: STREAM_CONCURRENCY, per: STREAMS * CHUNKS_PER_STREAM },
};
const unknown = [...options.filter((option) => option !== '--quick'), ...chosen.filter((name) => !(name in ALL_MEASURES))];
if (unknown.length > 0) {
  console.error(`There is no "${unknown[0]}"; there are --quick, ${Object.keys(ALL_MEASURES).join(', ')}.`);
  process.exit(2);
}
const MEASURES = Object.fromEntries(Object.entries(ALL_MEASURES).filter(([name]) => chosen.length === 0 || chosen.includes(name)));

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
 * @returns the CPU in µs that the subject's process used for one unit of this load, how long the load took, and what the
 * accounts cost for each request.
 */
async function measure(load, subject, { stream, requests, concurrency, per }) {
  const had = await subject.accounts?.();
  const before = await untilAtRest(subject.pid);
  const body = JSON.stringify(stream ? { ...question, stream } : question);
  load.send({ url: subject.url, headers: subject.headers, body, stream, requests, concurrency });
  const [{ failed, ms }] = await once(load, 'message');
  if (failed > 0) throw new Error(`${failed} of ${requests} answers of "${subject.name}" were not whole`);
  const has = subject.accounts && (await untilWritten(subject));
  const after = await untilAtRest(subject.pid);
  const each = (name) => (has[name] - had[name]) / requests;
  const accounts = has && {
    objectMessages: each('ledgerMessages') + each('healthMessages'),
    rowsWritten: each('rowsWritten'),
  };
  return { cpuUs: ((after - before) * 1000) / per, ms, ...accounts };
}

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const round = (number) => Number(number.toFixed(2));

/** Every subject under every load, `ROUNDS` times; the order turns so that no one is always first. */
async function runRounds(load, subjects) {
  const samples = [];
  for (let i = -WARM_UP_ROUNDS; i < ROUNDS; i += 1) {
    const turn = (i + WARM_UP_ROUNDS) % subjects.length;
    const order = [...subjects.slice(turn), ...subjects.slice(0, turn)];
    for (const [name, plan] of Object.entries(MEASURES)) {
      for (const subject of order.filter(({ streams }) => streams || !plan.stream)) {
        const sample = { round: i, measure: name, subject: subject.name, ...(await measure(load, subject, plan)) };
        if (i >= 0) samples.push(sample);
      }
    }
    console.error(i < 0 ? 'warm-up' : `round ${i + 1} of ${ROUNDS}`);
  }
  return samples;
}

/** Medians over the rounds; a ratio is the median of the ratios within each round. */
function summarise(samples, [reference, ...others]) {
  const samplesOf = (measure, subject) =>
    samples.filter((sample) => sample.measure === measure && sample.subject === subject.name);
  const of = (measure, subject) => samplesOf(measure, subject).map(({ cpuUs }) => cpuUs);
  return Object.entries(MEASURES).map(([name, { unit }]) => ({
    measure: name,
    unit,
    reference: { subject: reference.name, cpuUs: round(median(of(name, reference))) },
    subjects: others.filter((subject) => samplesOf(name, subject).length > 0).map((subject) => {
      const base = of(name, reference);
      const ratios = of(name, subject).map((cpuUs, i) => cpuUs / base[i]);
      return {
        subject: subject.name,
        cpuUs: round(median(of(name, subject))),
        ratio: round(median(ratios)),
        ratioRange: [round(Math.min(...ratios)), round(Math.max(...ratios))],
        ...(subject.accounts && {
          objectMessages: round(median(samplesOf(name, subject).map(({ objectMessages }) => objectMessages))),
          rowsWritten: round(median(samplesOf(name, subject).map(({ rowsWritten }) => rowsWritten))),
        }),
      };
    }),
  }));
}

function table(summary) {
  const lines = [
    '| measure | worker | CPU, µs | against bare fetch | range over rounds | object messages a request | D1 rows written a request |',
    '|---|---|---|---|---|---|---|',
  ];
  for (const { unit, reference, subjects } of summary) {
    lines.push(`| ${unit} | ${reference.subject} | ${reference.cpuUs} | 1 | | | |`);
    for (const { subject, cpuUs, ratio, ratioRange, objectMessages, rowsWritten } of subjects) {
      lines.push(`| ${unit} | ${subject} | ${cpuUs} | ${ratio} | ${ratioRange.join(' to ')} | ${objectMessages ?? ''} | ${rowsWritten ?? ''} |`);
    }
  }
  return lines.join('\n');
}

const upstream = child('upstream.mjs', CHUNKS_PER_STREAM, CHUNK_PACE_MS);
const [{ port }] = await once(upstream, 'message');
const load = child('load.mjs');
const subjects = await startSubjects(`http://127.0.0.1:${port}`);
try {
  const samples = await runRounds(load, subjects);
  const summary = summarise(samples, subjects);
  const machine = { cpu: os.cpus()[0].model, cores: os.cpus().length, node: process.version };
  const parameters = { QUICK, ROUNDS, JSON_REQUESTS, JSON_CONCURRENCIES, STREAMS, STREAM_CONCURRENCY, CHUNKS_PER_STREAM, CHUNK_PACE_MS, REQUEST_BYTES };
  const result = { date: new Date().toISOString(), machine, parameters, summary, samples };
  // What was only looked at does not take the place of a whole result.
  if (chosen.length === 0 && !QUICK) {
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(`${RESULTS}latest.json`, `${JSON.stringify(result, null, 1)}\n`);
  }
  console.log(table(summary));
} finally {
  await Promise.all(subjects.map((subject) => subject.dispose()));
  upstream.kill();
  load.kill();
}
