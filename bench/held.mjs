// What a worker's isolate holds, without garbage. V8 collects garbage when it likes, and between two collections a process may have
// grown by more than a leak would in an hour. So the worker gets one more path, which has V8 collect in its isolate and tells how
// large the memory of WebAssembly is; and V8's inspector tells how large the heap is then.

import { once } from 'node:events';
import http from 'node:http';

const PATH = '/held';
/** Some things only a second collection frees: what the first one has finalised. */
const COLLECTIONS = 3;
/** The worker's isolate, as the inspector of a process of `startWorkerd` calls it. */
const ISOLATE = 'core:user:gateway-0';
/** It answers within milliseconds. */
const INSPECTOR_TIMEOUT_MS = 10_000;

/** What of `startWorkerd` this needs. */
export const INSPECTED = { v8Flags: '--expose-gc', inspector: true };

/** Remembers the memory of each instance of WebAssembly. It is evaluated before the worker. */
const WATCH = `
export const memories = [];
WebAssembly.Instance = class extends WebAssembly.Instance {
  constructor(...args) {
    super(...args);
    memories.push(this.exports.memory);
  }
};`;

const MAIN = `
import { memories } from './watch.js';
import worker from './index.js';
export * from './index.js';
export default {
  ...worker,
  async fetch(request, env, context) {
    if (!request.url.endsWith('${PATH}')) return worker.fetch(request, env, context);
    for (let i = 0; i < ${COLLECTIONS}; i += 1) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return Response.json(memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0));
  },
};`;

/** The modules of a worker, whose main one is `index.js`, with that path. */
export const withWatch = (modules) => [
  { type: 'ESModule', path: 'main.js', contents: MAIN },
  { type: 'ESModule', path: 'watch.js', contents: WATCH },
  ...modules,
];

/**
 * Collects the garbage of the worker at `url`, in the process of `inspectorUrl`.
 * @returns what its isolate holds, in bytes: what V8 calls used, and the memory of WebAssembly. It is what Cloudflare counts
 * against an isolate's 128 MB.
 */
export async function heldBytes(url, inspectorUrl) {
  const wasmBytes = await collect(url);
  const { usedSize, embedderHeapUsedSize, backingStorageSize } = await ask(`${inspectorUrl}/${ISOLATE}`, 'Runtime.getHeapUsage');
  return usedSize + embedderHeapUsedSize + backingStorageSize + wasmBytes;
}

/** Over a connection of its own, as the worker may have closed any other. */
async function collect(url) {
  const [answer] = await once(http.get(new URL(PATH, url), { agent: false }), 'response');
  return JSON.parse((await answer.toArray()).join(''));
}

async function ask(url, method) {
  const socket = new WebSocket(url);
  const signal = AbortSignal.timeout(INSPECTOR_TIMEOUT_MS);
  try {
    await once(socket, 'open', { signal });
    const answered = once(socket, 'message', { signal });
    socket.send(JSON.stringify({ id: 1, method }));
    return JSON.parse((await answered)[0].data).result;
  } finally {
    socket.close();
  }
}
