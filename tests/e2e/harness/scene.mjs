// The stage of a test file or suite: one upstream, one gateway, and for each test a clean script and a fresh isolate.

import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';
import { startUpstream } from '../upstream/server.mjs';
import { GATEWAY_KEY, providerKey, providerVars, startGateway } from './gateway.mjs';

/** What a WebAssembly worker leaves in the log when it trapped. */
const TRAPS = /panicked at|RuntimeError|unreachable executed|exceededMemory/;

/** Enough for a small suite; a large one says how many tests it has. One costs about 70 ms, many cost more each. */
const ISOLATES = 8;

/**
 * Call it at the top of a file or of a `describe`. Inside its tests `scene.upstream` is clean, `scene.client` has an
 * isolate of its own and `scene.gateway` is what both share. After the last one the log must hold no key and no trap.
 * @param vars variables, or a function that makes them of the upstream.
 * @param workerd more for `startWorkerd`.
 * @param isolates one for each test; 1 where the tests are to share it, because none of them spoils a provider's health.
 * @param together whether tests run at the same time: each takes a client by itself then, and nobody cleans the upstream.
 */
export function setScene({ providers, vars = {}, isolates = ISOLATES, together = false, ...workerd }) {
  const scene = { upstream: null, gateway: null, client: null };
  before(async () => {
    scene.upstream = await startUpstream();
    const own = typeof vars === 'function' ? vars(scene.upstream) : vars;
    scene.gateway = await startGateway({ vars: { ...providerVars(scene.upstream, ...providers), ...own }, isolates, ...workerd });
  });
  if (!together) beforeEach(() => {
    scene.upstream.reset();
    scene.client = isolates === 1 && scene.client !== null ? scene.client : scene.gateway.freshClient();
  });
  after(async () => {
    await scene.gateway?.stop();
    await scene.upstream?.stop();
    // Line by line: an assertion on a log of thousands of requests would take minutes to say what failed.
    const lines = (scene.gateway?.logs() ?? '').split('\n');
    assert.deepEqual(lines.filter((line) => TRAPS.test(line)), [], 'a trap is in the log');
    for (const secret of [GATEWAY_KEY, ...providers.map(providerKey)]) assert.deepEqual(lines.filter((line) => line.includes(secret)), [], 'a key is in the log');
  });
  return scene;
}
