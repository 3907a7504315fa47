// node bench/bodies.mjs: what it costs to see a body of 8 MB, in workers of a few lines, from a bare fetch, which never has it, to
// the gateway (`npm run build` first). It shows where the floor is.

import { compare, startUpstream } from './compare.mjs';
import { BARE_FETCH, GATEWAY } from './limits.mjs';
import { MEASURES } from './measures.mjs';
import { median, ratiosOf, round, samplesOf } from './statistics.mjs';
import { start, subjectsOf } from './subjects.mjs';

const ROUNDS = 5;
const WINDOW_BYTES = 256 * 1024;

const worker = (body) => `
const post = (env, body) => fetch(env.UPSTREAM, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
/** Reads a body through one buffer; \`take\` gets each piece. */
async function windows(body, take) {
  const reader = body.getReader({ mode: 'byob' });
  let buffer = new ArrayBuffer(${WINDOW_BYTES});
  for (;;) {
    const { done, value } = await reader.readAtLeast(${WINDOW_BYTES}, new Uint8Array(buffer));
    if (value) await take(value);
    if (done) return;
    buffer = value.buffer;
  }
}
export default { async fetch(request, env) { ${body} } };`;

/** Two ways to have all of a body and to send it on; nobody looks at it. */
const WAYS = [
  ['each window is written on', worker(`
    const { readable, writable } = new FixedLengthStream(Number(request.headers.get('content-length')));
    const answer = post(env, readable);
    const writer = writable.getWriter();
    await windows(request.body, (piece) => writer.write(piece.slice()));
    await writer.close();
    return answer;`)],
  ['arrayBuffer(), sent as it is', worker('return post(env, await request.arrayBuffer());')],
];

const upstream = await startUpstream();
const known = subjectsOf(upstream.url);
const [bare, gateway] = [BARE_FETCH, GATEWAY].map((name) => known.find((subject) => subject.name === name));
const specifications = [bare, ...WAYS.map(([name, contents]) => ({ ...bare, name, options: { ...bare.options, modules: [{ type: 'ESModule', path: 'index.js', contents }] } })), gateway];
const subjects = [];
try {
  for (const one of specifications) subjects.push(await start(one));
  const measures = MEASURES.filter(({ name }) => name.startsWith('8 MB'));
  const samples = await compare({ measures, subjects, rounds: ROUNDS });
  console.log('| worker | CPU, ms a request | against bare fetch | range |\n|---|---|---|---|');
  for (const { name } of subjects) {
    const ratios = ratiosOf(samples, measures[0].name, name, BARE_FETCH);
    const ms = median(samplesOf(samples, measures[0].name, name).map(({ cpuUs }) => cpuUs)) / 1000;
    console.log(`| ${name} | ${round(ms, 1)} | ${round(median(ratios))} | ${round(Math.min(...ratios))} to ${round(Math.max(...ratios))} |`);
  }
} finally {
  await Promise.all(subjects.map((subject) => subject.dispose()));
  upstream.stop();
}
