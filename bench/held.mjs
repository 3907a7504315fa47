// What a worker's isolate holds, without garbage. V8 collects garbage when it likes, and between two collections a process may have
// grown by more than a leak would in an hour. So the worker gets one more path, which has V8 collect in its isolate and tells how
// large the memory of WebAssembly is, and how much of it is free; and V8's inspector tells how large the heap is then.

import { once } from 'node:events';
import http from 'node:http';

const PATH = '/held';
/** With this it looks for free memory, too. */
const FREE = '?free';
/** Some things only a second collection frees: what the first one has finalised. */
const COLLECTIONS = 3;
/** The worker's isolate, as the inspector of a process of `startWorkerd` calls it. */
const ISOLATE = 'core:user:gateway-0';
/** It answers within milliseconds. */
const INSPECTOR_TIMEOUT_MS = 10_000;

/** What of `startWorkerd` this needs. */
export const INSPECTED = { v8Flags: '--expose-gc', inspector: true };

/** Memory is free in blocks of this size; a smaller gap counts as used. 20 MB are 5,000 of them, which takes milliseconds. */
const BLOCK_BYTES = 4096;

/** Remembers each instance of WebAssembly. It is evaluated before the worker. */
const WATCH = `
export const instances = [];
WebAssembly.Instance = class extends WebAssembly.Instance {
  constructor(...args) {
    super(...args);
    instances.push(this.exports);
  }
};`;

const MAIN = `
import { instances } from './watch.js';
import worker from './index.js';
export * from './index.js';
// What its allocator gives before it must grow the memory, and takes back. So each look makes the memory one page larger.
function freeBytes({ memory, __wbindgen_malloc: malloc, __wbindgen_free: free }) {
  const before = memory.buffer.byteLength;
  const blocks = [];
  do blocks.push(malloc(${BLOCK_BYTES}, 1)); while (memory.buffer.byteLength === before);
  for (const block of blocks) free(block, ${BLOCK_BYTES}, 1);
  return (blocks.length - 1) * ${BLOCK_BYTES};
}
export default {
  ...worker,
  async fetch(request, env, context) {
    const { pathname, search } = new URL(request.url);
    if (pathname !== '${PATH}') return worker.fetch(request, env, context);
    for (let i = 0; i < ${COLLECTIONS}; i += 1) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const sum = (figure) => instances.reduce((total, exports) => total + figure(exports), 0);
    const wasmBytes = sum(({ memory }) => memory.buffer.byteLength);
    return Response.json({ wasmBytes, freeBytes: search === '${FREE}' ? sum(freeBytes) : 0 });
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
export const heldBytes = async (url, inspectorUrl) => (await held(url, inspectorUrl, '')).heldBytes;

/**
 * @returns the same as `{heldBytes, usedBytes}`: also without what is free in the memory of WebAssembly. That memory never shrinks, and
 * now and then it grows by the length of a long body because its gaps, though large enough together, are none of them long enough.
 */
export const heldAndUsed = (url, inspectorUrl) => held(url, inspectorUrl, FREE);

async function held(url, inspectorUrl, search) {
  const { wasmBytes, freeBytes } = await collect(new URL(PATH + search, url));
  const { usedSize, embedderHeapUsedSize, backingStorageSize } = await ask(`${inspectorUrl}/${ISOLATE}`, 'Runtime.getHeapUsage');
  const heldBytes = usedSize + embedderHeapUsedSize + backingStorageSize + wasmBytes;
  return { heldBytes, usedBytes: heldBytes - freeBytes };
}

/** Over a connection of its own, as the worker may have closed any other. */
async function collect(url) {
  const [answer] = await once(http.get(url, { agent: false }), 'response');
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
