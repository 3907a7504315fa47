// The failover sequence: the only providers that a request may use, in the client's own order.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, assertError, trailOf } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { badKey, status } from './upstream/behaviours.mjs';

const HEADER = 'x-opengateway-failover-sequence';
const inSequence = (...providers) => ({ [HEADER]: JSON.stringify(providers) });

describe('a failover sequence', () => {
  const scene = setScene({ providers: ['groq', 'cerebras', 'sambanova', 'together', 'fireworks'], isolates: 7 });

  for (const stream of [false, true]) {
    test(`is the whole list of providers, in its order${stream ? ', streamed' : ''}`, async () => {
      scene.upstream.always('sambanova', status(500));
      scene.upstream.always('cerebras', badKey());
      const reply = await scene.client.chat(ask({ stream }), inSequence('sambanova', 'cerebras'));
      assertError(reply, { status: 502 });
      assert.deepEqual(trailOf(reply), [['sambanova', '500'], ['cerebras', '401']]);
      assert.deepEqual(scene.upstream.counts(), { sambanova: 1, cerebras: 1 }, 'groq, which is well, is never asked');
    });
  }

  test('goes before the order of the body, and narrows its `only` down', async () => {
    scene.upstream.always('sambanova', status(500));
    const provider = { order: ['groq'], only: ['groq', 'sambanova'] };
    const reply = await scene.client.chat(ask({ provider }), inSequence('cerebras', 'sambanova', 'groq'));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(trailOf(reply), [['sambanova', '500'], ['groq', '200']]);
  });

  test('gives each provider its turn in `auto`', async () => {
    for (const provider of ['groq', 'cerebras']) scene.upstream.always(provider, status(500));
    const reply = await scene.client.chat(ask({ model: 'auto' }), inSequence('cerebras', 'groq', 'sambanova'));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(trailOf(reply), [['cerebras', '500'], ['groq', '500'], ['sambanova', '200']]);
  });

  test('of five providers is followed to its end, also in `auto`', async () => {
    const [last, ...failing] = ['groq', 'cerebras', 'sambanova', 'together', 'fireworks'];
    for (const provider of failing) scene.upstream.always(provider, status(500));
    const reply = await scene.client.chat(ask({ model: 'auto' }), inSequence(...failing, last));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(trailOf(reply).map(([provider]) => provider), [...failing, last]);
  });

  test('that is empty is none', async () => {
    assert.equal((await scene.client.chat(ask(), { [HEADER]: '' })).status, 200);
    assert.equal((await scene.client.chat(ask(), { [HEADER]: '  ' })).status, 200);
  });

  test('that cannot be followed is refused before anybody is asked', async () => {
    const refused = async (value, message, fields = {}) =>
      assertError(await scene.client.chat(ask(fields), { [HEADER]: value }), { status: 400, param: HEADER, message });
    await refused('groq,cerebras', /must be a JSON array of at least one provider id/);
    await refused('{"groq":1}', /must be a JSON array/);
    await refused('["groq",7]', /must be a JSON array/);
    await refused('["groq","nobody"]', /There is no provider `nobody`/);
    await refused('["groq"]', /Add cerebras to it/, { model: 'cerebras/gpt-oss-120b' });
    assert.deepEqual(scene.upstream.counts(), {});
  });
});
