// Workers AI through the binding `AI`. The binding here is JavaScript in the same isolate, as Cloudflare's is (workerd, ai-api.ts),
// and answers like that: the real one needs a login even locally.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { poll } from './harness/gateway.mjs';
import { ask, assertError } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';

const BINDING = `
const event = (data) => new TextEncoder().encode('data: ' + (typeof data === 'string' ? data : JSON.stringify(data)) + '\\n\\n');
const chunk = (delta, finish_reason = null) => event({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] });
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
let broken = 0;
// A stream that JavaScript makes: no stream of bytes.
const stream = (events, ends = true) => new ReadableStream({
  start(controller) {
    for (const bytes of events) controller.enqueue(bytes);
    if (ends) controller.close();
  },
  cancel() { broken += 1; },
});
const old = (text, streamed) => streamed ? stream([event({ response: text, p: 'abc' }), event({ response: '', usage }), event('[DONE]')]) : { response: text, tool_calls: [], usage };
export default () => ({
  async run(model, inputs, options) {
    if (inputs.max_tokens === undefined || inputs.model !== undefined || !options.returnRawResponse) throw new Error('5006: AiError: Bad input');
    const asked = inputs.messages.at(-1).content;
    if (asked === 'busy') throw new Error('3040: Capacity temporarily exceeded, please try again.');
    if (asked === 'spent') return Response.json({ internalCode: 3036, message: 'AiError: used up', name: 'AiError', description: 'used up' }, { status: 429 });
    if (asked === 'odd null') throw null;
    if (asked === 'odd object') throw Object.create(null);
    if (asked === 'odd nothing') return undefined;
    if (asked === 'silent') return new Promise(() => {});
    if (asked === 'stall') return stream([chunk({ role: 'assistant', content: 'one' })], false);
    if (asked === 'broken') return old(String(broken), false);
    const text = asked + ' by ' + model;
    if (model.includes('llama')) return old(text, inputs.stream);
    if (inputs.stream) return new Response(stream([chunk({ role: 'assistant', content: '' }), chunk({ content: text }), chunk({}, 'stop'), event('[DONE]')]), { headers: { 'content-type': 'text/event-stream' } });
    return Response.json({ id: 'c', object: 'chat.completion', created: 1, model, choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }], usage });
  },
});
`;
const MODEL = 'workers-ai/gpt-oss-20b';
const OLD_MODEL = 'workers-ai/llama-3.3-70b';
const TEXT = 'hello by @cf/openai/gpt-oss-20b';
const OLD_TEXT = 'hello by @cf/meta/llama-3.3-70b-instruct-fp8-fast';

describe('Workers AI through its binding', () => {
  const scene = setScene({
    providers: [],
    isolates: 8,
    wrappedBindings: { AI: 'ai' },
    // It has the date of the worker that it is bound to.
    otherWorkers: [{ name: 'ai', modules: true, script: BINDING, compatibilityDate: undefined, compatibilityFlags: undefined }],
  });
  const say = (content, members = {}, headers = {}) => scene.client.chat(ask({ model: MODEL, messages: [{ role: 'user', content }], ...members }), headers);

  test('answers without a key, whole and streamed', async () => {
    const whole = await say('hello');
    assert.equal(whole.status, 200, whole.text);
    assert.equal(whole.json.choices[0].message.content, TEXT);
    assert.equal(whole.json.metadata.used_provider, 'workers-ai');
    assert.equal(whole.json.usage.total_tokens, 5);
    const streamed = await say('hello', { stream: true });
    assert.ok(streamed.text.includes(TEXT) && streamed.text.endsWith('data: [DONE]\n\n'), streamed.text);
  });

  test('answers in OpenAI’s form where a model has a form of its own', async () => {
    const whole = await say('hello', { model: OLD_MODEL });
    assert.equal(whole.status, 200, whole.text);
    const [choice] = whole.json.choices;
    assert.deepEqual([choice.message.content, choice.finish_reason, whole.json.usage.total_tokens], [OLD_TEXT, 'stop', 5]);
    const streamed = await say('hello', { model: OLD_MODEL, stream: true, stream_options: { include_usage: true } });
    const chunks = streamed.text.split('\n\n').filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6)));
    assert.equal(chunks.map((one) => one.choices[0]?.delta.content ?? '').join(''), OLD_TEXT);
    assert.deepEqual(chunks.flatMap((one) => one.choices[0]?.finish_reason ?? []), ['stop']);
    assert.equal(chunks.at(-1).usage.total_tokens, 5);
    assert.ok(streamed.text.endsWith('data: [DONE]\n\n'), streamed.text);
  });

  test('tells what the binding throws, and what it passes on, as a provider’s error', async () => {
    assertError(await say('busy'), { status: 503 });
    assertError(await say('spent'), { status: 429 });
  });

  test('survives whatever is thrown', async () => {
    for (const odd of ['odd null', 'odd object', 'odd nothing']) assertError(await say(odd), { status: 502 });
  });

  test('does not wait for ever, and breaks off a stream that is silent', async () => {
    assertError(await say('silent', {}, { 'x-gateway-timeout': '300' }), { status: 504 });
    const stalled = await say('stall', { stream: true }, { 'x-gateway-stream-idle-timeout': '300' });
    assert.match(stalled.text, /"code":"stream_cut"/);
    await poll(async () => Number((await say('broken')).json.choices[0].message.content) > 0, 'broken stream');
  });

  test('takes a body of more than half a megabyte', async () => {
    const reply = await say('hello', { messages: [{ role: 'system', content: 'x'.repeat(250_000) }, { role: 'system', content: 'x'.repeat(300_000) }, { role: 'user', content: 'hello' }] });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.choices[0].message.content, TEXT);
  });
});
