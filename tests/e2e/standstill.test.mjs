// A stream that pings and says nothing: its pings are signs of life for a while, and then it is one that went silent. On a
// stream that is relayed as it is (groq), one that is rewritten (openai, or with `usage`), and one of Anthropic's.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, askInOrder, OPENAI_MODEL, SHARED_MODEL } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { readStream } from './harness/sse.mjs';
import { messages, textBlock, toolUse } from './upstream/anthropic.mjs';
import { chat, stream } from './upstream/behaviours.mjs';
import { chunk, USAGE } from './upstream/payloads.mjs';
import { comment, done, event, finish, pings, role, text, trailingUsage } from './upstream/steps.mjs';

const CLAUDE = 'claude-sonnet-5';
const TIME_TOOL = { type: 'function', function: { name: 'get_time' } };
const JSON_ANSWER = { response_format: { type: 'json_object' } };
const idle = (ms) => ({ STREAM_IDLE_TIMEOUT_MS: ms, REASONING_STREAM_IDLE_TIMEOUT_MS: ms, HEDGE_AFTER_MS: '0' });

const processing = comment('OPENROUTER PROCESSING');
const emptyChunk = (stream) => event(chunk(stream.request, { delta: { content: '' } }))(stream);
/** Anthropic's pings, as a step among its events. */
const claudePings = (options) => (exchange) =>
  pings(() => exchange.chunk('event: ping\ndata: {"type": "ping"}\n\n'), options)({ exchange });

/** Of each kind of stream one, at the same time. */
async function each(scene, requests) {
  const clients = requests.map(() => scene.gateway.freshClient());
  return Promise.all(requests.map((request, index) => clients[index].chat(request)));
}

describe('a stream that only pings', () => {
  const scene = setScene({ providers: ['groq', 'cerebras', 'openai', 'anthropic', 'openrouter'], vars: idle('400'), isolates: 20 });

  // Nobody can go on with JSON, or with the call of a tool.
  for (const [name, sign] of [['comments', processing], ['empty chunks', emptyChunk]]) {
    test(`ends with an error event: ${name}`, async () => {
      for (const provider of ['groq', 'openai']) scene.upstream.always(provider, stream([role(), text('half', ' an'), pings(sign)]));
      const half = [textBlock('half', ' an'), toolUse('toolu_1', 'get_time', {})];
      scene.upstream.always('anthropic', messages(half, { then: (events) => [...events.slice(0, -2), claudePings()] }));
      const replies = await each(scene, [
        ask({ model: `groq/${SHARED_MODEL}`, stream: true, ...JSON_ANSWER }),
        ask({ model: OPENAI_MODEL, stream: true, ...JSON_ANSWER }),
        ask({ model: `anthropic/${CLAUDE}`, stream: true, tools: [TIME_TOOL] }),
      ]);
      for (const reply of replies) {
        const told = readStream(reply.text);
        assert.deepEqual([reply.status, told.content, told.finishReasons, told.dones], [200, 'half an', [], 0]);
        assert.equal(told.error?.code, 'stream_cut', reply.text.slice(-300));
        assert.match(told.error.message, /went silent/);
        const row = await scene.gateway.row(reply.headers['x-request-id']);
        assert.deepEqual([row.status, row.error_class, row.estimated], [200, 'stream_cut', 1]);
      }
      for (const provider of ['groq', 'openai', 'anthropic']) await scene.upstream.aborted(provider);
      assert.deepEqual(scene.upstream.counts(), { groq: 1, openai: 1, anthropic: 1 });
    });
  }

  // As fast as a model that is caught in a loop: the relay rests between two reads then, which is no fault of the client's.
  test('ends with an error event as well if it pings without a pause', async () => {
    scene.upstream.always('openai', stream([role(), text('half', ' an'), pings(emptyChunk, { paceMs: 4 })]));
    const reply = await scene.gateway.freshClient().chat(ask({ model: OPENAI_MODEL, stream: true, ...JSON_ANSWER }));
    const told = readStream(reply.text);
    assert.deepEqual([told.content, told.finishReasons, told.error?.code], ['half an', [], 'stream_cut']);
    await scene.upstream.aborted('openai');
  });

  test('goes on with somebody else', async () => {
    const rest = chat({ content: ['half', ' an', ' answer'] });
    scene.upstream.always('groq', stream([role(), text('half', ' an'), pings(processing)]));
    scene.upstream.always('cerebras', rest);
    scene.upstream.always('anthropic', messages([textBlock('half', ' an')], { then: (events) => [...events.slice(0, -3), claudePings()] }));
    scene.upstream.always('openrouter', rest);
    const replies = await each(scene, [
      askInOrder(['groq', 'cerebras'], { stream: true }),
      askInOrder(['groq', 'cerebras'], { stream: true, usage: { include: true } }),
      askInOrder(['anthropic', 'openrouter'], { model: CLAUDE, stream: true }),
    ]);
    for (const reply of replies) {
      const told = readStream(reply.text);
      assert.deepEqual([told.content, told.finishReasons, told.dones], ['half an answer', ['stop'], 1], reply.text);
      const row = await scene.gateway.row(reply.headers['x-request-id']);
      assert.deepEqual([row.error_class, row.attempts], [null, 2]);
    }
    assert.deepEqual(scene.upstream.counts(), { groq: 2, cerebras: 2, anthropic: 1, openrouter: 1 });
  });
});

describe('a stream that pings for longer than it may be silent, and then goes on,', () => {
  const IDLE_MS = 1_500;
  const scene = setScene({ providers: ['groq', 'openai', 'anthropic'], vars: idle(`${IDLE_MS}`), isolates: 4 });

  test('is whole', async () => {
    const waits = { forMs: 1.5 * IDLE_MS };
    const ending = [finish('stop', USAGE), done()];
    scene.upstream.always('groq', stream([role(), text('one'), pings(processing, waits), text(' two'), ...ending]));
    scene.upstream.always('openai', stream([role(), text('one'), pings(emptyChunk, waits), text(' two'), finish(), trailingUsage(USAGE), done()]));
    const pinging = (events) => [...events.slice(0, 4), claudePings(waits), ...events.slice(4)];
    scene.upstream.always('anthropic', messages([textBlock('one', ' two')], { then: pinging }));
    const replies = await each(scene, [`groq/${SHARED_MODEL}`, OPENAI_MODEL, `anthropic/${CLAUDE}`].map((model) => ask({ model, stream: true })));
    for (const reply of replies) {
      const told = readStream(reply.text);
      assert.deepEqual([told.content, told.finishReasons, told.dones, told.error], ['one two', ['stop'], 1, undefined], reply.text);
      assert.equal((await scene.gateway.row(reply.headers['x-request-id'])).error_class, null);
    }
    assert.deepEqual(scene.upstream.counts(), { groq: 1, openai: 1, anthropic: 1 });
  });
});
