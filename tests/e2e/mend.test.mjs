// Providers whose replies differ from OpenAI's form, as an OpenAI client gets them. The shapes are those of the fixtures in
// tests/fixtures/mend, which name their sources.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI from 'openai';
import { GATEWAY_KEY } from './harness/gateway.mjs';
import { ask, SHARED_MODEL, WEATHER_TOOL } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { answer, stream } from './upstream/behaviours.mjs';
import { USAGE } from './upstream/payloads.mjs';
import { done, event, finish, reasoning, role, text } from './upstream/steps.mjs';

const PICTURE = `data:image/png;base64,${'iVBORw0KGgo'.repeat(512 * 1024)}`;

describe('providers that differ from OpenAI', () => {
  const scene = setScene({ providers: ['groq', 'deepseek', 'mistral', 'gemini', 'openrouter'], isolates: 1 });
  const completions = () =>
    new OpenAI({ apiKey: GATEWAY_KEY, baseURL: `${scene.client.url}/v1`, maxRetries: 0 }).chat.completions;

  /** All reasoning and all text of a stream, and its last finish reason. */
  const told = async (request) => {
    const sum = { reasoning: '', content: '', finish_reason: null, names: new Set() };
    for await (const { choices: [choice] } of await completions().create({ ...request, stream: true })) {
      sum.reasoning += choice?.delta.reasoning ?? '';
      sum.content += choice?.delta.content ?? '';
      sum.finish_reason = choice?.finish_reason ?? sum.finish_reason;
      for (const name of Object.keys(choice?.delta ?? {})) sum.names.add(name);
    }
    return sum;
  };
  const delta = (members, finish_reason = null) => event({ choices: [{ index: 0, delta: members, finish_reason }] });

  test('reasoning_content is reasoning, streamed and whole', async () => {
    const request = ask({ model: 'deepseek/deepseek-flash' });
    scene.upstream.always('deepseek', stream([
      role(), reasoning(['Let me', ' see.'], 'reasoning_content'), text('Three', '.'), finish('stop', USAGE), done(),
    ]));
    const streamed = await told(request);
    assert.deepEqual([streamed.reasoning, streamed.content, streamed.finish_reason], ['Let me see.', 'Three.', 'stop']);
    assert.ok(!streamed.names.has('reasoning_content'));
    scene.upstream.always('deepseek', answer({ content: 'Three.', message: { reasoning_content: 'Let me see.' } }));
    const { choices: [{ message }] } = await completions().create(request);
    assert.deepEqual(message, { role: 'assistant', content: 'Three.', reasoning: 'Let me see.' });
  });

  test('content in parts is a text and its thoughts, streamed and whole', async () => {
    const request = ask({ model: 'mistral/magistral-medium-latest' });
    const thinking = (words) => ({ type: 'thinking', thinking: [{ type: 'text', text: words }] });
    scene.upstream.always('mistral', stream([
      delta({ role: 'assistant', content: '' }), delta({ content: [thinking('12 by 2')] }),
      delta({ content: [thinking(' is 6.'), { type: 'text', text: 'Six' }] }), delta({ content: '.' }),
      delta({ content: '' }, 'model_length'), done(),
    ]));
    const streamed = await told(request);
    assert.deepEqual([streamed.reasoning, streamed.content, streamed.finish_reason], ['12 by 2 is 6.', 'Six.', 'length']);
    scene.upstream.always('mistral', answer({ content: [thinking('12 by 2 is 6.'), { type: 'text', text: 'Six.' }] }));
    const { choices: [{ message }] } = await completions().create(request);
    assert.deepEqual(message, { role: 'assistant', content: 'Six.', reasoning: '12 by 2 is 6.' });
  });

  test('the signature of a thought goes to the client and back', async () => {
    const request = ask({ model: 'gemini/gemini-3.8-flash', tools: [WEATHER_TOOL] });
    const call = (city, id, more = {}) => ({ function: { name: 'get_weather', arguments: JSON.stringify({ city }) }, id, type: 'function', ...more });
    const extra_content = { google: { thought_signature: 'EjQKMgEMOdbH' } };
    scene.upstream.script('gemini', stream([
      delta({ role: 'assistant', content: '<thought>Two cities.', extra_content: { google: { thought: true } } }),
      delta({ role: 'assistant', content: '</thought>', tool_calls: [call('Oslo', 'a1', { extra_content })] }),
      delta({ role: 'assistant', tool_calls: [call('Rome', 'b2')] }),
      delta({ role: 'assistant' }, 'stop'), done(),
    ]), answer({ content: 'Snow and sun.' }));
    const { choices: [{ message, finish_reason }] } = await completions().stream({ ...request, stream: true }).finalChatCompletion();
    assert.equal(finish_reason, 'tool_calls');
    assert.deepEqual(message.tool_calls.map(({ id }) => id), ['a1', 'b2']);
    assert.deepEqual(message.tool_calls[0].extra_content, extra_content);

    const results = message.tool_calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'fair' }));
    const assistant = { role: 'assistant', content: null, tool_calls: message.tool_calls };
    const second = await completions().create({ ...request, messages: [...request.messages, assistant, ...results] });
    assert.equal(second.choices[0].message.content, 'Snow and sun.');
    const sent = scene.upstream.requests('gemini').at(-1).json.messages.find(({ tool_calls }) => tool_calls);
    assert.deepEqual(sent.tool_calls[0].extra_content, extra_content);
  });

  test('a client that wants no reasoning gets none, of a stream that would be relayed as it is too', async () => {
    const request = ask({ model: `groq/${SHARED_MODEL}`, reasoning: { exclude: true } });
    scene.upstream.always('groq', stream([role(), reasoning(['Hm', ', well.']), text('Hi'), finish('stop', USAGE), done()]));
    const streamed = await told(request);
    assert.deepEqual([streamed.reasoning, streamed.content], ['', 'Hi']);
    assert.ok(!streamed.names.has('reasoning'));
    scene.upstream.always('groq', answer({ content: 'Hi', message: { reasoning: 'Hm, well.' } }));
    const { choices: [{ message }] } = await completions().create(request);
    assert.deepEqual(message, { role: 'assistant', content: 'Hi' });
  });

  test('a picture of 4 MB comes through in one event, and in a whole reply', async () => {
    const request = ask({ model: 'openrouter/google/gemini-3.6-flash' });
    const images = [{ type: 'image_url', image_url: { url: PICTURE } }];
    scene.upstream.always('openrouter', stream([delta({ role: 'assistant', content: '', images }), finish('stop'), done()]));
    const got = [];
    for await (const { choices: [choice] } of await completions().create({ ...request, stream: true })) {
      got.push(...(choice?.delta.images ?? []));
    }
    assert.equal(got[0].image_url.url === PICTURE, true);
    scene.upstream.always('openrouter', answer({ content: '', message: { images } }));
    const { choices: [{ message }] } = await completions().create(request);
    assert.equal(message.images[0].image_url.url === PICTURE, true);
  });
});
