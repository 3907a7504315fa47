// A stream whose provider breaks off goes on with another one. What each kind of cut comes to is in the fault suite (`faults-*`);
// here are clients that were not written for this gateway, and memory.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { streamText } from 'ai';
import OpenAI from 'openai';
import { GATEWAY_KEY, poll } from './harness/gateway.mjs';
import { ask, askInOrder, user } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { chat, stream } from './upstream/behaviours.mjs';
import { tokens } from './upstream/payloads.mjs';
import { destroyed, gate, hold, raw, role, silence, text } from './upstream/steps.mjs';

const CONTENT = tokens(60);

describe('an answer that breaks off at its first provider', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], isolates: 4 });
  const breaksOff = () => {
    scene.upstream.script('groq', stream([role(), text(...CONTENT.slice(0, 40)), destroyed()]));
    scene.upstream.script('cerebras', chat({ content: CONTENT }));
  };
  const request = (fields = {}) => askInOrder(['groq', 'cerebras'], { stream: true, ...fields });

  test('is one answer for the OpenAI SDK', async () => {
    breaksOff();
    const sdk = new OpenAI({ apiKey: GATEWAY_KEY, baseURL: `${scene.client.url}/v1`, maxRetries: 0 });
    const ids = new Set();
    const streamed = sdk.chat.completions.stream(request({ stream_options: { include_usage: true } }));
    streamed.on('chunk', ({ id }) => ids.add(id));
    const whole = await streamed.finalChatCompletion();
    assert.equal(whole.choices[0].message.content, CONTENT.join(''));
    assert.equal(whole.choices[0].finish_reason, 'stop');
    assert.equal(ids.size, 1);
    assert.ok(whole.usage.prompt_tokens > 9, 'both prompts were billed');
    assert.equal(scene.upstream.requests('cerebras').length, 1);
  });

  test('is one answer for the AI SDK', async () => {
    breaksOff();
    const gateway = createOpenAICompatible({ name: 'gateway', apiKey: GATEWAY_KEY, baseURL: `${scene.client.url}/v1` });
    const result = streamText({ model: gateway('gpt-oss-120b'), prompt: 'Say hello.', maxRetries: 0, providerOptions: { gateway: { provider: { order: ['groq', 'cerebras'] } } } });
    let whole = '';
    for await (const part of result.textStream) whole += part;
    assert.equal(whole, CONTENT.join(''));
    assert.equal(await result.finishReason, 'stop');
  });

  test('is told as an error where the second one says something else', async () => {
    scene.upstream.script('groq', stream([role(), text(...CONTENT.slice(0, 40)), destroyed()]));
    scene.upstream.always('groq', chat({ content: ['Something else.'] }));
    scene.upstream.always('cerebras', chat({ content: ['Something else.'] }));
    const sdk = new OpenAI({ apiKey: GATEWAY_KEY, baseURL: `${scene.client.url}/v1`, maxRetries: 0 });
    let got = '';
    await assert.rejects(async () => {
      for await (const chunk of await sdk.chat.completions.create(request())) got += chunk.choices[0]?.delta.content ?? '';
    }, (error) => error instanceof OpenAI.APIError && /not complete/.test(error.message));
    assert.equal(got, CONTENT.slice(0, 40).join(''));
  });
});

describe('a client that hangs up at what it cannot read', () => {
  const scene = setScene({ providers: ['groq'], isolates: 1 });
  const request = ask({ model: 'groq/gpt-oss-120b', stream: true });
  const broken = (...rest) => stream([role(), text(...CONTENT.slice(0, 3)), raw('data: {"id":"x","choi\n\n'), ...rest]);
  const untilBlamed = () => poll(async () => {
    const { json } = await scene.client.get('/v1/providers');
    return json.data.find(({ id }) => id === 'groq').failed === 3;
  }, 'three failures of the provider');

  test('does not hide the fault of the provider', async () => {
    const hungUp = [gate(), gate(), gate()];
    // A client's closing shows where something is written to it.
    scene.upstream.script('groq', ...hungUp.map((held) => broken(hold(held), text(...CONTENT.slice(3)), silence())));
    const sdk = new OpenAI({ apiKey: GATEWAY_KEY, baseURL: `${scene.client.url}/v1`, maxRetries: 0 });
    const read = async () => {
      for await (const chunk of await sdk.chat.completions.create(request)) assert.ok(chunk.id);
    };
    for (const held of hungUp) {
      await assert.rejects(read, SyntaxError);
      held.open();
    }
    await untilBlamed();
  });
});

describe('a request that is kept while its answer streams', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], vars: { MAX_BODY_BYTES: '100000', INFLIGHT_BYTES_MAX: '150000' }, isolates: 3 });
  const big = () => askInOrder(['groq', 'cerebras'], { messages: [user('x'.repeat(90_000))], stream: true });
  const breaksOffAt = (held) => stream([role(), text(...CONTENT.slice(0, 3)), hold(held), destroyed()]);

  test('is there when the stream breaks off', async () => {
    const held = gate();
    scene.upstream.script('groq', breaksOffAt(held));
    scene.upstream.always('cerebras', chat({ content: CONTENT }));
    const reply = scene.client.chat(big());
    await scene.upstream.received('groq');
    held.open();
    assert.match((await reply).text, /data: \[DONE\]\n\n$/);
    assert.equal(scene.upstream.requests('cerebras')[0].json.messages[0].content.length, 90_000);
  });

  test('makes room for the next one, and then the stream cannot be resumed', async () => {
    const held = gate();
    scene.upstream.script('groq', breaksOffAt(held), chat({ content: CONTENT }));
    scene.upstream.always('cerebras', chat({ content: CONTENT }));
    const first = await scene.client.openChat(big());
    const second = await scene.client.chat(big());
    assert.equal(second.status, 200, second.text);
    held.open();
    const { text: got } = await first.finished();
    assert.match(got, /"code":"stream_cut"/);
    assert.ok(!got.includes('[DONE]'), got);
  });
});
