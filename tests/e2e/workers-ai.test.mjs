// Workers AI through the binding `AI`. The binding here is another worker that answers as Cloudflare's does: the real one needs a
// login even locally.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, assertError } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';

const BINDING = `
import { WorkerEntrypoint } from 'cloudflare:workers';
const chunk = (delta, finish_reason = null) => 'data: ' + JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] }) + '\\n\\n';
export class Ai extends WorkerEntrypoint {
  async run(model, inputs, options) {
    if (inputs.max_tokens === undefined || inputs.model !== undefined || !options.returnRawResponse) throw new Error('5006: AiError: Bad input');
    const asked = inputs.messages.at(-1).content;
    if (asked === 'busy') throw new Error('3040: Capacity temporarily exceeded, please try again.');
    if (asked === 'spent') throw new Error('3036: you have used up your daily free allocation of 10,000 neurons');
    const text = asked + ' by ' + model;
    if (inputs.stream) {
      const events = [chunk({ role: 'assistant', content: '' }), chunk({ content: text }), chunk({}, 'stop'), 'data: [DONE]\\n\\n'];
      return new Response(new Blob(events).stream(), { headers: { 'content-type': 'text/event-stream' } });
    }
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    return Response.json({ id: 'c', object: 'chat.completion', created: 1, model, choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }], usage });
  }
}
export default {};
`;
const MODEL = 'workers-ai/gpt-oss-20b';
const TEXT = 'hello by @cf/openai/gpt-oss-20b';

describe('Workers AI through its binding', () => {
  const scene = setScene({
    providers: [],
    isolates: 4,
    serviceBindings: { AI: { name: 'ai', entrypoint: 'Ai' } },
    otherWorkers: [{ name: 'ai', modules: true, script: BINDING }],
  });
  const say = (content, members = {}) => scene.client.chat(ask({ model: MODEL, messages: [{ role: 'user', content }], ...members }));

  test('answers without a key, whole and streamed', async () => {
    const whole = await say('hello');
    assert.equal(whole.status, 200, whole.text);
    assert.equal(whole.json.choices[0].message.content, TEXT);
    assert.equal(whole.json.metadata.used_provider, 'workers-ai');
    assert.equal(whole.json.usage.total_tokens, 5);
    const streamed = await say('hello', { stream: true });
    assert.ok(streamed.text.includes(TEXT) && streamed.text.endsWith('data: [DONE]\n\n'), streamed.text);
  });

  test('tells what the binding throws as a provider’s error', async () => {
    assertError(await say('busy'), { status: 503 });
    assertError(await say('spent'), { status: 429 });
  });

  test('takes a body of more than half a megabyte', async () => {
    const reply = await say('hello', { messages: [{ role: 'system', content: 'x'.repeat(250_000) }, { role: 'system', content: 'x'.repeat(300_000) }, { role: 'user', content: 'hello' }] });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.choices[0].message.content, TEXT);
  });
});
