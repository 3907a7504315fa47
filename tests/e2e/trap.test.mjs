// What a trap of WebAssembly costs, and that the worker goes on after it. The worker is the built one; beside it lies a
// module that does nothing but trap, and one import of the worker calls it when it is told to.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { builtModules } from './harness/bundle.mjs';
import { poll, providerVars, startGateway } from './harness/gateway.mjs';
import { ask, SHARED_MODEL } from './harness/requests.mjs';
import { afterGate, answer } from './upstream/behaviours.mjs';
import { startUpstream } from './upstream/server.mjs';
import { gate } from './upstream/steps.mjs';

/** `(func (export "trap") unreachable)` */
const TRAP = Buffer.from([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 0x74, 0x72, 0x61, 0x70, 0, 0, 10, 5, 1, 3, 0, 0, 0x0b,
]);

/** Stands before the worker's code: `globalThis.trapAt` is the beginning of the name of the import that traps next. */
const PRELUDE = `
import trapModule from './trap.wasm';
const { trap } = new WebAssembly.Instance(trapModule, {}).exports;
const Instance = WebAssembly.Instance;
WebAssembly.Instance = function (module, imports) {
  const own = imports['./index_bg.js'];
  for (const [name, call] of Object.entries(own)) {
    if (typeof call !== 'function') continue;
    own[name] = (...args) => {
      const request = name.startsWith('__wbg_head_') && args.find((arg) => arg instanceof Request);
      if (request) globalThis.trapAt = new URL(request.url).searchParams.get('trap') ?? globalThis.trapAt;
      if (globalThis.trapAt && name.startsWith('__wbg_' + globalThis.trapAt + '_')) {
        globalThis.trapAt = null;
        trap();
      }
      return call(...args);
    };
  }
  return new Instance(module, imports);
};
`;

const modules = () => [
  ...builtModules().map((module) => (module.type === 'ESModule' ? { ...module, contents: PRELUDE + module.contents } : module)),
  { type: 'CompiledWasm', path: 'trap.wasm', contents: TRAP },
];

describe('after a trap', () => {
  const scene = {};
  before(async () => {
    scene.upstream = await startUpstream();
    scene.gateway = await startGateway({ vars: providerVars(scene.upstream, 'groq'), isolates: 4, modules: modules() });
  });
  beforeEach(() => {
    scene.upstream.reset();
    scene.client = scene.gateway.freshClient();
  });
  after(async () => {
    await scene.gateway?.stop();
    await scene.upstream?.stop();
  });
  const question = ask({ model: `groq/${SHARED_MODEL}` });
  const trapping = (where) => scene.client.send({ method: 'POST', path: `/v1/chat/completions?trap=${where}`, body: JSON.stringify(question) });
  const assertWell = async () => {
    scene.upstream.always('groq', answer());
    const reply = await scene.client.chat(question);
    assert.equal(reply.status, 200, reply.text);
    // Its record goes through the ledger, which was made anew where it lived in the same instance.
    await scene.gateway.row(reply.headers['x-gateway-request-id']);
  };

  test('in the handler its client gets an error, and the next request is served', async () => {
    await assertWell();
    assert.equal((await trapping('head')).status, 500);
    await assertWell();
  });

  test('in a task its client and those of all other tasks get an error, and the next request is served', async () => {
    const { opened, open } = gate();
    scene.upstream.always('groq', afterGate({ opened }, answer()));
    const other = scene.client.chat(question);
    await poll(async () => scene.upstream.requests('groq').length === 1, 'the other request at the provider');
    assert.equal((await trapping('send')).status, 500);
    open();
    assert.equal((await other).status, 500);
    await assertWell();
  });

  test('in a ledger its client has its answer, and what comes next is served and booked', async () => {
    await assertWell();
    scene.upstream.always('groq', answer());
    const reply = await trapping('exec');
    assert.equal(reply.status, 200, reply.text);
    await assertWell();
  });

  test('five times in a row it still goes on', async () => {
    for (const where of ['head', 'send', 'head', 'respond', 'head']) {
      scene.upstream.always('groq', answer());
      assert.equal((await trapping(where)).status, 500, where);
    }
    await assertWell();
  });
});
