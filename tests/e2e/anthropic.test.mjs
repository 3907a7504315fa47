// A provider that speaks Anthropic's Messages, behind the OpenAI Node SDK: a client cannot tell it from any other, and
// the provider gets what it takes and nothing else (`upstream/anthropic-rules.mjs`).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI from 'openai';
import { GATEWAY_KEY, providerKey } from './harness/gateway.mjs';
import { ask, askInOrder, assertError, IMAGE_MESSAGE, rawNumber, trailOf, user, WEATHER_TOOL } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { readStream } from './harness/sse.mjs';
import { fault } from './upstream/anthropic-rules.mjs';
import { messages, OVERLOADED, redacted, refuses, textBlock, thought, toolUse } from './upstream/anthropic.mjs';
import { chat } from './upstream/behaviours.mjs';

/** Served by anthropic and openrouter; thinks when it is asked to, and takes no sampling parameters. */
const MODEL = 'claude-sonnet-5';
const PINNED = `anthropic/${MODEL}`;
const TWO = ['anthropic', 'openrouter'];
const TIME_TOOL = { type: 'function', function: { name: 'get_time' } };

describe('the upstream of these tests', () => {
  const good = { model: MODEL, max_tokens: 9, messages: [user('Hello.')] };
  const call = { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'x', input: {} }] };
  const result = user([{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'y' }]);
  const refused = (json, headers = {}) => fault({
    method: 'POST',
    path: '/v1/messages',
    headers: { 'x-api-key': 'k', 'anthropic-version': '2023-06-01', 'content-type': 'application/json', ...headers },
    json,
  })?.status ?? null;

  test('takes what Anthropic takes', () => {
    assert.equal(refused(good), null);
    assert.equal(refused({ ...good, system: 'Be brief.', messages: [user('a'), call, result] }), null);
    assert.equal(refused({ ...good, messages: [{ role: 'assistant', content: 'a' }, user('b')] }), null);
    const later = [user('a'), { role: 'system', content: [{ type: 'text', text: 'b' }] }];
    assert.equal(refused({ ...good, model: 'claude-opus-5-5', messages: later }), null);
    for (const wrong of [{ messages: later }, { messages: [...later, user('c')] }, { messages: later.slice(1) }]) {
      assert.equal(refused({ ...good, model: wrong.messages === later ? MODEL : 'claude-opus-5-5', ...wrong }), 400);
    }
  });

  test('refuses what Anthropic refuses', () => {
    assert.equal(refused(good, { 'x-api-key': undefined }), 401);
    assert.equal(refused(good, { 'anthropic-version': undefined }), 400);
    for (const fields of [
      { max_tokens: undefined },
      { seed: 1 },
      { temperature: 0 },
      { model: 'claude-sonnet-4-5', temperature: 1.5 },
      { thinking: { type: 'enabled', budget_tokens: 1024 } },
      { tool_choice: { type: 'auto' } },
      { messages: [user('a'), user('b')] },
      { messages: [{ role: 'system', content: 'a' }] },
      { messages: [user([{ type: 'text', text: '' }])] },
      { messages: [user([{ type: 'image_url', image_url: {} }])] },
      { messages: [user('a'), call] },
      { messages: [user('a'), call, user('b')] },
      { messages: [user('a'), result] },
      { model: 'claude-haiku-4-5', max_tokens: 2000, thinking: { type: 'enabled', budget_tokens: 1024 }, messages: [user('a'), call, result] },
      { messages: [user('a'), { role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: 'forged' }] }] },
    ]) assert.equal(refused({ ...good, ...fields }), 400, JSON.stringify(fields));
  });
});

describe('Anthropic behind the OpenAI Node SDK', () => {
  const scene = setScene({ providers: TWO, isolates: 17 });
  const sdk = () => new OpenAI({ apiKey: GATEWAY_KEY, baseURL: `${scene.client.url}/v1`, maxRetries: 0 });
  const create = (fields) => sdk().chat.completions.create(ask({ model: PINNED, ...fields }));
  const streamed = (fields) => sdk().chat.completions.stream(ask({ model: PINNED, stream: true, ...fields }));
  const requests = () => scene.upstream.requests('anthropic').map(({ json }) => json);

  test('chats', async () => {
    scene.upstream.always('anthropic', messages([textBlock('Grüße, 世界 🦀')]));
    const reply = await create({
      messages: [{ role: 'system', content: 'Be brief.' }, user('Say hello.'), user('Now.')], max_tokens: 50, stop: ['END'], user: 'u-1',
    });
    const [choice] = reply.choices;
    assert.equal(choice.message.content, 'Grüße, 世界 🦀');
    assert.equal(choice.finish_reason, 'stop');
    assert.equal(reply.object, 'chat.completion');
    assert.equal(reply.id, 'msg_upstream');
    assert.ok(Math.abs(reply.created - Date.now() / 1000) < 600, 'it says when');
    assert.equal(reply.usage.total_tokens, 14);
    const [seen] = scene.upstream.requests('anthropic');
    assert.equal(seen.headers['x-api-key'], providerKey('anthropic'));
    assert.equal(seen.json.max_tokens, 50);
    assert.deepEqual(seen.json.stop_sequences, ['END']);
  });

  test('streams', async () => {
    scene.upstream.always('anthropic', messages([textBlock('alpha', ' gämma', ' 漢字', ' 🦀')]));
    const final = await streamed({ stream_options: { include_usage: true } }).finalChatCompletion();
    assert.equal(final.choices[0].message.content, 'alpha gämma 漢字 🦀');
    assert.equal(final.choices[0].finish_reason, 'stop');
    assert.deepEqual([final.usage.prompt_tokens, final.usage.completion_tokens], [9, 5]);
  });

  test('streams no usage to whom did not ask for it', async () => {
    scene.upstream.always('anthropic', messages());
    const reply = await scene.client.chat(ask({ model: PINNED, stream: true }));
    const { content, usage, finishReasons, dones, last } = readStream(reply.text);
    assert.deepEqual([content, usage, finishReasons, dones, last], ['Hello there', undefined, ['stop'], 1, '[DONE]']);
  });

  test('calls tools over several turns, its thoughts going back as they came', async () => {
    const first = thought('Which city', '?');
    const second = thought('And now the time.');
    scene.upstream.script(
      'anthropic',
      messages([first, redacted('b3BhcXVl'), textBlock('Let me look.'), toolUse('toolu_1', 'get_weather', { city: 'Köln' })]),
      messages([second, toolUse('toolu_2', 'get_time', {})]),
      messages([textBlock('Snow, at noon.')]),
    );
    const tools = [WEATHER_TOOL, TIME_TOOL];
    const conversation = [user('Weather and time?')];
    const replies = [];
    for (const result of ['-3 °C', '12:00', null]) {
      const reply = await create({ messages: conversation, tools, reasoning_effort: 'high' });
      const { message } = reply.choices[0];
      replies.push(reply.choices[0]);
      conversation.push(message);
      if (result) conversation.push({ role: 'tool', tool_call_id: message.tool_calls[0].id, content: result });
    }
    const [asked, again, done] = replies;
    assert.deepEqual([asked, again, done].map(({ finish_reason }) => finish_reason), ['tool_calls', 'tool_calls', 'stop']);
    assert.equal(asked.message.reasoning, 'Which city?');
    assert.deepEqual(JSON.parse(asked.message.tool_calls[0].function.arguments), { city: 'Köln' });
    assert.equal(again.message.tool_calls[0].function.arguments, '{}');
    assert.equal(done.message.content, 'Snow, at noon.');

    const [, , last] = requests();
    assert.deepEqual(last.messages.map(({ role }) => role), ['user', 'assistant', 'user', 'assistant', 'user']);
    assert.deepEqual(last.messages[1].content, [
      { type: 'thinking', thinking: 'Which city?', signature: first.signature },
      { type: 'redacted_thinking', data: 'b3BhcXVl' },
      { type: 'text', text: 'Let me look.' },
      { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Köln' } },
    ]);
    assert.deepEqual(last.messages[3].content[0], { type: 'thinking', thinking: 'And now the time.', signature: second.signature });
  });

  test('puts streamed thoughts together so that they can go back', async () => {
    const kept = thought('One ', 'thing ', 'at a time.');
    scene.upstream.script('anthropic', messages([kept, toolUse('toolu_1', 'get_weather', { city: 'Oslo' })]), messages());
    const fields = { tools: [WEATHER_TOOL], reasoning_effort: 'high' };
    const chunks = await sdk().chat.completions.create(ask({ model: PINNED, stream: true, ...fields }));
    const message = { role: 'assistant', content: null, reasoning_details: [], tool_calls: [] };
    for await (const { choices: [choice] } of chunks) collect(message, choice?.delta ?? {});
    assert.equal(message.reasoning, 'One thing at a time.');
    assert.equal(message.tool_calls[0].function.arguments, '{"city":"Oslo"}');

    const result = { role: 'tool', tool_call_id: 'toolu_1', content: '-3 °C' };
    await create({ messages: [user('Weather?'), message, result], ...fields });
    const [thinking] = requests()[1].messages[1].content;
    assert.deepEqual(thinking, { type: 'thinking', thinking: kept.thinking, signature: kept.signature });
  });

  test('calls two tools at once, and answers both', async () => {
    scene.upstream.script(
      'anthropic',
      messages([toolUse('toolu_1', 'get_weather', { city: 'Oslo' }), toolUse('toolu_2', 'get_time', {})]),
      messages([textBlock('Both.')]),
    );
    const final = await streamed({ tools: [WEATHER_TOOL, TIME_TOOL] }).finalChatCompletion();
    const [{ message }] = final.choices;
    assert.deepEqual(message.tool_calls.map((call) => [call.id, call.function.name, call.function.arguments]), [
      ['toolu_1', 'get_weather', '{"city":"Oslo"}'],
      ['toolu_2', 'get_time', '{}'],
    ]);
    const results = message.tool_calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: `of ${id}` }));
    const reply = await create({ messages: [user('Both?'), message, ...results], tools: [WEATHER_TOOL, TIME_TOOL] });
    assert.equal(reply.choices[0].message.content, 'Both.');
    const last = requests()[1].messages.at(-1);
    assert.deepEqual(last.content.map(({ type, tool_use_id }) => [type, tool_use_id]), [['tool_result', 'toolu_1'], ['tool_result', 'toolu_2']]);
  });

  test('takes the conversations that OpenAI takes', async () => {
    scene.upstream.always('anthropic', messages());
    const says = (role, content) => ({ role, content });
    const greeting = [says('system', 's'), says('assistant', 'Hi, what is it?'), user('a')];
    const later = [says('system', 's'), user('a'), says('assistant', 'b'), says('developer', 'c'), user('d')];
    for (const [model, conversation, roles] of [
      [PINNED, greeting, ['assistant', 'user']],
      [PINNED, [says('system', 's')], ['user']],
      [PINNED, later, ['user', 'assistant', 'user']],
      ['anthropic/claude-opus-5-5', later, ['user', 'assistant', 'user', 'system']],
      ['anthropic/claude-opus-5-5', [user('a'), says('assistant', 'b')], ['user', 'assistant', 'user']],
    ]) {
      await create({ model, messages: conversation });
      assert.deepEqual(requests().at(-1).messages.map(({ role }) => role), roles);
    }
  });

  test('sends pictures', async () => {
    scene.upstream.always('anthropic', messages());
    const byUrl = user([{ type: 'text', text: 'And this?' }, { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }]);
    for (const message of [IMAGE_MESSAGE, byUrl]) await create({ messages: [message] });
    const sources = requests().map(({ messages: [{ content }] }) => content.find(({ type }) => type === 'image').source);
    assert.deepEqual({ ...sources[0], data: sources[0].data.slice(0, 6) }, { type: 'base64', media_type: 'image/png', data: 'iVBORw' });
    assert.deepEqual(sources[1], { type: 'url', url: 'https://example.com/a.png' });
  });

  test('cites what it found in the web', async () => {
    const citation = { type: 'web_search_result_location', url: 'https://example.com/', title: 'Example', cited_text: 'Yes.', encrypted_index: 'x' };
    const found = [
      textBlock('It is: '),
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
      { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
      { ...textBlock('yes'), citations: [citation] },
    ];
    scene.upstream.always('anthropic', messages(found));
    const expected = [{ type: 'url_citation', url_citation: { start_index: 7, end_index: 10, url: 'https://example.com/', title: 'Example', content: 'Yes.' } }];
    const reply = await create({});
    assert.equal(reply.choices[0].message.content, 'It is: yes');
    assert.deepEqual(reply.choices[0].message.annotations, expected);
    assert.equal(reply.choices[0].message.tool_calls, undefined);
    const { chunks } = readStream((await scene.client.chat(ask({ model: PINNED, stream: true }))).text);
    assert.deepEqual(chunks.flatMap(({ choices: [choice] }) => choice?.delta.annotations ?? []), expected);
  });

  test('tells a refusal, and that nobody else is asked', async () => {
    const stop_details = { type: 'refusal', category: 'cyber', explanation: 'Not this.' };
    scene.upstream.always('anthropic', messages([], { stop_reason: 'refusal', stop_details }));
    const request = askInOrder(TWO, { model: MODEL });
    const reply = await sdk().chat.completions.create(request);
    assert.deepEqual([reply.choices[0].finish_reason, reply.choices[0].message.refusal], ['content_filter', 'Not this.']);
    const final = await scene.client.chat({ ...request, stream: true });
    assert.deepEqual(readStream(final.text).finishReasons, ['content_filter']);
    assert.deepEqual(scene.upstream.counts(), { anthropic: 2 });
  });

  for (const stream of [false, true]) {
    test(`fails over when it is overloaded${stream ? ', told by the first event of a stream' : ''}`, async () => {
      scene.upstream.always('anthropic', stream ? messages([], { then: () => [OVERLOADED] }) : refuses(529, 'overloaded_error', 'Overloaded'));
      const reply = await scene.client.chat(askInOrder(TWO, { model: MODEL, stream }));
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual(trailOf(reply), [['anthropic', stream ? 'overloaded' : '529'], ['openrouter', '200']]);
    });
  }

  test('tells a stream that is cut', async () => {
    const cut = (events) => events.filter(({ type }) => type !== 'message_stop');
    scene.upstream.always('anthropic', messages([textBlock('Half an'), toolUse('toolu_1', 'get_time', {})], { then: cut }));
    const reply = await scene.client.chat(ask({ model: PINNED, stream: true, tools: [TIME_TOOL] }));
    const { content, finishReasons, error, dones } = readStream(reply.text);
    assert.deepEqual([content, finishReasons, dones], ['Half an', [], 0]);
    assert.equal(error.code, 'stream_cut');
  });

  test('tells an error in the middle of a stream in its words', async () => {
    const broken = (events) => [...events.slice(0, -2), OVERLOADED];
    scene.upstream.always('anthropic', messages([textBlock('Half an'), toolUse('toolu_1', 'get_time', {})], { then: broken }));
    const reply = await scene.client.chat(ask({ model: PINNED, stream: true, tools: [TIME_TOOL] }));
    const { finishReasons, error, dones } = readStream(reply.text);
    assert.deepEqual([finishReasons, dones], [[], 0]);
    assert.match(error.message, /Overloaded/);
  });

  test('goes on with another provider where it was cut', async () => {
    const cut = (events) => events.slice(0, -3);
    scene.upstream.always('anthropic', messages([textBlock('Hello')], { then: cut }));
    scene.upstream.always('openrouter', chat({ content: ['Hello', ' there'] }));
    const reply = await scene.client.chat(askInOrder(TWO, { model: MODEL, stream: true, seed: 1 }));
    const { content, finishReasons, dones } = readStream(reply.text);
    assert.deepEqual([content, finishReasons, dones], ['Hello there', ['stop'], 1]);
  });

  test('counts tokens and cost, of the cache and of searches too', async () => {
    const usage = {
      input_tokens: 1000,
      cache_read_input_tokens: 4000,
      cache_creation_input_tokens: 1000,
      cache_creation: { ephemeral_5m_input_tokens: 400, ephemeral_1h_input_tokens: 600 },
      output_tokens: 500,
      output_tokens_details: { thinking_tokens: 200 },
      server_tool_use: { web_search_requests: 2 },
    };
    scene.upstream.always('anthropic', messages([textBlock('x')], { usage }));
    // 1000 at 2 dollars a million, 4000 at 0.2, 400 at 2.5, 600 at 4, 500 at 10, and two searches at a cent.
    const cost = '0.0312';
    const reply = await scene.client.chat(ask({ model: PINNED }));
    const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = reply.json.usage;
    assert.deepEqual([prompt_tokens, completion_tokens], [6000, 500]);
    assert.deepEqual([prompt_tokens_details.cached_tokens, completion_tokens_details.reasoning_tokens], [4000, 200]);
    assert.equal(rawNumber(reply.text, 'cost_usd_total'), cost);
    const streamed = await scene.client.chat(ask({ model: PINNED, stream: true, usage: { include: true } }));
    assert.equal(rawNumber(streamed.text, 'cost_usd_total'), cost);
    for (const { headers } of [reply, streamed]) {
      const row = await scene.gateway.row(headers['x-request-id']);
      assert.deepEqual([row.prompt_tokens, row.completion_tokens, row.cached_tokens], [6000, 500, 4000]);
    }
  });

  test('tells what it refuses, in its words', async () => {
    scene.upstream.always('anthropic', refuses(400, 'invalid_request_error', 'tools.0.name: String should match pattern'));
    assertError(await scene.client.chat(ask({ model: PINNED })), { status: 400, message: /should match pattern/ });
  });
});

/** Adds a delta to a message as clients do that know of reasoning details. */
function collect(message, delta) {
  for (const key of ['content', 'reasoning']) if (delta[key]) message[key] = (message[key] ?? '') + delta[key];
  for (const detail of delta.reasoning_details ?? []) {
    const known = message.reasoning_details.find(({ index }) => index === detail.index);
    if (!known) message.reasoning_details.push({ ...detail });
    else for (const key of ['text', 'signature', 'data']) if (detail[key]) known[key] = (known[key] ?? '') + detail[key];
  }
  for (const { index, ...call } of delta.tool_calls ?? []) {
    const known = message.tool_calls[index];
    if (known) known.function.arguments += call.function.arguments;
    else message.tool_calls[index] = call;
  }
}
