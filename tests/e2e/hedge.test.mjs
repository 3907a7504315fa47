// A silent first token: the next provider is asked beside the first one, who answers first wins, the other call is given
// up, and the accounts tell what both cost.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { poll } from './harness/gateway.mjs';
import { askInOrder, assertError, SHARED_MODEL, trailOf } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { readStream } from './harness/sse.mjs';
import { afterGate, chat, neverAnswer, status, stream } from './upstream/behaviours.mjs';
import { gate, role, silence } from './upstream/steps.mjs';

const TWO = ['groq', 'cerebras'];
/** A model that reasons is only hedged where it is told to think little. */
const quick = (fields = {}) => askInOrder(TWO, { stream: true, reasoning_effort: 'low', ...fields });

describe('a silent stream', () => {
  const scene = setScene({ providers: [...TWO, 'sambanova'], vars: { HEDGE_AFTER_MS: '150' }, isolates: 12 });

  const silent = { 'without headers': neverAnswer(), 'behind its headers': stream([role(), silence()]) };
  for (const [name, behaviour] of Object.entries(silent)) {
    test(`${name} is overtaken by the next provider, and given up`, async () => {
      scene.upstream.always('groq', behaviour);
      const reply = await scene.client.chat(quick());
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual(trailOf(reply), [['groq', 'hedged'], ['cerebras', '200']]);
      assert.deepEqual([reply.headers['x-gateway-provider'], reply.headers['x-gateway-attempts']], ['cerebras', '2']);
      const answer = readStream(reply.text);
      assert.deepEqual([answer.content, answer.dones, answer.error], ['Hello there', 1, undefined]);
      await scene.upstream.aborted('groq');
      assert.deepEqual(scene.upstream.counts(), { groq: 1, cerebras: 1 });
    });
  }

  test('is paid for its prompt beside the answer, whose own usage the client sees', async () => {
    scene.upstream.always('groq', neverAnswer());
    const alone = await scene.client.chat(askInOrder(['cerebras'], { stream: true, stream_options: { include_usage: true } }));
    const both = await scene.client.chat(quick({ stream_options: { include_usage: true } }));
    assert.deepEqual(readStream(both.text).usage, readStream(alone.text).usage);
    const [one, two] = await Promise.all([alone, both].map((reply) => scene.gateway.row(reply.headers['x-request-id'])));
    assert.equal(two.trail, `groq/${SHARED_MODEL}=hedged; cerebras/${SHARED_MODEL}=200`);
    assert.deepEqual([one.estimated, two.estimated, two.provider, two.attempts], [0, 1, 'cerebras', 2]);
    assert.ok(two.prompt_tokens > one.prompt_tokens && two.completion_tokens === one.completion_tokens);
    assert.ok(BigInt(two.cost_pico_usd) > BigInt(one.cost_pico_usd));
  });

  test('still wins if it speaks first', async () => {
    const open = gate();
    scene.upstream.always('groq', afterGate(open, chat()));
    scene.upstream.always('cerebras', stream([role(), silence()]));
    const connection = scene.client.beginChat(quick());
    await scene.upstream.received('cerebras');
    open.open();
    const reply = await connection.finished();
    assert.deepEqual(trailOf(reply), [['cerebras', 'hedged'], ['groq', '200']]);
    assert.equal(readStream(reply.text).content, 'Hello there');
    await scene.upstream.aborted('cerebras');
  });

  test('is still waited for when the other one fails', async () => {
    const open = gate();
    scene.upstream.always('groq', afterGate(open, chat()));
    scene.upstream.always('cerebras', status(500));
    const connection = scene.client.beginChat(quick());
    await scene.upstream.waitFor(() => scene.upstream.requests('cerebras')[0]?.ended, 'an answer of cerebras');
    open.open();
    const reply = await connection.finished();
    assert.deepEqual(trailOf(reply), [['cerebras', '500'], ['groq', '200']]);
    assert.deepEqual(scene.upstream.counts(), { groq: 1, cerebras: 1 });
  });

  test('and a failed one lead to the third provider', async () => {
    const open = gate();
    scene.upstream.always('groq', afterGate(open, status(503)));
    scene.upstream.always('cerebras', status(500));
    const connection = scene.client.beginChat(quick({ provider: { order: [...TWO, 'sambanova'], only: [...TWO, 'sambanova'] } }));
    await scene.upstream.waitFor(() => scene.upstream.requests('cerebras')[0]?.ended, 'an answer of cerebras');
    open.open();
    const reply = await connection.finished();
    assert.deepEqual(trailOf(reply), [['cerebras', '500'], ['groq', '503'], ['sambanova', '200']]);
  });

  test('is not hedged where the model may think, nor where nobody else is there', async () => {
    const open = gate();
    scene.upstream.always('groq', afterGate(open, chat()));
    const waiting = [quick({ reasoning_effort: 'high' }), quick({ reasoning_effort: undefined }), quick({ provider: { only: ['groq'] } })];
    const connections = waiting.map((body) => scene.client.beginChat(body));
    await scene.upstream.received('groq', 3);
    // One that is hedged began after them, so their time would have come before.
    const hedged = await scene.client.chat(quick());
    assert.deepEqual(trailOf(hedged), [['groq', 'hedged'], ['cerebras', '200']]);
    open.open();
    for (const connection of connections) assert.deepEqual(trailOf(await connection.finished()), [['groq', '200']]);
    assert.deepEqual(scene.upstream.counts(), { groq: 4, cerebras: 1 });
  });

  test('and its hedge are both given up when the client leaves', async () => {
    for (const provider of TWO) scene.upstream.always(provider, neverAnswer());
    const connection = scene.client.beginChat(quick({ project_id: 'hedge-left' }));
    await scene.upstream.received('cerebras');
    connection.leave();
    await scene.upstream.aborted('groq');
    await scene.upstream.aborted('cerebras');
    const row = await scene.gateway.rowOfProject('hedge-left');
    assert.deepEqual([row.status, row.error_class, row.attempts], [499, 'client_closed', 2]);
  });

  test('and its hedge are both given up at the client\'s deadline', async () => {
    for (const provider of TWO) scene.upstream.always(provider, neverAnswer());
    const reply = await scene.client.chat(quick(), { 'x-gateway-timeout': '600' });
    assertError(reply, { status: 504, code: 'provider_timeout' });
    assert.deepEqual(trailOf(reply).sort(), [['cerebras', 'timeout'], ['groq', 'timeout']]);
    await scene.upstream.aborted('groq');
    await scene.upstream.aborted('cerebras');
  });

  test('is slow: it is left alone when it was overtaken again and again', async () => {
    scene.upstream.always('groq', neverAnswer());
    for (let i = 0; i < 8; i += 1) {
      assert.deepEqual(trailOf(await scene.client.chat(quick())), [['groq', 'hedged'], ['cerebras', '200']]);
    }
    assert.deepEqual(trailOf(await scene.client.chat(quick())), [['cerebras', '200']]);
    await poll(() => scene.upstream.requests('groq').every(({ aborted }) => aborted), 'calls that were given up');
  });
});

describe('hedging', () => {
  const times = { FIRST_TOKEN_TIMEOUT_MS: '400', REASONING_FIRST_TOKEN_TIMEOUT_MS: '400' };

  for (const [name, vars] of [['that is off', { HEDGE_AFTER_MS: '0' }], ['that would be too dear', { HEDGE_AFTER_MS: '50', HEDGE_MAX_USD: '0' }]]) {
    describe(name, () => {
      const scene = setScene({ providers: TWO, vars: { ...times, ...vars }, isolates: 1 });

      test('does not happen', async () => {
        scene.upstream.always('groq', neverAnswer());
        assert.deepEqual(trailOf(await scene.client.chat(quick())), [['groq', 'timeout'], ['cerebras', '200']]);
      });
    });
  }
});
