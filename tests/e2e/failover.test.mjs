// What failures lead to that are not alike in every way of asking (those are in faults-*.test.mjs): what a client wrote
// benches nobody, refused parameters, error bodies without an end. Both sides are asserted.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { before, describe, test } from 'node:test';
import { ask, askInOrder, assertError, OPENAI_MODEL, SHARED_MODEL, trailOf } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { badKey, contextTooLong, status } from './upstream/behaviours.mjs';
import { errorBody } from './upstream/payloads.mjs';

const TWO = ['groq', 'cerebras'];

describe('a failure', () => {
  const scene = setScene({ providers: ['groq', 'cerebras', 'sambanova'] });

  test('for which no class stands alone still tells what a provider refused', async () => {
    scene.upstream.always('groq', status(400, errorBody('`temperature` is too hot for this model', { param: 'temperature' })));
    scene.upstream.always('cerebras', status(500));
    assertError(await scene.client.chat(askInOrder(TWO)), { status: 502, message: /groq: `temperature` is too hot/ });
  });

  test('by length goes to a larger window and to no other', async () => {
    const model = 'qwen3.8-27b'; // 131,042 tokens at groq, 65,536 at cerebras
    scene.upstream.script('cerebras', contextTooLong());
    const larger = await scene.client.chat(askInOrder(['cerebras', 'groq'], { model }));
    assert.equal(larger.headers['x-gateway-provider'], 'groq');
    scene.upstream.reset();
    scene.upstream.script('groq', contextTooLong());
    const none = await scene.client.chat(askInOrder(['groq', 'cerebras'], { model }));
    assertError(none, { status: 400, code: 'context_length_exceeded' });
    assert.deepEqual(scene.upstream.counts(), { groq: 1 });
  });

  test('by a refused parameter is tried once more, then told with the reason', async () => {
    const refusal = status(400, errorBody('Parameter `x_new` must be a colour', { param: 'x_new', code: 'invalid_value' }));
    for (const provider of ['groq', 'cerebras', 'sambanova']) scene.upstream.always(provider, refusal);
    const reply = await scene.client.chat(askInOrder(['groq', 'cerebras', 'sambanova']));
    assertError(reply, { status: 400, param: 'x_new', message: /must be a colour/ });
    assert.deepEqual(scene.upstream.counts(), { groq: 1, cerebras: 1 });
  });

  test('never reaches the client as another party\'s 401', async () => {
    scene.upstream.always('groq', badKey());
    scene.upstream.always('cerebras', status(500));
    assertError(await scene.client.chat(askInOrder(TWO)), { status: 502 });
  });
});

describe('what one client wrote', () => {
  const scene = setScene({ providers: ['openai', 'openrouter'], isolates: 9 });
  const openai = (fields) => ask({ model: OPENAI_MODEL, ...fields });

  // Each is a text that would bench a provider or a model, had the provider said it by itself.
  for (const words of ['incorrect api key', 'api key not valid', 'this is not a chat model', 'insufficient_quota', 'billing', 'reached its end of life']) {
    test(`benches nobody where a provider quotes it: ${words}`, async () => {
      scene.upstream.script('openai', status(400, errorBody(`Unrecognized request argument supplied: ${words}`)));
      const refused = await scene.client.chat(openai({ [words]: 1 }));
      assertError(refused, { status: 400, message: new RegExp(words) });
      const next = await scene.client.chat(openai());
      assert.equal(next.status, 200, next.text);
      assert.deepEqual(scene.upstream.counts(), { openai: 2 });
    });
  }

  test('benches nobody by a plain 403', async () => {
    scene.upstream.script('openai', status(403, errorBody('Forbidden')));
    const refused = await scene.client.chat(openai());
    assert.equal(refused.status, 502, refused.text);
    const next = await scene.client.chat(openai());
    assert.equal(next.status, 200, next.text);
    assert.deepEqual(scene.upstream.counts(), { openai: 2 });
  });

  test('benches no model because nobody at OpenRouter can do it', async () => {
    const words = 'No endpoints found that support tool use. To learn more about provider routing, visit: https://openrouter.ai/docs/provider-routing';
    scene.upstream.script('openrouter', status(404, { error: { code: 404, message: words } }));
    const model = `openrouter/${SHARED_MODEL}`;
    assertError(await scene.client.chat(ask({ model })), { status: 400, message: /No endpoints found/ });
    const next = await scene.client.chat(ask({ model }));
    assert.equal(next.status, 200, next.text);
    assert.deepEqual(scene.upstream.counts(), { openrouter: 2 });
  });

  test('does not hide a key that is really refused', async () => {
    scene.upstream.script('openai', badKey());
    for (let i = 0; i < 2; i += 1) assertError(await scene.client.chat(openai()), { status: 502, code: 'provider_authentication_failed' });
    assert.deepEqual(scene.upstream.counts(), { openai: 1 }, 'it is left alone');
  });
});

describe('an error reply whose body never ends', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'] });
  const endless = (code, bytes) => async (exchange) => {
    await exchange.start(code, { 'content-type': 'application/json' });
    await exchange.chunk(bytes);
    await exchange.gone;
  };

  for (const streamed of [false, true]) {
    test(`counts by its status, soon${streamed ? ', streamed' : ''}`, async () => {
      scene.upstream.always('groq', endless(429, '{"error":{"message":"slow down"'));
      const reply = await scene.client.chat(askInOrder(['groq', 'cerebras'], { stream: streamed }));
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual(trailOf(reply), [['groq', '429'], ['cerebras', '200']]);
      await scene.upstream.aborted('groq');
    });
  }
});

describe('an unreachable provider', () => {
  let closedPort;
  before(async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    closedPort = server.address().port;
    server.close();
    await once(server, 'close');
  });
  const scene = setScene({ providers: ['groq', 'cerebras'], vars: () => ({ GROQ_BASE_URL: `http://127.0.0.1:${closedPort}/v1` }) });

  test('is passed over', async () => {
    const reply = await scene.client.chat(askInOrder(['groq', 'cerebras']));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(trailOf(reply), [['groq', 'connect'], ['cerebras', '200']]);
  });

  test('does not use up the attempts of `auto` with its other models', async () => {
    const reply = await scene.client.chat(ask({ model: 'auto', provider: { order: ['groq'] } }));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(trailOf(reply), [['groq', 'connect'], ['cerebras', '200']]);
  });

  test('alone is a 502', async () => {
    assertError(await scene.client.chat(askInOrder(['groq'])), { status: 502 });
  });
});
