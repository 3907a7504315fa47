// Where the CPU of a request goes: `node bench/profile.mjs "gateway" 8` puts one subject of the benchmark (see `subjects.mjs`)
// under a load of 1 KB requests, so many at a time, and prints its CPU by area, from `perf` (Linux, `apt install linux-perf`;
// as root, or with kernel.perf_event_paranoid at 1). Build first. What is compared is two subjects, not two days.
//
// An area is the innermost of those that a sample's stack goes through, so that they add up. workerd has its symbols and frame
// pointers, and V8 names what it compiles in /tmp/perf-PID.map; WebAssembly's own functions have no names in a release build.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { cpuMs } from '../tests/e2e/harness/process.mjs';
import { child } from './compare.mjs';
import { start, subjectsOf } from './subjects.mjs';

const [wanted = 'gateway', concurrency = '8'] = process.argv.slice(2);
const REQUESTS = 10_000;
/** Before them, so that what is hot is compiled by the best compiler. */
const WARM_UP = 8_000;
const HERTZ = 1999;
const QUESTION_BYTES = 1024;
const SETTLE_MS = 2_000;

/** V8 tells perf the names of what it compiles, and of what it interprets. */
const v8Flags = '--perf-basic-prof --interpreted-frames-native-stack';

const isWasm = (frame) => /^JS:.*-(turbofan|liftoff)$/.test(frame);
const isImport = (frame) => /^JS:.*__wbg_/.test(frame);

/** An area and how its stacks are told, innermost frame first; the first one that fits counts. */
const AREAS = [
  ['V8, other threads: compilers, garbage collection', (stack) => stack.some((frame) => frame.includes('WorkerThread::Run'))],
  ['garbage collection', (stack) => stack.some((frame) => /Heap::CollectGarbage|MinorGCJob|cppgc::.*Sweep/.test(frame))],
  ['D1: Miniflare\'s worker and its SQLite', (stack) => stack.some((frame) => frame.includes('database.worker.js'))],
  ['SQLite of the objects', (stack) => stack.some((frame) => /sqlite3|ActorSqlite/.test(frame))],
  ['WebAssembly asks the platform', (stack) => stack.findIndex(isImport) >= 0 && stack.findIndex(isImport) < stack.findIndex(isWasm)],
  ['WebAssembly', (stack) => stack.some(isWasm)],
  ['Miniflare\'s worker between a fetch and the network', (stack) => stack.some((frame) => /strippedHeaders|fetch index\.js:7\d:/.test(frame))],
  ['JavaScript', (stack) => stack.some((frame) => frame.startsWith('JS:'))],
  ['a pipe\'s system calls: what is logged', (stack) => stack.some((frame) => /unix_stream_sendmsg|pipe_write/.test(frame))],
  ['system calls: sockets, timers, files', (stack) => stack.some((frame) => frame.startsWith('do_syscall_64'))],
  ['workerd, inside of an isolate', (stack) => stack.some((frame) => frame.includes('IoContext::runImpl'))],
  ['workerd, around it: HTTP, event loop', () => true],
];

/** What WebAssembly asked for: the name of the import that is innermost. */
const importOf = (stack) => /__wbg_(\w+?)_[0-9a-f]{16}/.exec(stack.find(isImport))?.[1] ?? 'others';

function count(table, key) {
  table.set(key, (table.get(key) ?? 0) + 1);
}

/** Reads what `perf script` prints: a stack a paragraph. */
async function stacksOf(file, take) {
  const script = spawn('perf', ['script', '-i', file, '-F', 'comm,tid,ip,sym'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let stack = [];
  for await (const line of createInterface({ input: script.stdout })) {
    const frame = /^\s+[0-9a-f]+\s+(.*)$/.exec(line)?.[1];
    if (frame !== undefined) stack.push(frame);
    else if (stack.length > 0) {
      take(stack);
      stack = [];
    }
  }
  if (stack.length > 0) take(stack);
}

const folder = mkdtempSync(path.join(tmpdir(), 'profile-'));
process.chdir(folder);
const upstream = child('upstream.mjs', 1);
const [{ port }] = await once(upstream, 'message');
const load = child('load.mjs');
const subjects = subjectsOf(`http://127.0.0.1:${port}`);
let subject;
try {
  const specification = subjects.find(({ name }) => name === wanted);
  if (!specification) throw new Error(`subjects: ${subjects.map(({ name }) => `"${name}"`).join(', ')}`);
  subject = await start({ ...specification, options: { ...specification.options, v8Flags } });
  const question = { model: 'groq/gpt-oss-120b', messages: [{ role: 'user', content: '' }] };
  question.messages[0].content = 'x'.repeat(QUESTION_BYTES - JSON.stringify(question).length);
  const run = async (requests) => {
    load.send({ url: subject.url, headers: subject.headers, body: JSON.stringify(question), stream: false, requests, concurrency: Number(concurrency) });
    const [{ failed }] = await once(load, 'message');
    if (failed > 0) throw new Error(`${failed} answers were not whole`);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  };
  await run(WARM_UP);
  const file = path.join(folder, 'perf.data');
  const perf = spawn('perf', ['record', '-F', String(HERTZ), '-g', '-o', file, '-p', String(subject.pid)], { stdio: 'ignore' });
  const before = cpuMs(subject.pid);
  await run(REQUESTS);
  const us = ((cpuMs(subject.pid) - before) * 1000) / REQUESTS;
  perf.kill('SIGINT');
  await once(perf, 'exit');

  const [areas, imports] = [new Map(), new Map()];
  let samples = 0;
  await stacksOf(file, (stack) => {
    samples += 1;
    const [area] = AREAS.find(([, fits]) => fits(stack));
    count(areas, area);
    if (area === 'WebAssembly asks the platform') count(imports, importOf(stack));
  });
  const print = (table, indent, least) => {
    for (const [name, hits] of [...table].sort(([, a], [, b]) => b - a)) {
      const share = hits / samples;
      if (share >= least) console.log(`${(share * us).toFixed(1).padStart(7)} µs ${(share * 100).toFixed(1).padStart(5)} %  ${indent}${name}`);
      if (name === 'WebAssembly asks the platform') print(imports, '  ', 0.004);
    }
  };
  console.log(`${wanted}, ${concurrency} at a time: ${us.toFixed(0)} µs of CPU a request, perf's own share included`);
  print(areas, '', 0);
} finally {
  await subject?.dispose();
  upstream.kill();
  load.kill();
  process.chdir('/');
  rmSync(folder, { recursive: true });
}
