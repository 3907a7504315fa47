// Answers that must be JSON, with the official clients: mended, held to their schema, told as streams, and asked for by
// other means where a model has none of its own.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateObject, jsonSchema, streamObject } from 'ai';
import OpenAI from 'openai';
import { GATEWAY_KEY } from './harness/gateway.mjs';
import { ANSWER_SCHEMA, ask, assertError, trailOf } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { answer, status } from './upstream/behaviours.mjs';
import { toolCall } from './upstream/payloads.mjs';

const HEALING = { plugins: [{ id: 'response-healing' }] };
const FENCED = 'Here you are:\n```json\n{"answer": "42",}\n```';
const SCHEMA = ANSWER_SCHEMA.json_schema.schema;

/** `m` has schemas of its own at alpha and beta, `tool` only tools, `text` nothing. */
const ownModels = (upstream) => ({
  GATEWAY_CONFIG: JSON.stringify({
    providers: Object.fromEntries(['alpha', 'beta'].map((id) => [id, {
      base_url: upstream.baseUrl(id),
      key: `${id.toUpperCase()}_API_KEY`,
      any_model: false,
      models: [
        { id: 'm', context_window: 8000, capabilities: ['tools', 'json_object', 'json_schema'], input_usd_per_mtok: 1, output_usd_per_mtok: 2 },
        ...(id === 'alpha' ? [
          { id: 'tool', context_window: 8000, capabilities: ['tools'] },
          { id: 'text', context_window: 8000, capabilities: [] },
        ] : []),
      ],
    }])),
  }),
});

describe('structured answers', () => {
  const scene = setScene({ providers: ['alpha', 'beta'], vars: ownModels, isolates: 10 });
  const sdk = () => new OpenAI({ apiKey: GATEWAY_KEY, baseURL: `${scene.client.url}/v1`, maxRetries: 0 });
  const vercel = (fields) => createOpenAICompatible({
    name: 'gateway', apiKey: GATEWAY_KEY, baseURL: `${scene.client.url}/v1`, supportsStructuredOutputs: true, includeUsage: true,
    transformRequestBody: (body) => ({ ...body, ...fields }),
  });
  const question = (fields = {}) => ask({ model: 'm', response_format: ANSWER_SCHEMA, ...fields });

  test('the OpenAI SDK gets a mended answer', async () => {
    scene.upstream.always('alpha', answer({ content: FENCED }));
    scene.upstream.always('beta', answer({ content: FENCED }));
    const reply = await sdk().chat.completions.create(question(HEALING));
    assert.deepEqual(JSON.parse(reply.choices[0].message.content), { answer: '42' });
    assert.equal(reply.choices[0].finish_reason, 'stop');
    const [seen] = scene.upstream.requests();
    assert.deepEqual(seen.json.response_format, ANSWER_SCHEMA);
    assert.equal('plugins' in seen.json, false);
  });

  test('the OpenAI SDK gets it as a stream, with the usage and an account', async () => {
    scene.upstream.always('alpha', answer({ content: FENCED }));
    const request = question({ model: 'alpha/m', stream: true, stream_options: { include_usage: true }, ...HEALING });
    const { data, response } = await sdk().chat.completions.create(request).withResponse();
    const chunks = [];
    for await (const chunk of data) chunks.push(chunk);
    assert.match(response.headers.get('content-type'), /^text\/event-stream/);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    assert.deepEqual(JSON.parse(text), { answer: '42' });
    assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
    assert.equal(chunks.at(-1).usage.total_tokens, 14);
    assert.equal(scene.upstream.requests('alpha')[0].json.stream, undefined, 'asked for in one piece');
    const row = await scene.gateway.row(response.headers.get('x-request-id'));
    assert.equal(row.stream, 1);
    assert.equal(row.status, 200);
    assert.ok(row.ttft_ms !== null && row.cost_pico_usd > 0, JSON.stringify(row));
  });

  test('what cannot be mended goes to the next provider, and then is an error', async () => {
    const bad = answer({ content: '{"answer": 42}' });
    for (const stream of [false, true]) {
      scene.upstream.reset();
      scene.upstream.always('alpha', bad);
      scene.upstream.always('beta', answer({ content: '{"answer":"yes"}' }));
      const fields = { stream, provider: { order: ['alpha', 'beta'] }, ...HEALING };
      const mended = await scene.client.chat(question(fields));
      assert.equal(mended.status, 200, mended.text);
      assert.match(mended.text, /\\"yes\\"/);
      assert.deepEqual(trailOf(mended), [['alpha', 'model_misbehaved'], ['beta', '200']]);
      scene.upstream.always('beta', bad);
      const failed = await scene.client.chat(question(fields));
      assertError(failed, { status: 502, code: 'invalid_model_output', message: /`type` at "\/answer"/ });
    }
  });

  test('a fault before it fails over as ever, streamed and not', async () => {
    scene.upstream.always('alpha', status(500));
    scene.upstream.always('beta', answer({ content: FENCED }));
    for (const stream of [false, true]) {
      const reply = await scene.client.chat(question({ stream, provider: { order: ['alpha', 'beta'] }, ...HEALING }));
      assert.deepEqual([reply.status, ...trailOf(reply)], [200, ['alpha', '500'], ['beta', '200']]);
    }
  });

  test('a model with tools alone is made to call one, and nobody sees it', async () => {
    const message = { tool_calls: [toolCall('json', { answer: '42' })] };
    scene.upstream.always('alpha', answer({ content: null, message, finish_reason: 'tool_calls' }));
    const reply = await sdk().chat.completions.create(question({ model: 'tool' }));
    assert.deepEqual(JSON.parse(reply.choices[0].message.content), { answer: '42' });
    assert.equal(reply.choices[0].message.tool_calls, undefined);
    assert.equal(reply.choices[0].finish_reason, 'stop');
    const final = await sdk().chat.completions.stream(question({ model: 'tool', stream: true })).finalChatCompletion();
    assert.deepEqual(JSON.parse(final.choices[0].message.content), { answer: '42' });
    for (const { json } of scene.upstream.requests('alpha')) {
      assert.deepEqual(json.tools[0].function.parameters, SCHEMA);
      assert.equal(json.tool_choice.function.name, 'json');
      assert.equal(json.response_format, undefined);
    }
  });

  test('the Vercel AI SDK generates an object', async () => {
    const schema = jsonSchema(SCHEMA);
    scene.upstream.script('alpha', status(503), answer({ content: FENCED }));
    scene.upstream.always('beta', answer({ content: FENCED }));
    const { object } = await generateObject({ model: vercel(HEALING)('m'), schema, prompt: 'What is the answer?', maxRetries: 0 });
    assert.deepEqual(object, { answer: '42' });
  });

  test('the Vercel AI SDK streams an object, also of a model that knows nothing but text', async () => {
    const schema = jsonSchema(SCHEMA);
    scene.upstream.always('alpha', answer({ content: FENCED }));
    for (const [model, fields] of [['alpha/m', HEALING], ['text', {}]]) {
      const stream = streamObject({ model: vercel(fields)(model), schema, prompt: 'What is the answer?', maxRetries: 0 });
      const partial = [];
      for await (const object of stream.partialObjectStream) partial.push(object);
      assert.deepEqual(partial.at(-1), { answer: '42' });
      assert.deepEqual(await stream.object, { answer: '42' });
      assert.equal((await stream.usage).totalTokens, 14);
    }
    const told = scene.upstream.requests('alpha').at(-1).json;
    assert.equal(told.messages[0].role, 'system');
    assert.match(told.messages[0].content, /"additionalProperties":false/, 'the schema is in it');
  });

  test('an answer and a schema as deep as they may be are held to each other, and one without an end is an error', async () => {
    const deep = `${'{"c":'.repeat(120)}{}${'}'.repeat(120)}`;
    const node = { type: 'object', properties: { c: { $ref: '#' } }, additionalProperties: false };
    scene.upstream.always('alpha', answer({ content: deep }));
    const held = (schema) => scene.client.chat(question({
      model: 'alpha/m', response_format: { type: 'json_schema', json_schema: { name: 'n', schema } }, ...HEALING,
    }));
    const reply = await held(node);
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.choices[0].message.content, deep);
    for (const endless of [{ $ref: '#' }, { oneOf: [{ not: { $ref: '#' } }, { anyOf: [{ $ref: '#' }] }] }]) {
      assertError(await held(endless), { status: 502, code: 'invalid_model_output', message: /too large to be checked/ });
    }
  });

  test('a schema that refers to nothing is refused', async () => {
    const response_format = { type: 'json_schema', json_schema: { name: 'n', schema: { $ref: '#/$defs/missing' } } };
    const reply = await scene.client.chat(question({ response_format, ...HEALING }));
    assertError(reply, { status: 400, code: 'invalid_value', param: 'response_format.json_schema.schema' });
    assert.deepEqual(scene.upstream.requests(), []);
  });
});
