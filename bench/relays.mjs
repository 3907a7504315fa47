// node bench/relays.mjs: what the ways to relay a stream cost by themselves, each in a worker of a few lines, one step added
// at a time from a bare fetch to what the gateway does, and the gateway beside them (`npm run build` first). It shows
// where the floor is. The argument is the chunks of a stream, 500 if there is none.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { builtModules } from '../tests/e2e/harness/bundle.mjs';
import { cpuMs } from '../tests/e2e/harness/process.mjs';
import { startWorkerd } from '../tests/e2e/harness/workerd.mjs';

const CHUNKS = Number(process.argv[2] ?? 500);
/** In one load: dozens of ticks of CPU. */
const CHUNKS_IN_ALL = 20_000;
const STREAMS = Math.max(10, Math.round(CHUNKS_IN_ALL / CHUNKS));
const STREAMS_AT_A_TIME = 10;
const CHUNK_PACE_MS = 1;
const ROUNDS = 5;
/** What follows the answers is over by then; the gateway's ledger is told to write each second. */
const REST_MS = { worker: 400, gateway: 1600 };
const KEY = 'sk-bench';

const COMMON = `
const ask = (request, env, more) => fetch(env.UPSTREAM, { method: 'POST', body: request.body, ...more });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const KEEP = { preventAbort: true, preventClose: true };
/** Takes all that has come; whether it is over. */
async function take(copy) {
  for (;;) {
    const { done, value } = await copy.read(new Uint8Array(65536));
    if (done) return true;
    if (value.length < 65536) return false;
  }
}
/** The first chunk, as the gate reads it. */
async function first(body) {
  const reader = body.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return value;
}
async function put(writable, bytes) {
  const writer = writable.getWriter();
  await writer.write(bytes);
  writer.releaseLock();
}
/** Answers at once with what \`carry\` writes. */
const relay = (carry, more) => async (request, env, context) => {
  const answer = await ask(request, env, more?.());
  const { readable, writable } = new IdentityTransformStream();
  context.waitUntil(carry(answer.body, writable));
  return new Response(readable, { headers: { 'content-type': 'text/event-stream' } });
};
const signal = () => ({ signal: new AbortController().signal });
`;

/** The ways: what is added to the one before, or done instead, and the worker's `fetch`. */
const WAYS = [
  ['bare fetch', '(request, env) => ask(request, env)'],
  ['piped through an IdentityTransformStream', 'relay((body, writable) => body.pipeTo(writable))'],
  ['and teed, the copy read at the end', `relay(async (body, writable) => {
    const [pass, copy] = body.tee();
    await pass.pipeTo(writable);
    const reader = copy.getReader({ mode: 'byob' });
    while (!(await take(reader)));
  })`],
  ['and the first chunk read before, a signal, the end left open', `relay(async (body, writable) => {
    const bytes = await first(body);
    const [pass, copy] = body.tee();
    await put(writable, bytes);
    await pass.pipeTo(writable, KEEP);
    const reader = copy.getReader({ mode: 'byob' });
    while (!(await take(reader)));
    await writable.close();
  }, signal)`],
  ['and the copy looked at each second: the native relay without its scan', `relay(async (body, writable) => {
    const bytes = await first(body);
    const [pass, copy] = body.tee();
    await put(writable, bytes);
    let piped = false;
    const pipe = pass.pipeTo(writable, KEEP).then(() => { piped = true; });
    const reader = copy.getReader({ mode: 'byob' });
    for (;;) {
      await Promise.race([pipe, sleep(1000)]);
      if (piped) break;
      await take(reader);
    }
    while (!(await take(reader)));
    await writable.close();
  }, signal)`],
  ['gateway', null],
  ['instead: teed after the pipe', `async (request, env, context) => {
    const answer = await ask(request, env);
    const { readable, writable } = new IdentityTransformStream();
    const [pass, copy] = readable.tee();
    const carry = async () => {
      await answer.body.pipeTo(writable);
      const reader = copy.getReader({ mode: 'byob' });
      while (!(await take(reader)));
    };
    context.waitUntil(carry());
    return new Response(pass, { headers: { 'content-type': 'text/event-stream' } });
  }`],
  ['instead: each piece read and written', `relay(async (body, writable) => {
    const reader = body.getReader();
    const writer = writable.getWriter();
    for (let read = await reader.read(); !read.done; read = await reader.read()) await writer.write(read.value);
    await writer.close();
  })`],
];

const child = (file, ...args) => fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String));
const upstream = child('upstream.mjs', CHUNK_PACE_MS);
const load = child('load.mjs');
const [{ port }] = await once(upstream, 'message');

async function start([name, way]) {
  const plain = {
    modules: [{ type: 'ESModule', path: 'index.js', contents: `${COMMON}export default { fetch: ${way} };` }],
    bindings: { UPSTREAM: `http://127.0.0.1:${port}/` },
    withDatabase: false,
    objects: {},
  };
  const gateway = {
    modules: way === null ? builtModules() : [],
    bindings: { GATEWAY_API_KEY: KEY, DEFAULT_PROJECT_ID: 'bench', LEDGER_FLUSH_MS: '1000', GROQ_API_KEY: KEY, GROQ_BASE_URL: `http://127.0.0.1:${port}/v1` },
  };
  const { urls, pid, dispose } = await startWorkerd(way === null ? gateway : plain);
  return { name, url: `${urls[0]}/v1/chat/completions`, pid, dispose, restMs: way === null ? REST_MS.gateway : REST_MS.worker };
}

const subjects = [];
for (const way of WAYS) subjects.push(await start(way));
const body = JSON.stringify({ model: 'groq/gpt-oss-120b', stream: true, max_tokens: CHUNKS, messages: [{ role: 'user', content: 'x'.repeat(900) }] });

/** @returns CPU for each chunk in µs. */
async function measure({ name, url, pid, restMs }) {
  const before = cpuMs(pid);
  load.send({ url, headers: { authorization: `Bearer ${KEY}` }, body, stream: true, requests: STREAMS, concurrency: STREAMS_AT_A_TIME });
  const [{ failed }] = await once(load, 'message');
  if (failed > 0) throw new Error(`${failed} streams of "${name}" were not whole`);
  await new Promise((resolve) => setTimeout(resolve, restMs));
  return ((cpuMs(pid) - before) * 1000) / STREAMS / CHUNKS;
}

const samples = subjects.map(() => []);
// The first round only warms up.
for (let round = 0; round <= ROUNDS; round += 1) {
  const order = subjects.map((_, i) => i);
  for (const i of round % 2 ? order : order.reverse()) {
    const cpuUs = await measure(subjects[i]);
    if (round > 0) samples[i].push(cpuUs);
  }
}
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
console.log(`CPU per chunk, ${CHUNKS} chunks a stream, median of ${ROUNDS} rounds\n\n| way | µs | against bare fetch | range |\n|---|---|---|---|`);
subjects.forEach(({ name }, i) => {
  const ratios = samples[i].map((cpuUs, round) => cpuUs / samples[0][round]);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  console.log(`| ${name} | ${median(samples[i]).toFixed(1)} | ${median(ratios).toFixed(2)} | ${least.toFixed(2)} to ${most.toFixed(2)} |`);
});
await Promise.all(subjects.map(({ dispose }) => dispose()));
upstream.kill();
load.kill();
