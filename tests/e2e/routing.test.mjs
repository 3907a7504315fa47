// Which provider and model a request gets: rotation, pins, wishes, auto, an operator's own servers. Both sides are
// asserted: what the client was told, and what each provider saw.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ANSWER_SCHEMA, ask, askInOrder, assertError, IMAGE_MESSAGE, OPENAI_MODEL, SHARED_MODEL, trailOf, user, WEATHER_TOOL,
} from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { answer, chat, rateLimited, status } from './upstream/behaviours.mjs';

describe('equal providers', () => {
  const providers = ['groq', 'cerebras', 'fireworks'];
  const scene = setScene({ providers });

  /** How often each provider answered, by the header that the clients saw. */
  async function answers(count, fields) {
    const told = {};
    for (let i = 0; i < count; i += 1) {
      const reply = await scene.client.chat(ask(fields));
      assert.equal(reply.status, 200, reply.text);
      const provider = reply.headers['x-gateway-provider'];
      told[provider] = (told[provider] ?? 0) + 1;
    }
    return told;
  }

  for (const stream of [false, true]) {
    test(`share ${stream ? 'streams' : 'requests'} within one of each other`, async () => {
      const told = await answers(30, { stream });
      const counts = providers.map((provider) => told[provider]);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, JSON.stringify(told));
      assert.deepEqual(told, scene.upstream.counts(), 'the headers say what the providers saw');
    });
  }

  test('share what a failing one leaves, and the client is told', async () => {
    scene.upstream.always('cerebras', status(500));
    const told = await answers(30);
    assert.equal(told.cerebras, undefined);
    const counts = [told.groq, told.fireworks];
    assert.equal(counts[0] + counts[1], 30);
    const failed = scene.upstream.requests('cerebras').length;
    assert.ok(failed >= 1 && failed <= 3, `three failures open the circuit, it saw ${failed}`);
  });

  test('are passed over in the open: attempts, trail and routing tell of the failed one', async () => {
    scene.upstream.always('groq', rateLimited());
    const reply = await scene.client.chat(askInOrder(['groq', 'cerebras']));
    assert.equal(reply.headers['x-gateway-attempts'], '2');
    assert.equal(reply.headers['x-gateway-trail'], 'groq/gpt-oss-120b=429; cerebras/gpt-oss-120b=200');
    assert.deepEqual(reply.json.metadata.routing.map(({ provider, succeeded }) => [provider, succeeded]),
      [['groq', false], ['cerebras', true]]);
    assert.deepEqual(scene.upstream.counts(), { groq: 1, cerebras: 1 });
  });

  test('that cannot give several answers are left out, and pinned they say so', async () => {
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await scene.client.chat(ask({ n: 2 }))).headers['x-gateway-provider'], 'fireworks');
    }
    assertError(await scene.client.chat(ask({ n: 2, model: `groq/${SHARED_MODEL}` })), { status: 400, param: 'n' });
    assert.deepEqual(scene.upstream.counts(), { fireworks: 3 });
    assert.equal(scene.upstream.requests('fireworks')[0].json.n, 2);
  });

  test('keep a rate-limited one out until its time is up', async () => {
    scene.upstream.always('groq', rateLimited({ 'retry-after': '60' }));
    for (let i = 0; i < 9; i += 1) assert.equal((await scene.client.chat(ask())).status, 200);
    assert.equal(scene.upstream.requests('groq').length, 1);
  });
});

describe('a client', () => {
  const scene = setScene({ providers: ['groq', 'cerebras', 'sambanova', 'openai'], isolates: 11 });
  const providerFor = async (fields) => {
    const reply = await scene.client.chat(ask(fields));
    assert.equal(reply.status, 200, reply.text);
    return reply.headers['x-gateway-provider'];
  };

  test('pins a provider by the catalogue\'s id and by the provider\'s own', async () => {
    for (const model of ['groq/gpt-oss-120b', 'groq/openai/gpt-oss-120b']) {
      for (let i = 0; i < 3; i += 1) assert.equal(await providerFor({ model }), 'groq');
    }
    assert.ok(scene.upstream.requests('groq').every(({ json }) => json.model === 'openai/gpt-oss-120b'));
    assert.deepEqual(scene.upstream.counts(), { groq: 6 });
  });

  test('uses a name of another provider\'s catalogue as that model', async () => {
    const reply = await scene.client.chat(ask({ model: 'openai/gpt-oss-120b' }));
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.metadata.used_model, 'gpt-oss-120b');
  });

  test('has its pinned provider tried again once, then gets a true error', async () => {
    scene.upstream.always('groq', status(500));
    const reply = await scene.client.chat(ask({ model: `groq/${SHARED_MODEL}` }));
    assertError(reply, { status: 502 });
    assert.deepEqual(scene.upstream.counts(), { groq: 2 });
    const [first, second] = scene.upstream.requests('groq');
    const gap = second.at - first.at;
    assert.ok(gap >= 240, `a retry waits 250 to 750 ms, not ${gap}`);
  });

  test('has a short Retry-After of its pinned provider waited out', async () => {
    scene.upstream.script('groq', rateLimited({ 'retry-after-ms': '300' }));
    const reply = await scene.client.chat(ask({ model: `groq/${SHARED_MODEL}` }));
    assert.equal(reply.status, 200, reply.text);
    const [first, second] = scene.upstream.requests('groq');
    assert.ok(second.at - first.at >= 290);
  });

  test('uses every model id of the common examples', async () => {
    // Those that stand for a model of a provider that is not configured here are known all the same.
    for (const model of ['gpt-5', 'gpt-4o', 'gpt-4o-mini', 'llama-3.3-70b-versatile', 'claude-3-5-sonnet-20241022', 'claude-opus-4-5']) {
      const reply = await scene.client.chat(ask({ model }));
      assert.ok([200, 503].includes(reply.status), `${model}: ${reply.text}`);
      if (reply.status === 200) assert.equal(reply.json.metadata.requested_model, model);
    }
  });

  test('falls back over its `models`, in order', async () => {
    scene.upstream.always('openai', status(503));
    scene.upstream.always('groq', status(503));
    const reply = await scene.client.chat(ask({ model: OPENAI_MODEL, models: ['groq/gpt-oss-20b', 'cerebras/gpt-oss-120b'] }));
    assert.equal(reply.headers['x-gateway-provider'], 'cerebras');
    assert.equal(reply.json.metadata.used_model, 'gpt-oss-120b');
    assert.deepEqual([...new Set(trailOf(reply).map(([provider]) => provider))], ['openai', 'groq', 'cerebras']);
  });

  test('orders, restricts and excludes providers', async () => {
    for (let i = 0; i < 4; i += 1) {
      assert.equal(await providerFor({ provider: { order: ['sambanova', 'groq'] } }), 'sambanova');
      assert.equal(await providerFor({ provider: { only: ['cerebras'] } }), 'cerebras');
      assert.equal(await providerFor({ provider: { ignore: ['cerebras', 'sambanova'] } }), 'groq');
    }
    assert.deepEqual(scene.upstream.counts(), { sambanova: 4, cerebras: 4, groq: 4 });
  });

  test('that sorts by price gets the cheapest', async () => {
    for (let i = 0; i < 3; i += 1) assert.equal(await providerFor({ provider: { sort: 'price' } }), 'groq');
  });

  test('that excludes every provider is told so', async () => {
    assertError(await scene.client.chat(ask({ provider: { only: ['mistral'] } })), { status: 400, param: 'provider' });
    assert.deepEqual(scene.upstream.requests(), []);
  });

  test('with a model of no configured provider gets 503', async () => {
    assertError(await scene.client.chat(ask({ model: 'grok-4.5' })), { status: 503 });
  });
});

describe('auto', () => {
  const scene = setScene({ providers: ['groq', 'sambanova'] });
  const used = async (fields) => {
    const reply = await scene.client.chat(ask({ model: 'auto', ...fields }));
    assert.equal(reply.status, 200, reply.text);
    return [reply.headers['x-gateway-provider'], reply.json.metadata.used_model];
  };

  test('is what a request without a model gets', async () => {
    const { model, ...request } = ask();
    const reply = await scene.client.chat(request);
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.json.metadata.requested_model, 'auto');
  });

  test('gives pictures to a model that sees', async () => {
    for (let i = 0; i < 4; i += 1) {
      const [, model] = await used({ messages: [IMAGE_MESSAGE] });
      assert.ok(['qwen3.8-27b', 'llama-4-scout', 'gemma-4-31b'].includes(model), model);
    }
  });

  test('gives tools to a model that calls them', async () => {
    for (let i = 0; i < 4; i += 1) assert.notEqual((await used({ tools: [WEATHER_TOOL] }))[1], 'compound');
    assert.ok(scene.upstream.requests().every(({ json }) => json.tools.length === 1));
  });

  test('gives a schema to a model that keeps to it', async () => {
    scene.upstream.always('groq', answer({ content: '{"answer":"x"}' }));
    scene.upstream.always('sambanova', answer({ content: '{"answer":"x"}' }));
    const knowing = ['gpt-oss-120b', 'gpt-oss-20b', 'qwen3.8-27b', 'llama-4-scout', 'deepseek-v3.2', 'gemma-4-31b'];
    for (let i = 0; i < 4; i += 1) {
      const [provider, model] = await used({ response_format: ANSWER_SCHEMA });
      assert.ok(knowing.includes(model) && !(provider === 'sambanova' && model === 'gpt-oss-120b'), `${provider}/${model}`);
    }
  });

  test('gives a long prompt to the one model whose window holds it', async () => {
    const [provider, model] = await used({ messages: [user('many words '.repeat(120_000))] });
    assert.deepEqual([provider, model], ['sambanova', 'minimax-m3']);
  });

  test('gives hard questions to a model of the level asked for', async () => {
    for (let i = 0; i < 4; i += 1) {
      const [, model] = await used({ min_reasoning_level: 'high' });
      assert.ok(!['llama-3.1-8b', 'llama-3.3-70b', 'gpt-oss-20b', 'llama-4-scout', 'qwen3-32b'].includes(model), model);
    }
  });

  test('says which needs no model can meet', async () => {
    const tooLong = ask({ model: 'auto', messages: [user('many words '.repeat(700_000))] });
    assertError(await scene.client.chat(tooLong), { status: 400, code: 'context_length_exceeded', message: /context window/ });
    assertError(
      await scene.client.chat(ask({ model: 'llama-3.1-8b', messages: [IMAGE_MESSAGE] })),
      { status: 400, code: 'no_capable_model', message: /image|vision/i },
    );
    assert.deepEqual(scene.upstream.requests(), []);
  });

  test('passes over to the other provider', async () => {
    scene.upstream.always('groq', status(502));
    for (let i = 0; i < 6; i += 1) assert.equal((await used({}))[0], 'sambanova');
  });
});

describe('AUTO_MODELS', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], vars: { AUTO_MODELS: 'cerebras/glm-4.7,groq/gpt-oss-20b' }, isolates: 1 });

  test('is what auto uses, and nothing else', async () => {
    for (let i = 0; i < 4; i += 1) {
      const reply = await scene.client.chat(ask({ model: 'auto' }));
      assert.ok(['glm-4.7', 'gpt-oss-20b'].includes(reply.json.metadata.used_model), reply.text);
    }
  });
});

describe('a server of one\'s own', () => {
  const scene = setScene({
    providers: ['vllm'],
    vars: (upstream) => ({
      MY_KEY: 'sk-my-own',
      GATEWAY_CONFIG: JSON.stringify({
        providers: { 'my-server': { dialect: 'openai', base_url: upstream.baseUrl('mine'), key: 'MY_KEY', open: true } },
        aliases: { fast: 'my-server/tiny' },
      }),
    }),
    isolates: 1,
  });

  test('takes any model by its pin, and by an alias', async () => {
    for (const [model, own] of [['my-server/any/thing', 'any/thing'], ['fast', 'tiny']]) {
      const reply = await scene.client.chat(ask({ model }));
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.headers['x-gateway-provider'], 'my-server');
      const seen = scene.upstream.requests('mine').at(-1);
      assert.equal(seen.json.model, own);
      assert.equal(seen.headers.authorization, 'Bearer sk-my-own');
    }
  });

  test('on vLLM takes any model', async () => {
    scene.upstream.always('vllm', chat({ content: ['local'] }));
    const reply = await scene.client.chat(ask({ model: 'vllm/Org/Model-7B' }));
    assert.equal(reply.json.choices[0].message.content, 'local');
    assert.equal(scene.upstream.requests('vllm')[0].json.model, 'Org/Model-7B');
  });
});

describe('a gateway without providers', () => {
  const scene = setScene({ providers: [], isolates: 1 });

  test('answers 503 and says what to do', async () => {
    for (const model of ['auto', SHARED_MODEL, `groq/${SHARED_MODEL}`]) {
      assertError(await scene.client.chat(ask({ model })), { status: 503, message: /_API_KEY|provider/ });
    }
  });
});
