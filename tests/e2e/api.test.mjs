// The surface: headers, metadata, usage and costs, what reaches an upstream and what comes back from it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GATEWAY_KEY, providerKey } from './harness/gateway.mjs';
import { ask, askInOrder, assertError, OPENAI_MODEL, rawNumber, SHARED_MODEL, user, UUID } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { answer, chat, redirect, status } from './upstream/behaviours.mjs';

const ORIGIN = 'https://app.example.com';

const scene = setScene({ providers: ['groq', 'cerebras', 'openai'], vars: { CORS_ORIGINS: ORIGIN }, isolates: 22 });

/** The provider's one request. */
const sentTo = (provider) => {
  const requests = scene.upstream.requests(provider);
  assert.equal(requests.length, 1, `one request to ${provider}`);
  return requests[0];
};

describe('a reply', () => {
  test('tells in headers who answered and after how many attempts', async () => {
    const reply = await scene.client.chat(ask({ model: `groq/${SHARED_MODEL}` }));
    assert.equal(reply.status, 200);
    assert.match(reply.headers['content-type'], /^application\/json/);
    assert.equal(reply.headers['x-gateway-provider'], 'groq');
    assert.equal(reply.headers['x-gateway-model'], 'openai/gpt-oss-120b');
    assert.equal(reply.headers['x-gateway-attempts'], '1');
    assert.equal(reply.headers['x-gateway-trail'], 'groq/gpt-oss-120b=200');
    assert.match(reply.headers['x-gateway-request-id'], UUID);
    assert.equal(reply.headers['x-request-id'], reply.headers['x-gateway-request-id']);
    assert.ok('x-gateway-reasoning-effort' in reply.headers);
    sentTo('groq');
  });

  test('has a request id of its own each time', async () => {
    const ids = new Set();
    for (let i = 0; i < 5; i += 1) ids.add((await scene.client.chat(ask())).headers['x-request-id']);
    assert.equal(ids.size, 5);
  });

  test('carries metadata that tells what was asked and what was used', async () => {
    scene.upstream.always('groq', status(500));
    const { json } = await scene.client.chat(askInOrder(['groq', 'cerebras']));
    assert.equal(json.metadata.requested_model, SHARED_MODEL);
    assert.equal(json.metadata.requested_provider, null);
    assert.equal(json.metadata.used_model, SHARED_MODEL);
    assert.equal(json.metadata.used_provider, 'cerebras');
    assert.equal(json.metadata.underlying_used_model, 'gpt-oss-120b');
    const attempts = json.metadata.routing.map(({ provider, status_code, error_type, succeeded }) =>
      ({ provider, status_code, error_type, succeeded }));
    assert.deepEqual(attempts, [
      { provider: 'groq', status_code: 500, error_type: 'server_error', succeeded: false },
      { provider: 'cerebras', status_code: 200, error_type: null, succeeded: true },
    ]);
  });

  test('names the pinned provider', async () => {
    const { json } = await scene.client.chat(ask({ model: 'groq/openai/gpt-oss-120b' }));
    assert.equal(json.metadata.requested_model, 'groq/openai/gpt-oss-120b');
    assert.equal(json.metadata.requested_provider, 'groq');
    assert.equal(json.metadata.underlying_used_model, 'openai/gpt-oss-120b');
  });

  test('counts tokens and costs exactly', async () => {
    scene.upstream.always('groq', answer({
      usage: {
        prompt_tokens: 1007,
        completion_tokens: 503,
        total_tokens: 1510,
        prompt_tokens_details: { cached_tokens: 400 },
        completion_tokens_details: { reasoning_tokens: 120 },
        queue_time: 0.003,
      },
    }));
    const reply = await scene.client.chat(ask({ model: `groq/${SHARED_MODEL}` }));
    const { usage } = reply.json;
    assert.equal(usage.prompt_tokens, 1007);
    assert.equal(usage.completion_tokens, 503);
    assert.equal(usage.total_tokens, 1510);
    assert.equal(usage.reasoning_tokens, 120);
    assert.equal(usage.prompt_tokens_details.cached_tokens, 400);
    // 607 uncached at 0.15, 400 cached at 0.075, 503 at 0.6 USD per million.
    assert.equal(rawNumber(reply.text, 'cost_usd_input'), '0.00009105');
    assert.equal(rawNumber(reply.text, 'cost_usd_cached_input'), '0.00003');
    assert.equal(rawNumber(reply.text, 'cost_usd_output'), '0.0003018');
    assert.equal(rawNumber(reply.text, 'cost_usd_request'), '0');
    assert.equal(rawNumber(reply.text, 'cost_usd_total'), '0.00042285');
    assert.equal(reply.headers['x-gateway-cost-usd'], '0.00042285');
  });

  test('keeps what the upstream said beside it', async () => {
    scene.upstream.always('openai', answer({
      message: { refusal: null, annotations: [] },
      extra: { system_fingerprint: 'fp_1', service_tier: 'default', vendor: { big: 12345678901234567890n.toString() } },
    }));
    const { json } = await scene.client.chat(ask({ model: OPENAI_MODEL }));
    assert.equal(json.object, 'chat.completion');
    assert.equal(json.system_fingerprint, 'fp_1');
    assert.equal(json.service_tier, 'default');
    assert.deepEqual(json.vendor, { big: '12345678901234567890' });
    assert.deepEqual(json.choices[0].message.annotations, []);
  });

  test('does not leak the upstream\'s headers', async () => {
    const headers = { 'set-cookie': 'session=1', server: 'secret-server', 'x-internal-host': 'node-17', 'openai-organization': 'org-1' };
    for (const behaviour of [answer({ headers }), status(400, undefined, headers)]) {
      scene.upstream.always('openai', behaviour);
      const reply = await scene.client.chat(ask({ model: OPENAI_MODEL }));
      for (const name of Object.keys(headers)) assert.ok(!(name in reply.headers), `${name} leaked`);
      assert.doesNotMatch(reply.head, /secret-server|node-17|org-1|session=1/);
    }
  });
});

describe('an upstream', () => {
  test('gets unknown fields verbatim', async () => {
    const body = `{"model":"${OPENAI_MODEL}","x_big":12345678901234567890123,"messages":[{"role":"user","content":"hi","x_note":{"a":[1.0,2e3]}}],`
      + '"x_text":"\\u00e9\\n\\/","x_float":1.50,"x_nested":{"deep":[null,true,{"k":"v"}]},"seed":7}';
    const reply = await scene.client.chat(body);
    assert.equal(reply.status, 200, reply.text);
    const { text } = sentTo('openai');
    for (const verbatim of ['"x_big":12345678901234567890123', '"x_text":"\\u00e9\\n\\/"', '"x_float":1.50',
      '"x_nested":{"deep":[null,true,{"k":"v"}]}', '"x_note":{"a":[1.0,2e3]}', '"seed":7']) {
      assert.ok(text.includes(verbatim), `${verbatim} is missing in ${text}`);
    }
  });

  test('never gets the gateway\'s own fields', async () => {
    const reply = await scene.client.chat(ask({
      model: OPENAI_MODEL, models: [SHARED_MODEL], provider: { order: ['openai'] }, project_id: 'p1', free_models_only: false,
      no_reasoning: false, min_reasoning_level: 'low', usage: { include: true },
    }));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(Object.keys(sentTo('openai').json).sort(), ['messages', 'model']);
  });

  test('never gets null fields', async () => {
    const nulls = { temperature: null, tools: null, stop: null, response_format: null, stream: null, max_tokens: null, x_unknown: null };
    const reply = await scene.client.chat(ask({ model: OPENAI_MODEL, ...nulls }));
    assert.equal(reply.status, 200, reply.text);
    const { json } = sentTo('openai');
    for (const name of Object.keys(nulls)) assert.notEqual(json[name], null, `${name} was forwarded as null`);
  });

  test('is spared the fields that it refuses, and the client is told their names', async () => {
    const messages = [{ ...user('hi'), name: 'anna' }];
    const reply = await scene.client.chat(ask({ model: `groq/${SHARED_MODEL}`, messages, logprobs: true, top_logprobs: 2, seed: 1 }));
    assert.equal(reply.status, 200, reply.text);
    const { json } = sentTo('groq');
    assert.deepEqual([json.logprobs, json.top_logprobs, json.messages[0].name, json.seed], [undefined, undefined, undefined, 1]);
    assert.deepEqual(reply.headers['x-gateway-dropped-params'].split(',').map((name) => name.trim()).sort(), ['logprobs', 'messages.name', 'top_logprobs']);
  });

  test('gets lenient string forms as JSON', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } };
    const reply = await scene.client.chat(ask({
      model: OPENAI_MODEL,
      messages: [user('Answer in JSON.'), { role: 'assistant', content: null, tool_calls: JSON.stringify([call]) }, { role: 'tool', tool_call_id: 'call_1', content: 'ok' }],
      logit_bias: '{"50256":-100}',
      response_format: '{"type":"json_object"}',
      stream: true,
      stream_options: '{"include_usage":true}',
    }));
    assert.equal(reply.status, 200, reply.text);
    const { json } = sentTo('openai');
    assert.deepEqual(json.logit_bias, { 50256: -100 });
    assert.deepEqual(json.response_format, { type: 'json_object' });
    assert.equal(json.stream_options.include_usage, true);
    assert.deepEqual(json.messages[1].tool_calls, [call]);
  });

  test('gets the gateway\'s key for it and nothing of the client\'s', async () => {
    const reply = await scene.client.chat(ask({ model: OPENAI_MODEL }), {
      cookie: 'session=client-secret', 'x-api-key': GATEWAY_KEY, 'openai-organization': 'org-client', 'openai-project': 'client-project',
      'x-forwarded-for': '203.0.113.9', 'x-custom': 'client-custom', 'user-agent': 'client-agent/1.0', referer: 'https://client.example',
    });
    assert.equal(reply.status, 200, reply.text);
    const { headers } = sentTo('openai');
    assert.equal(headers.authorization, `Bearer ${providerKey('openai')}`);
    assert.equal(headers['content-type'], 'application/json');
    const all = JSON.stringify(headers);
    for (const secret of [GATEWAY_KEY, 'client-secret', 'org-client', 'client-project', '203.0.113.9', 'client-custom', 'client-agent', 'client.example']) {
      assert.ok(!all.includes(secret), `${secret} reached the upstream: ${all}`);
    }
  });

  test('that redirects is not followed', async () => {
    scene.upstream.always('groq', redirect(`${scene.upstream.baseUrl('elsewhere')}/chat/completions`));
    const passed = await scene.client.chat(askInOrder(['groq', 'cerebras']));
    assert.equal(passed.headers['x-gateway-provider'], 'cerebras');
    const alone = await scene.client.chat(askInOrder(['groq']));
    assertError(alone, { status: 502 });
    assert.deepEqual(scene.upstream.requests('elsewhere'), []);
  });
});

describe('the paths', () => {
  test('answer whatever a client says it accepts', async () => {
    for (const accept of ['text/html', 'application/xml', 'image/png;q=0']) {
      assert.equal((await scene.client.chat(ask(), { accept })).status, 200);
    }
  });

  test('work without /v1 too', async () => {
    const reply = await scene.client.send({
      method: 'POST', path: '/chat/completions', headers: { 'content-type': 'application/json' }, body: JSON.stringify(ask()),
    });
    assert.equal(reply.status, 200);
    const [short, long] = [await scene.client.get('/models'), await scene.client.get('/v1/models')];
    assert.equal(short.text, long.text);
  });

  test('of models describe each one with its offers', async () => {
    const { json } = await scene.client.get('/v1/models');
    assert.equal(json.object, 'list');
    const model = json.data.find(({ id }) => id === SHARED_MODEL);
    const told = JSON.stringify(model);
    for (const fact of ['groq', 'cerebras', 'together', '131072', '0.15']) assert.ok(told.includes(fact), `${fact} is missing in ${told}`);
    const on = Object.fromEntries(model.providers.map(({ id, configured }) => [id, configured]));
    assert.deepEqual([on.groq, on.cerebras, on.together], [true, true, false]);
    assert.doesNotMatch(JSON.stringify(json), /sk-upstream/);
  });

  test('of one model take ids with slashes, escaped or not, and say 404 for no model', async () => {
    for (const path of ['/v1/models/openai/gpt-oss-120b', '/v1/models/openai%2Fgpt-oss-120b']) {
      const reply = await scene.client.get(path);
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.json.object, 'model');
    }
    assertError(await scene.client.get('/v1/models/no/such'), { status: 404, code: 'model_not_found' });
  });

  test('of health answers anybody and tells nothing of providers', async () => {
    const reply = await scene.client.get('/health', { authorization: null });
    assert.equal(reply.status, 200);
    assert.doesNotMatch(reply.text, /groq|cerebras|openai/);
  });

  test('refuse a wrong method with Allow, and unknown ones in OpenAI\'s shape', async () => {
    const wrong = await scene.client.get('/v1/chat/completions');
    assertError(wrong, { status: 405 });
    assert.match(wrong.headers.allow, /POST/);
    const deleted = await scene.client.send({ method: 'DELETE', path: '/v1/models' });
    assertError(deleted, { status: 405 });
    assert.match(deleted.headers.allow, /GET/);
    assertError(await scene.client.get('/v1/nothing'), { status: 404 });
    assertError(await scene.client.get('/'), { status: 404 });
  });

  test('answer a browser of an allowed origin, and no other', async () => {
    const preflight = (origin) => scene.client.send({
      method: 'OPTIONS',
      path: '/v1/chat/completions',
      headers: { authorization: null, origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type,x-stainless-os' },
    });
    const allowed = await preflight(ORIGIN);
    assert.ok([200, 204].includes(allowed.status));
    assert.equal(allowed.headers['access-control-allow-origin'], ORIGIN);
    assert.match(allowed.headers['access-control-allow-methods'], /POST/);
    assert.match(allowed.headers['access-control-allow-headers'].toLowerCase(), /authorization.*x-stainless-os|\*/s);
    assert.ok(!('access-control-allow-origin' in (await preflight('https://evil.example')).headers));

    const good = await scene.client.chat(ask(), { origin: ORIGIN });
    assert.equal(good.headers['access-control-allow-origin'], ORIGIN);
    for (const name of ['x-gateway-provider', 'x-gateway-trail', 'x-request-id']) {
      assert.ok(good.headers['access-control-expose-headers'].toLowerCase().includes(name), `${name} is not exposed`);
    }
    const refused = await scene.client.chat(ask({ temperature: 9 }), { origin: ORIGIN });
    assert.equal(refused.headers['access-control-allow-origin'], ORIGIN, 'a browser may read an error too');
  });
});

describe('a stream\'s usage chunk', () => {
  test('carries cost and metadata for the client that asks for them', async () => {
    scene.upstream.always('groq', chat({ usage: { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 } }));
    const reply = await scene.client.chat(ask({ model: `groq/${SHARED_MODEL}`, stream: true, usage: { include: true } }));
    assert.equal(rawNumber(reply.text, 'cost_usd_total'), '0.00045');
    assert.match(reply.text, /"used_provider":"groq"/);
  });
});
