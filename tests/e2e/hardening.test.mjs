// Bad input, bad keys, bad providers. Each gets its status and an OpenAI error, and leaves the gateway whole: a good
// request on the same isolate succeeds after every one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GATEWAY_KEY, providerKey } from './harness/gateway.mjs';
import { ask, askInOrder, assertError, IMAGE_MESSAGE, OPENAI_MODEL, SHARED_MODEL, user } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { send } from './harness/wire.mjs';
import { afterGate, answer, badKey, chat, html, largeAnswer, status } from './upstream/behaviours.mjs';
import { errorBody } from './upstream/payloads.mjs';
import { gate } from './upstream/steps.mjs';

/** A good request still succeeds on the client's isolate, and the upstream saw nothing but it. */
async function assertUnharmed(scene) {
  assert.deepEqual(scene.upstream.requests(), [], 'the bad request reached no provider');
  const reply = await scene.client.chat(ask());
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.json.choices[0].message.content, 'Hello there');
}

const nested = (depth) => '['.repeat(depth) + ']'.repeat(depth);
const message = (fields) => [{ role: 'user', content: 'hi', ...fields }];
const tool = (fields) => ({ tools: [{ type: 'function', function: { name: 'f' }, ...fields }] });

describe('a bad body', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], isolates: 1 });

  const bodies = {
    'empty': ['', {}],
    'white space': [' \n', {}],
    'cut JSON': ['{"messages":[', {}],
    'JSON with a trailing comma': ['{"messages":[],}', {}],
    'JSON with something behind it': [`${JSON.stringify(ask())}x`, {}],
    'a second document behind it': [`${JSON.stringify(ask())}${JSON.stringify(ask())}`, {}],
    'single quotes': ["{'messages':[]}", {}],
    'NaN': ['{"messages":[{"role":"user","content":"x"}],"temperature":NaN}', {}],
    'an array': ['[]', {}],
    'a string': ['"hello"', {}],
    'null': ['null', {}],
    'not UTF-8': [Buffer.concat([Buffer.from('{"messages":[{"role":"user","content":"'), Buffer.from([0xff, 0xfe, 0xc3, 0x28]), Buffer.from('"}]}')]), {}],
    'UTF-16': [Buffer.from(JSON.stringify(ask()), 'utf16le'), {}],
    'NUL bytes': [Buffer.alloc(64), {}],
    'nesting 200,000 deep': [`{"messages":[{"role":"user","content":"x"}],"x":${nested(200_000)}}`, {}],
    'objects 100,000 deep': ['{"a":'.repeat(100_000), {}],
    'nesting inside a message': [`{"messages":[{"role":"user","content":${nested(200_000)}}]}`, {}],
    'the same key twice': ['{"model":"a","messages":[{"role":"user","content":"x"}],"model":"b"}', { param: 'model' }],
    'the same key twice, once escaped': ['{"model":"a","messages":[{"role":"user","content":"x"}],"mode\\u006c":"b"}', { param: 'model' }],
    'no messages': [{ model: SHARED_MODEL }, { param: 'messages' }],
    'messages of a wrong type': [ask({ messages: 'hi' }), { param: 'messages' }],
    'no message': [ask({ messages: [] }), { param: 'messages' }],
    'a message that is a number': [ask({ messages: [1] }), { param: 'messages[0]' }],
    'a message without a role': [ask({ messages: message({ role: undefined }) }), { param: 'messages[0].role' }],
    'an unknown role': [ask({ messages: message({ role: 'robot' }) }), { param: 'messages[0].role' }],
    'content that is a number': [ask({ messages: message({ content: 5 }) }), { param: 'messages[0].content' }],
    'a picture without a URL': [ask({ messages: [user([{ type: 'image_url', image_url: {} }])] }), { param: 'messages[0].content[0].image_url.url' }],
    'a picture from a file': [ask({ messages: [user([{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }])] }), {}],
    'a tool result without an id': [ask({ messages: [{ role: 'tool', content: 'x' }] }), { param: 'messages[0].tool_call_id' }],
    'model of a wrong type': [ask({ model: 7 }), { param: 'model' }],
    'stream of a wrong type': [ask({ stream: 'yes' }), { param: 'stream' }],
    'temperature above 2': [ask({ temperature: 2.01 }), { param: 'temperature', message: /0 to 2/ }],
    'temperature below 0': [ask({ temperature: -0.1 }), { param: 'temperature' }],
    'temperature beyond all bounds': [JSON.stringify(ask()).replace('{', '{"temperature":1e999,'), { param: 'temperature' }],
    'temperature as text': [ask({ temperature: 'hot' }), { param: 'temperature' }],
    'top_p above 1': [ask({ top_p: 1.5 }), { param: 'top_p', message: /0 to 1/ }],
    'n of 0': [ask({ n: 0 }), { param: 'n', message: /1 to 128/ }],
    'n of 129': [ask({ n: 129 }), { param: 'n', message: /1 to 128/ }],
    'n of 1.5': [ask({ n: 1.5 }), { param: 'n' }],
    'max_tokens of 0': [ask({ max_tokens: 0 }), { param: 'max_tokens' }],
    'max_completion_tokens below 0': [ask({ max_completion_tokens: -1 }), { param: 'max_completion_tokens' }],
    'a penalty above 2': [ask({ frequency_penalty: 2.5 }), { param: 'frequency_penalty', message: /-2 to 2/ }],
    'a penalty below -2': [ask({ presence_penalty: -3 }), { param: 'presence_penalty' }],
    'top_logprobs above 20': [ask({ top_logprobs: 21 }), { param: 'top_logprobs', message: /0 to 20/ }],
    'tools of a wrong type': [ask({ tools: 'all' }), { param: 'tools' }],
    'a tool without a name': [ask(tool({ function: {} })), { param: 'tools[0].function.name' }],
    'an unknown tool choice': [ask({ ...tool(), tool_choice: 'maybe' }), { param: 'tool_choice' }],
    'an unknown response format': [ask({ response_format: { type: 'xml' } }), { param: 'response_format.type' }],
    'a response format that is cut': [ask({ response_format: '{"type":' }), {}],
    'logit_bias of a wrong type': [ask({ logit_bias: [1] }), { param: 'logit_bias' }],
    'an unknown reasoning level': [ask({ min_reasoning_level: 'extreme' }), { param: 'min_reasoning_level' }],
    'an unknown effort': [ask({ reasoning_effort: 'heroic' }), { param: 'reasoning_effort' }],
    'models of a wrong type': [ask({ models: 'gpt-4o' }), { param: 'models' }],
    'an unknown provider wish': [ask({ provider: { sort: 'beauty' } }), { param: 'provider.sort' }],
    'a project id with a slash': [ask({ project_id: '../other' }), { param: 'project_id' }],
    'a project id that is too long': [ask({ project_id: 'p'.repeat(65) }), { param: 'project_id' }],
    'an empty project id': [ask({ project_id: '' }), { param: 'project_id' }],
  };
  for (const [name, [body, expected]] of Object.entries(bodies)) {
    test(`of ${name} is a 400`, async () => {
      const error = assertError(await scene.client.chat(body), { status: 400, ...expected });
      assert.equal(error.type, 'invalid_request_error');
      await assertUnharmed(scene);
    });
  }

  const strange = {
    'a lone surrogate': '{"messages":[{"role":"user","content":"\\ud83d"}]}',
    'a surrogate in a key': '{"messages":[{"role":"user","content":"x"}],"\\ud83d":1}',
    'a huge number': '{"messages":[{"role":"user","content":"x"}],"seed":123456789012345678901234567890}',
    'ten thousand keys': JSON.stringify(ask(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x_${i}`, i])))),
    'ten thousand messages': JSON.stringify(ask({ messages: Array.from({ length: 10_000 }, () => user('x')) })),
    'a byte order mark': `\ufeff${JSON.stringify(ask())}`,
    'control characters in a model name': JSON.stringify(ask({ model: 'a\u0000\r\nx-injected: 1' })),
    'a model name of 100,000 characters': JSON.stringify(ask({ model: 'm'.repeat(100_000) })),
  };
  for (const [name, body] of Object.entries(strange)) {
    test(`with ${name} is answered or refused, and harms nothing`, async () => {
      const reply = await scene.client.chat(body);
      assert.ok([200, 400, 404].includes(reply.status), reply.text.slice(0, 300));
      assert.ok(!('x-injected' in reply.headers));
      assert.ok(reply.head.length < 4000, 'no header repeats what the client sent at length');
      scene.upstream.reset();
      await assertUnharmed(scene);
    });
  }

  test('with an unknown model is a 404', async () => {
    for (const model of ['no-such-model', 'groq/no-such-model', 'nobody/gpt-4o', '/', 'groq/']) {
      assertError(await scene.client.chat(ask({ model })), { status: 404, code: 'model_not_found', param: 'model' });
    }
    assertError(await scene.client.chat(ask({ models: ['no-such-model'] })), { status: 404, code: 'model_not_found' });
    await assertUnharmed(scene);
  });
});

describe('a bad connection', () => {
  const scene = setScene({ providers: ['groq'] });
  const request = (fields) => ({ method: 'POST', path: '/v1/chat/completions', body: JSON.stringify(ask()), ...fields });

  test('that promises more bytes than it sends is no trap', async () => {
    const lie = request({ headers: { authorization: `Bearer ${GATEWAY_KEY}`, 'content-length': '100000' }, halfClose: true });
    const reply = await send(scene.client.url, lie).catch(() => null);
    if (reply !== null) assert.ok(reply.status >= 400 && reply.status < 600, reply.head);
    await assertUnharmed(scene);
  });

  test('that promises fewer bytes than it sends gets a 400', async () => {
    assertError(await scene.client.send(request({ headers: { 'content-length': '20' } })), { status: 400 });
    await assertUnharmed(scene);
  });

  test('with odd paths and headers gets its status', async () => {
    for (const path of ['/v1/models/%ff%fe', '/v1/models/%', '//v1/models', `/v1/models/${'x'.repeat(5000)}`, '/v1/chat/completions/../models', '/v1/models/%00']) {
      const reply = await scene.client.get(path);
      assert.ok([400, 404].includes(reply.status), `${path.slice(0, 60)}: ${reply.status}`);
    }
    for (const id of ['a b', 'ü', '..', 'x'.repeat(65), 'a/b']) {
      const reply = await scene.client.chat(ask(), { 'x-gateway-project-id': Buffer.from(id).toString('latin1') });
      if (id === '..') assert.ok([200, 400].includes(reply.status));
      else assertError(reply, { status: 400, param: 'project_id' });
    }
    scene.upstream.reset();
    await assertUnharmed(scene);
  });
});

describe('a body over the limit', () => {
  const scene = setScene({ providers: ['groq'], vars: { MAX_BODY_BYTES: '100000', INFLIGHT_BYTES_MAX: '150000', MAX_REPLY_BYTES: '200000' } });
  const big = (bytes) => ask({ messages: [user('x'.repeat(bytes))] });

  test('is a 413', async () => {
    assertError(await scene.client.chat(big(100_001)), { status: 413 });
    await assertUnharmed(scene);
  });

  test('is a 413 in chunks too, without a length', async () => {
    const body = JSON.stringify(big(150_000));
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const reply = await scene.client.send({
      method: 'POST', path: '/v1/chat/completions', headers: { 'transfer-encoding': 'chunked', 'content-length': null }, body: chunked,
    });
    assertError(reply, { status: 413 });
    await assertUnharmed(scene);
  });

  test('together with others is a 503 until they are done', async () => {
    const held = gate();
    scene.upstream.always('groq', afterGate(held, chat()));
    const first = scene.client.chat(big(90_000));
    await scene.upstream.received('groq');
    const refused = await scene.client.chat(big(90_000));
    assertError(refused, { status: 503 });
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    assert.equal(scene.upstream.requests('groq').length, 1);
    held.open();
    assert.equal((await first).status, 200);
    assert.equal((await scene.client.chat(big(90_000))).status, 200);
  });

  test('from a provider is no answer', async () => {
    scene.upstream.script('groq', largeAnswer(300_000));
    assertError(await scene.client.chat(askInOrder(['groq'])), { status: 502 });
    scene.upstream.reset();
    await assertUnharmed(scene);
  });
});

describe('a key', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'] });

  test('that is missing or wrong is a 401', async () => {
    for (const authorization of [null, '', 'Bearer', 'Bearer ', 'Bearer sk-wrong', GATEWAY_KEY, `Basic ${GATEWAY_KEY}`, `Bearer ${GATEWAY_KEY}x`, `Bearer ${GATEWAY_KEY.slice(0, -1)}`]) {
      for (const path of ['/v1/chat/completions', '/v1/models']) {
        const method = path === '/v1/models' ? 'GET' : 'POST';
        const body = method === 'POST' ? JSON.stringify(ask()) : '';
        assertError(await scene.client.send({ method, path, body, headers: { authorization } }), { status: 401, code: 'invalid_api_key' });
      }
    }
    await assertUnharmed(scene);
  });

  test('is looked at before the body', async () => {
    assertError(await scene.client.chat('{', { authorization: 'Bearer sk-wrong' }), { status: 401 });
    await assertUnharmed(scene);
  });

  test('may come as x-api-key', async () => {
    const reply = await scene.client.chat(ask(), { authorization: null, 'x-api-key': GATEWAY_KEY });
    assert.equal(reply.status, 200, reply.text);
  });

  test('of a provider never leaves in its error texts', async () => {
    const key = providerKey('groq');
    const texts = [`Incorrect API key provided: ${key}. See https://x.example?key=${key}`, `header "Authorization: Bearer ${key}" is wrong`];
    for (const words of texts) {
      for (const behaviour of [badKey(words), status(400, errorBody(words)), status(500, words), status(400, { detail: words }), html(502)]) {
        scene.upstream.reset();
        scene.upstream.always('groq', behaviour);
        const reply = await scene.client.chat(askInOrder(['groq']));
        assert.ok(reply.status >= 400, reply.text);
        assert.ok(!`${reply.head}${reply.text}`.includes(key), reply.text);
      }
    }
  });
});

describe('configuration', () => {
  describe('without a gateway key', () => {
    const scene = setScene({ providers: ['groq'], vars: { GATEWAY_API_KEY: null }, isolates: 1 });
    test('lets nobody in', async () => {
      for (const authorization of [null, 'Bearer ', `Bearer ${GATEWAY_KEY}`]) {
        assertError(await scene.client.chat(ask(), { authorization }), { status: 503, code: 'gateway_not_configured' });
      }
      assert.deepEqual(scene.upstream.requests(), []);
    });
  });

  describe('of a demo', () => {
    const scene = setScene({ providers: ['groq'], vars: { GATEWAY_API_KEY: null, GATEWAY_DEMO: '1' }, isolates: 1 });
    test('lets in this machine, and nobody who came by another name', async () => {
      assert.equal((await scene.client.chat(ask(), { authorization: null })).status, 200);
      for (const host of ['gateway.example.com', 'localhost.example.com', '127.0.0.1.example.com', '10.0.0.1']) {
        assertError(await scene.client.chat(ask(), { authorization: null, host }), { status: 503, code: 'gateway_not_configured' });
      }
    });
  });

  describe('of a demo that has a key', () => {
    const scene = setScene({ providers: ['groq'], vars: { GATEWAY_DEMO: '1' }, isolates: 1 });
    test('asks this machine for it too', async () => {
      for (const authorization of [null, 'Bearer sk-wrong']) {
        assertError(await scene.client.chat(ask(), { authorization, 'content-type': 'text/plain', origin: 'https://evil.example' }), { status: 401 });
        assertError(await scene.client.get('/v1/models', { authorization }), { status: 401, code: 'invalid_api_key' });
      }
      assert.deepEqual(scene.upstream.requests(), []);
      assert.equal((await scene.client.chat(ask())).status, 200);
    });
  });

  describe('with several keys and no default project', () => {
    const scene = setScene({ providers: ['groq'], vars: { GATEWAY_API_KEY: 'sk-one, sk-two', DEFAULT_PROJECT_ID: null }, isolates: 1 });
    test('takes each key, and a project from body or header only', async () => {
      for (const key of ['sk-one', 'sk-two']) {
        const authorization = `Bearer ${key}`;
        assertError(await scene.client.chat(ask(), { authorization }), { status: 400, param: 'project_id' });
        for (const [fields, headers] of [[{ project_id: 'p1' }, {}], [{}, { 'x-gateway-project-id': 'p1' }], [{}, { 'openai-project': 'p1' }]]) {
          const reply = await scene.client.chat(ask(fields), { authorization, ...headers });
          assert.equal(reply.status, 200, reply.text);
        }
      }
    });
  });

  for (const [name, vars] of Object.entries({
    REQUEST_TIMEOUT_MS: { REQUEST_TIMEOUT_MS: 'soon' },
    GROQ_BASE_URL: { GROQ_BASE_URL: 'http://api.example.com/v1' },
    GATEWAY_CONFIG: { GATEWAY_CONFIG: '{"providers":{"x":{"dialect":"openai","base_url":5}}}' },
  })) {
    describe(`with a bad ${name}`, () => {
      const scene = setScene({ providers: ['groq'], vars, isolates: 1 });
      test('is refused and named', async () => {
        assertError(await scene.client.chat(ask()), { status: 503, code: 'gateway_misconfigured', message: new RegExp(name) });
      });
    });
  }
});

describe('the log', () => {
  const scene = setScene({ providers: ['groq', 'openai'], isolates: 1 });

  test('and the headers hold no key and no text of a conversation', async () => {
    const canary = 'canary-71c2';
    const messages = [user(`My secret is ${canary}-question.`)];
    scene.upstream.script('groq', answer({ content: `${canary}-answer` }), status(500), badKey(`${providerKey('groq')} is wrong ${canary}-error`));
    const replies = [];
    for (const fields of [{ model: `groq/${SHARED_MODEL}` }, { model: `groq/${SHARED_MODEL}` }, { temperature: `${canary}-bad` }, { model: OPENAI_MODEL, stream: true }, { model: OPENAI_MODEL, messages: [IMAGE_MESSAGE] }]) {
      replies.push(await scene.client.chat(ask({ messages, ...fields })));
    }
    await scene.gateway.row(replies.at(-1).headers['x-request-id']);
    const said = scene.gateway.logs() + replies.map(({ head }) => head).join('\n');
    for (const secret of [GATEWAY_KEY, providerKey('groq'), providerKey('openai'), `${canary}-question`, `${canary}-answer`]) {
      assert.ok(!said.includes(secret), `${secret} was said: ${said}`);
    }
  });
});
