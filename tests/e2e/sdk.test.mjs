// The official clients against the built gateway: what they send is understood, what they get is typed as they expect.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { GATEWAY_KEY } from './harness/gateway.mjs';
import { ANSWER_SCHEMA, ask, IMAGE_MESSAGE, OPENAI_MODEL, SHARED_MODEL, WEATHER_TOOL } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { answer, chat, rateLimited, stream } from './upstream/behaviours.mjs';
import { tokens, toolCall } from './upstream/payloads.mjs';
import { destroyed, done, finish, role, text, toolCallDeltas } from './upstream/steps.mjs';

describe('the OpenAI Node SDK', () => {
  const scene = setScene({ providers: ['groq', 'cerebras', 'openai'], isolates: 14 });
  const sdk = (options = {}) =>
    new OpenAI({ apiKey: GATEWAY_KEY, baseURL: `${scene.client.url}/v1`, maxRetries: 0, ...options });

  test('chats', async () => {
    scene.upstream.always('openai', chat({ content: ['Grüße, ', '世界 🦀'] }));
    const reply = await sdk().chat.completions.create(ask({ model: OPENAI_MODEL, temperature: 0.5 }));
    assert.equal(reply.choices[0].message.content, 'Grüße, 世界 🦀');
    assert.equal(reply.choices[0].finish_reason, 'stop');
    assert.equal(reply.usage.total_tokens, 14);
    const [seen] = scene.upstream.requests('openai');
    assert.equal(seen.json.model, OPENAI_MODEL);
    assert.equal(seen.json.temperature, 0.5);
    assert.deepEqual(seen.json.messages, ask().messages);
  });

  test('streams', async () => {
    const content = tokens(20);
    scene.upstream.always('groq', chat({ content }));
    const chunks = await sdk().chat.completions.create(ask({ model: `groq/${SHARED_MODEL}`, stream: true }));
    const deltas = [];
    for await (const chunk of chunks) deltas.push(chunk.choices[0]?.delta.content ?? '');
    assert.equal(deltas.join(''), content.join(''));
    assert.equal(scene.upstream.requests('groq')[0].json.stream, true);
  });

  test('streams with usage when it asks for it', async () => {
    const request = ask({ model: OPENAI_MODEL, stream: true, stream_options: { include_usage: true } });
    const final = await sdk().chat.completions.stream(request).finalChatCompletion();
    assert.equal(final.choices[0].message.content, 'Hello there');
    assert.equal(final.usage.total_tokens, 14);
  });

  test('calls a tool and answers with its result', async () => {
    scene.upstream.script(
      'openai',
      answer({ content: null, message: { tool_calls: [toolCall('get_weather', { city: 'Oslo' })] }, finish_reason: 'tool_calls' }),
      answer({ content: 'Snow.' }),
    );
    const first = await sdk().chat.completions.create(ask({ model: OPENAI_MODEL, tools: [WEATHER_TOOL], tool_choice: 'auto' }));
    const { message, finish_reason } = first.choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: 'Oslo' });

    const conversation = [...ask().messages, message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '-3 °C' }];
    const second = await sdk().chat.completions.create(ask({ model: OPENAI_MODEL, messages: conversation, tools: [WEATHER_TOOL] }));
    assert.equal(second.choices[0].message.content, 'Snow.');
    const [asked, told] = scene.upstream.requests('openai');
    assert.deepEqual(asked.json.tools, [WEATHER_TOOL]);
    assert.equal(told.json.messages.at(-1).content, '-3 °C');
    assert.equal(told.json.messages.at(-2).tool_calls[0].id, 'call_1');
  });

  test('puts streamed tool call deltas together', async () => {
    scene.upstream.always('groq', stream([
      role(), toolCallDeltas('get_weather', ['{"ci', 'ty":', '"Oslo"}']), finish('tool_calls'), done(),
    ]));
    const request = ask({ model: `groq/${SHARED_MODEL}`, tools: [WEATHER_TOOL], stream: true });
    const final = await sdk().chat.completions.stream(request).finalChatCompletion();
    const [call] = final.choices[0].message.tool_calls;
    assert.equal(call.function.name, 'get_weather');
    assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Oslo' });
  });

  test('sends pictures', async () => {
    await sdk().chat.completions.create(ask({ model: OPENAI_MODEL, messages: [IMAGE_MESSAGE] }));
    assert.deepEqual(scene.upstream.requests('openai')[0].json.messages, [IMAGE_MESSAGE]);
  });

  test('asks for JSON, as an object and by a schema', async () => {
    scene.upstream.always('openai', answer({ content: '{"answer":"42"}' }));
    for (const response_format of [{ type: 'json_object' }, ANSWER_SCHEMA]) {
      const messages = [{ role: 'user', content: 'Answer in JSON.' }];
      const reply = await sdk().chat.completions.create(ask({ model: OPENAI_MODEL, messages, response_format }));
      assert.deepEqual(JSON.parse(reply.choices[0].message.content), { answer: '42' });
      assert.deepEqual(scene.upstream.requests('openai').at(-1).json.response_format, response_format);
    }
  });

  test('names its project as the SDK does', async () => {
    const reply = await sdk({ project: 'sdk-project' }).chat.completions.create(ask()).withResponse();
    const row = await scene.gateway.row(reply.response.headers.get('x-request-id'));
    assert.equal(row.project_id, 'sdk-project');
  });

  test('lists models and finds one whose id has a slash', async () => {
    const list = await sdk().models.list();
    const ids = [];
    for await (const model of list) {
      assert.equal(model.object, 'model');
      assert.equal(typeof model.created, 'number');
      assert.equal(typeof model.owned_by, 'string');
      ids.push(model.id);
    }
    assert.ok(ids.includes(SHARED_MODEL) && ids.includes(OPENAI_MODEL), ids.join(' '));
    assert.equal(new Set(ids).size, ids.length, 'no id comes twice');
    const one = await sdk().models.retrieve('openai/gpt-oss-120b');
    assert.equal(one.object, 'model');
    assert.match(one.id, /gpt-oss-120b$/);
    assert.deepEqual(scene.upstream.requests(), [], 'the list is the gateway\'s own');
  });

  test('throws AuthenticationError for a wrong key', async () => {
    const wrong = sdk({ apiKey: 'sk-wrong' });
    await assert.rejects(wrong.chat.completions.create(ask()), (error) => {
      assert.ok(error instanceof OpenAI.AuthenticationError);
      assert.equal(error.status, 401);
      assert.equal(error.code, 'invalid_api_key');
      return true;
    });
    assert.deepEqual(scene.upstream.requests(), []);
  });

  test('throws BadRequestError that names the field and what it may be', async () => {
    await assert.rejects(sdk().chat.completions.create(ask({ temperature: 2.5 })), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, 'temperature');
      assert.match(error.message, /0 to 2/);
      return true;
    });
    assert.deepEqual(scene.upstream.requests(), []);
  });

  test('throws NotFoundError for an unknown model', async () => {
    const calls = [() => sdk().chat.completions.create(ask({ model: 'no-such-model' })), () => sdk().models.retrieve('no/such')];
    for (const call of calls) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof OpenAI.NotFoundError);
        assert.equal(error.code, 'model_not_found');
        assert.equal(error.param, 'model');
        return true;
      });
    }
    assert.deepEqual(scene.upstream.requests(), []);
  });

  test('throws RateLimitError when every provider is rate limited, and says when to come back', async () => {
    scene.upstream.always('groq', rateLimited({ 'retry-after': '30' }));
    scene.upstream.always('cerebras', rateLimited({ 'retry-after': '20' }));
    await assert.rejects(sdk().chat.completions.create(ask()), (error) => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      const seconds = Number(error.headers.get('retry-after'));
      assert.ok(seconds >= 19 && seconds <= 20, `the soonest of both, not ${seconds}`);
      return true;
    });
    assert.deepEqual(scene.upstream.counts(), { groq: 1, cerebras: 1 });
  });

  test('throws APIError in the middle of a stream that is cut', async () => {
    scene.upstream.always('groq', stream([role(), text('half', ' an'), destroyed()]));
    const chunks = await sdk().chat.completions.create(ask({ model: `groq/${SHARED_MODEL}`, stream: true }));
    const deltas = [];
    await assert.rejects(async () => {
      for await (const chunk of chunks) deltas.push(chunk.choices[0].delta.content);
    }, OpenAI.APIError);
    assert.equal(deltas.join(''), 'half an');
  });
});

describe('the AI SDK', () => {
  const scene = setScene({ providers: ['groq', 'openai'] });
  const model = (id) =>
    createOpenAICompatible({ name: 'opengateway', baseURL: `${scene.client.url}/v1`, apiKey: GATEWAY_KEY, includeUsage: true })
      .chatModel(id);

  test('generates text', async () => {
    const reply = await generateText({ model: model(SHARED_MODEL), prompt: 'Say hello.', maxRetries: 0 });
    assert.equal(reply.text, 'Hello there');
    assert.equal(reply.usage.inputTokens, 9);
    assert.equal(reply.usage.outputTokens, 5);
  });

  test('streams text from a native and from a rewriting relay', async () => {
    for (const id of [`groq/${SHARED_MODEL}`, OPENAI_MODEL]) {
      const result = streamText({ model: model(id), prompt: 'Say hello.', maxRetries: 0 });
      const pieces = [];
      for await (const piece of result.textStream) pieces.push(piece);
      assert.equal(pieces.join(''), 'Hello there');
      assert.equal((await result.usage).outputTokens, 5);
    }
  });

  test('sees an error when a stream is cut', async () => {
    scene.upstream.always('groq', stream([role(), text('half', ' an'), destroyed()]));
    const result = streamText({
      model: model(`groq/${SHARED_MODEL}`), prompt: 'Say hello.', maxRetries: 0, onError: () => {},
    });
    const parts = [];
    for await (const part of result.fullStream) parts.push(part);
    assert.ok(parts.some((part) => part.type === 'error'), 'the cut is an error, not an end');
    assert.equal(parts.filter((part) => part.type === 'text-delta').map((part) => part.text).join(''), 'half an');
    assert.ok(!parts.some((part) => part.type === 'finish' && part.finishReason === 'stop'));
  });
});
