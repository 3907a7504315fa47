// The client's own deadline: nothing runs longer, and what it cut short says nothing about a provider.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { askInOrder, assertError, OPENAI_MODEL, ask, trailOf } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { readStream } from './harness/sse.mjs';
import { chat, neverAnswer, status, stream } from './upstream/behaviours.mjs';
import { done, finish, gate, hold, role, silence, text } from './upstream/steps.mjs';

const TWO = ['groq', 'cerebras'];
const within = (ms) => ({ 'x-gateway-timeout': String(ms) });

describe('a request with a timeout of its own', () => {
  const scene = setScene({ providers: [...TWO, 'openai'], isolates: 12 });

  for (const streamed of [false, true]) {
    test(`has a 504 when its time is over, and its call is given up${streamed ? ', streamed' : ''}`, async () => {
      for (const provider of TWO) scene.upstream.always(provider, neverAnswer());
      const reply = await scene.client.chat(askInOrder(TWO, { stream: streamed }), within(250));
      const error = assertError(reply, { status: 504, code: 'provider_timeout', message: /within the 250 ms/ });
      assert.equal(error.type, 'server_error');
      assert.deepEqual(trailOf(reply), [['groq', 'timeout']]);
      await scene.upstream.aborted('groq');
      const row = await scene.gateway.row(reply.headers['x-request-id']);
      assert.deepEqual([row.status, row.error_class], [504, 'timeout']);
    });
  }

  test('fails over within it', async () => {
    scene.upstream.always('groq', status(500));
    const reply = await scene.client.chat(askInOrder(TWO), within(10_000));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(trailOf(reply), [['groq', '500'], ['cerebras', '200']]);
  });

  test('takes the smaller one of its two headers', async () => {
    scene.upstream.always('groq', neverAnswer());
    const headers = { 'x-gateway-timeout': '60000', 'x-opengateway-timeout': '200' };
    assertError(await scene.client.chat(askInOrder(['groq']), headers), { status: 504, message: /within the 200 ms/ });
  });

  test('is refused where it is no number of milliseconds, and an empty one is none', async () => {
    for (const header of ['x-gateway-timeout', 'x-opengateway-timeout']) {
      for (const bad of ['0', '-5', '1.5', 'soon']) {
        assertError(await scene.client.chat(askInOrder(TWO), { [header]: bad }), { status: 400, param: header, message: /whole number/ });
      }
      assert.equal((await scene.client.chat(askInOrder(TWO), { [header]: '' })).status, 200);
    }
  });

  test('ends with the first token of a stream: the answer may take longer', async () => {
    const rest = gate();
    scene.upstream.script('groq', stream([role(), text('one'), hold(rest), text(' two'), finish(), done()]));
    const connection = await scene.client.openChat(askInOrder(['groq'], { stream: true }), within(2_000));
    await connection.untilBody('one');
    // Another request lasts as long as the first one's timeout, and begins after it.
    scene.upstream.always('cerebras', neverAnswer());
    assertError(await scene.client.chat(askInOrder(['cerebras']), within(2_000)), { status: 504 });
    rest.open();
    const answer = readStream((await connection.finished()).text);
    assert.deepEqual([answer.content, answer.error, answer.dones], ['one two', undefined, 1]);
  });

  for (const streamed of [false, true]) {
    test(`that is hostile opens nobody's circuit${streamed ? ', streamed' : ''}`, async () => {
      const waits = streamed ? stream([role(), silence()]) : neverAnswer();
      scene.upstream.always('openai', waits);
      for (let i = 0; i < 4; i += 1) {
        assertError(await scene.client.chat(ask({ model: OPENAI_MODEL, stream: streamed }), within(i === 3 ? 60 : 1)), { status: 504 });
      }
      scene.upstream.reset();
      scene.upstream.always('openai', chat());
      const reply = await scene.client.chat(ask({ model: OPENAI_MODEL }));
      assert.deepEqual([reply.status, reply.headers['x-gateway-attempts']], [200, '1'], reply.text);
      const { data } = (await scene.client.get('/v1/providers')).json;
      const openai = data.find(({ id }) => id === 'openai');
      assert.doesNotMatch(JSON.stringify(openai), /"open"|"half_open"|timeout/, JSON.stringify(openai));
    });
  }
});

describe('a client that waits less for one provider', () => {
  const scene = setScene({ providers: TWO, vars: { HEDGE_AFTER_MS: '0' }, isolates: 2 });

  test('has the next one for its first token', async () => {
    scene.upstream.always('groq', neverAnswer());
    const reply = await scene.client.chat(askInOrder(TWO, { stream: true }), { 'x-gateway-first-token-timeout': '300' });
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(trailOf(reply), [['groq', 'timeout'], ['cerebras', '200']]);
    await scene.upstream.aborted('groq');
  });

  test('has an end of a stream that goes silent, and opens no circuit by it', async () => {
    const json = { stream: true, response_format: { type: 'json_object' } };
    scene.upstream.always('groq', stream([role(), text('one'), silence()]));
    for (let i = 0; i < 4; i += 1) {
      const reply = await scene.client.chat(askInOrder(['groq'], json), { 'x-gateway-stream-idle-timeout': '300' });
      assert.equal(reply.headers['x-gateway-attempts'], '1', 'it is asked again each time');
      const answer = readStream(reply.text);
      assert.deepEqual([answer.content, answer.error.code, answer.dones], ['one', 'stream_cut', 0]);
    }
    assert.deepEqual(scene.upstream.counts(), { groq: 4 });
  });
});

describe('headers that do not come', () => {
  const vars = { HEADERS_TIMEOUT_MS: '300', HEDGE_AFTER_MS: '0' };
  const scene = setScene({ providers: TWO, vars, isolates: 2 });

  test('are given up before the first token would be', async () => {
    scene.upstream.always('groq', neverAnswer());
    const reply = await scene.client.chat(askInOrder(TWO, { stream: true }));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(trailOf(reply), [['groq', 'timeout'], ['cerebras', '200']]);
    await scene.upstream.aborted('groq');
  });
});

describe('the deadline of all attempts', () => {
  const times = { FIRST_TOKEN_TIMEOUT_MS: '300', REASONING_FIRST_TOKEN_TIMEOUT_MS: '300', FAILOVER_DEADLINE_MS: '500', HEDGE_AFTER_MS: '0' };
  const three = [...TWO, 'sambanova'];
  const scene = setScene({ providers: three, vars: times, isolates: 2 });

  test('ends them after the first failover, which has its time in any case', async () => {
    for (const provider of three) scene.upstream.always(provider, neverAnswer());
    const reply = await scene.client.chat(askInOrder(three, { stream: true }));
    assertError(reply, { status: 504 });
    assert.deepEqual(trailOf(reply), [['groq', 'timeout'], ['cerebras', 'timeout']]);
    assert.deepEqual(scene.upstream.counts(), { groq: 1, cerebras: 1 });
  });
});
