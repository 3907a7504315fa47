// What providers say of the requests and tokens that are left: traffic leaves them before they have to refuse it, and comes
// back when they have room again; a quota of a day benches to its reset. And what a client caused changes nothing for others.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { poll } from './harness/gateway.mjs';
import { ask, askInOrder, SHARED_MODEL, trailOf, user } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import {
  answer, badKey, chat, contentFiltered, contextTooLong, EVENT_STREAM, rateLimited, status, tokenStream,
} from './upstream/behaviours.mjs';
import { errorBody } from './upstream/payloads.mjs';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How late a day's quota is taken to begin anew (`RESET_MARGIN_MS` in src/catalog/provider.rs). */
const MARGIN_MS = 5 * 60_000;

const providerOf = async (client, id) =>
  (await client.get('/v1/providers')).json.data.find((provider) => provider.id === id);
const modelOf = async (client, id, model = SHARED_MODEL) =>
  (await providerOf(client, id))?.models.find((entry) => entry.id === model);

/** A provider that serves so many requests in each window, says so in its headers, and counts what it must refuse. */
class Budget {
  constructor(requests, windowMs, headers = groqHeaders) {
    Object.assign(this, { requests, windowMs, headers, left: requests, endsAt: 0, served: 0, refused: 0, windows: 0 });
  }

  behaviour() {
    return (exchange) => {
      const now = Date.now();
      if (now >= this.endsAt) Object.assign(this, { left: this.requests, endsAt: now + this.windowMs, windows: this.windows + 1 });
      const fits = this.left > 0;
      if (fits) this.left -= 1;
      this[fits ? 'served' : 'refused'] += 1;
      const headers = this.headers(this.left, this.endsAt - now);
      if (!fits) return rateLimited(headers)(exchange);
      const streamed = tokenStream({ headers: { ...EVENT_STREAM, ...headers } });
      return (exchange.json.stream ? streamed : answer({ headers }))(exchange);
    };
  }
}

const groqHeaders = (left, ms) => ({
  'x-ratelimit-remaining-requests': String(left),
  'x-ratelimit-reset-requests': ms < 1000 ? `${ms}ms` : `${ms / 1000}s`,
  'x-ratelimit-remaining-tokens': '100000',
  'x-ratelimit-reset-tokens': '1m0s',
});

/** Runs `count` requests, `width` at a time. */
async function inParallel(count, width, request) {
  let begun = 0;
  const worker = async () => {
    while (begun < count) {
      begun += 1;
      const reply = await request();
      assert.equal(reply.status, 200, reply.text);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

describe('a provider that says how many requests are left', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], isolates: 8 });
  const inOrder = askInOrder(['groq', 'cerebras']);

  for (const [how, width] of [['one after the other', 1], ['eight at a time', 8]]) {
    for (const stream of [false, true]) {
      test(`never has to refuse one: ${how}${stream ? ', streamed' : ''}`, async () => {
        const groq = new Budget(10, 2_000);
        scene.upstream.always('groq', groq.behaviour());
        await inParallel(30, width, () => scene.client.chat({ ...inOrder, stream }));
        assert.equal(groq.refused, 0, `of ${groq.served + groq.refused} requests`);
        // On a machine so slow that the window ended in between, the last one is not used up.
        assert.ok(groq.windows > 1 || groq.served === 10, `each of them is used: ${groq.served}`);
        assert.equal(groq.served + scene.upstream.requests('cerebras').length, 30);

        const before = groq.windows;
        await poll(async () => {
          assert.equal((await scene.client.chat({ ...inOrder, stream })).status, 200);
          return groq.windows > before;
        }, 'traffic to come back after the reset');
        assert.equal(groq.refused, 0);
      });
    }
  }

  test('is used all the same where nobody else is left', async () => {
    const groq = new Budget(2, 60_000);
    scene.upstream.always('groq', groq.behaviour());
    for (let i = 0; i < 2; i += 1) await scene.client.chat(askInOrder(['groq']));
    assert.deepEqual([(await modelOf(scene.client, 'groq')).status, groq.served], ['spent', 2]);
    groq.left = 1;
    assert.equal((await scene.client.chat(askInOrder(['groq']))).status, 200, 'it has miscounted');
    scene.upstream.always('cerebras', status(500));
    groq.left = 1;
    const reply = await scene.client.chat(inOrder);
    assert.deepEqual(trailOf(reply), [['cerebras', '500'], ['groq', '200']], 'last');
    assert.equal(groq.refused, 0);
  });

  test('and comes after the fallbacks of the request', async () => {
    scene.upstream.always('groq', new Budget(1, 60_000).behaviour());
    const fields = { model: 'groq/gpt-oss-20b', models: ['cerebras/gpt-oss-120b'] };
    assert.deepEqual(trailOf(await scene.client.chat(ask(fields))), [['groq', '200']]);
    assert.deepEqual(trailOf(await scene.client.chat(ask(fields))), [['cerebras', '200']]);
  });

  test('is limited to that reset by a 429 that has no Retry-After', async () => {
    const headers = { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1m30s' };
    scene.upstream.always('groq', rateLimited(headers));
    await scene.client.chat(inOrder);
    const groq = await modelOf(scene.client, 'groq');
    assert.deepEqual([groq.status, groq.reason, groq.requests_left], ['limited', 'rate_limited', 0]);
    assert.ok(groq.cooldown_ms > 60_000 && groq.cooldown_ms <= 90_000, `${groq.cooldown_ms}`);
  });
});

describe('a provider that says how many tokens are left', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], isolates: 1 });

  test('gets the requests that fit, prompt and answer, and no larger ones', async () => {
    const headers = { 'x-ratelimit-remaining-tokens': '1000', 'x-ratelimit-reset-tokens': '1m0s' };
    scene.upstream.always('groq', answer({ headers }));
    const inOrder = (fields) => scene.client.chat(askInOrder(['groq', 'cerebras'], fields));
    const first = async (fields) => trailOf(await inOrder(fields))[0][0];
    assert.equal(await first(), 'groq');
    assert.equal(await first({ max_tokens: 900 }), 'groq');
    assert.equal(await first({ max_tokens: 1100 }), 'cerebras');
    assert.equal(await first({ messages: [user('word '.repeat(2000))] }), 'cerebras');
    assert.equal(await first(), 'groq');
  });
});

describe('two isolates', () => {
  const scene = setScene({ providers: ['groq', 'cerebras', 'gemini', 'sambanova'], isolates: 8, sharedObjects: true });

  test('know together that nothing is left', async () => {
    const second = scene.gateway.freshClient();
    const groq = new Budget(3, 60_000);
    scene.upstream.always('groq', groq.behaviour());
    await second.chat(askInOrder(['groq', 'cerebras']));
    for (let i = 0; i < 4; i += 1) await scene.client.chat(askInOrder(['groq', 'cerebras']));
    // Before the news is there it could have gone there once more: that is what isolates can overshoot by.
    await poll(async () => (await modelOf(second, 'groq'))?.status === 'spent', 'the news');
    for (let i = 0; i < 4; i += 1) assert.equal((await second.chat(askInOrder(['groq', 'cerebras']))).status, 200);
    assert.deepEqual([groq.served, groq.refused], [3, 0]);
  });

  test('leave a model alone until the quota of its day begins anew', async () => {
    const second = scene.gateway.freshClient();
    // As Gemini writes it, with a delay that is none of a day.
    const model = 'gemini-3.6-flash';
    scene.upstream.always('gemini', status(429, [{
      error: {
        code: 429,
        message: 'You exceeded your current quota. Please retry in 36.4s.',
        status: 'RESOURCE_EXHAUSTED',
        details: [
          { violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier', quotaValue: '20' }] },
          { retryDelay: '36s' },
        ],
      },
    }]));
    const before = Date.now();
    assert.notEqual((await scene.client.chat(ask({ model: `gemini/${model}` }))).status, 200);
    const bench = await poll(async () => {
      const entry = await modelOf(second, 'gemini', model);
      return entry?.status === 'benched' ? entry : null;
    }, 'the bench');
    assert.equal(bench.reason, 'quota_exhausted');
    // 08:00 UTC and some minutes: midnight in California, in winter to the hour.
    const late = 8 * HOUR_MS + MARGIN_MS;
    const reset = Math.floor((before - late) / DAY_MS) * DAY_MS + DAY_MS + late;
    const ends = Date.now() + bench.cooldown_ms;
    assert.ok(ends >= reset - 1_000 && ends <= reset + 15_000, `${new Date(ends).toISOString()}`);
    for (const client of [scene.client, second]) await client.chat(ask({ model: `gemini/${model}` }));
    assert.equal(scene.upstream.requests('gemini').length, 1);
    scene.upstream.always('gemini', chat());
    assert.equal((await second.chat(ask({ model: 'gemini/gemini-3.5-flash-lite' }))).status, 200, 'another model has its own');
  });

  test('do not ask with a key again that was refused', async () => {
    const second = scene.gateway.freshClient();
    scene.upstream.always('sambanova', badKey());
    const providers = ['sambanova', 'cerebras'];
    await scene.client.chat(askInOrder(providers));
    await poll(async () => (await providerOf(second, 'sambanova')).status === 'benched', 'the bench');
    for (const client of [scene.client, second]) {
      for (const model of [SHARED_MODEL, 'auto']) {
        for (let i = 0; i < 3; i += 1) assert.equal((await client.chat(askInOrder(providers, { model }))).status, 200);
      }
    }
    assert.equal(scene.upstream.requests('sambanova').length, 1);
  });
});

describe('the headers of each provider', () => {
  const inTwoMinutes = () => Date.now() + 120_000;
  const cases = {
    groq: [{ 'x-ratelimit-remaining-requests': '7', 'x-ratelimit-reset-requests': '2m0s', 'x-ratelimit-remaining-tokens': '9.5' }, 7, 9],
    cerebras: [{ 'x-ratelimit-remaining-requests-day': '7', 'x-ratelimit-reset-requests-day': '120.0', 'x-ratelimit-remaining-tokens-minute': '9' }, 7, 9],
    sambanova: [{ 'x-ratelimit-remaining-requests': '8', 'x-ratelimit-remaining-requests-day': '7', 'x-ratelimit-reset-requests-day': '2m' }, 7, null],
    openrouter: [() => ({ 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': String(inTwoMinutes()) }), 7, null],
    together: [{ 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': '120', 'x-tokenlimit-remaining': '9' }, 7, 9],
    fireworks: [{ 'x-ratelimit-remaining-requests': '7', 'x-ratelimit-reset-requests': '120s', 'x-ratelimit-remaining-tokens-prompt': '9' }, 7, 9],
    nvidia: [{ 'x-ratelimit-remaining-requests': '7' }, null, null],
  };
  const scene = setScene({ providers: Object.keys(cases), isolates: 1 });

  test('are read by its own names', async () => {
    for (const [provider, [headers, requests, tokens]] of Object.entries(cases)) {
      scene.upstream.always(provider, answer({ headers: typeof headers === 'function' ? headers() : headers }));
      assert.equal((await scene.client.chat(askInOrder([provider]))).status, 200, provider);
      const model = await modelOf(scene.client, provider);
      assert.deepEqual([model.requests_left, model.tokens_left], [requests, tokens], provider);
      const wrong = requests !== null && Math.abs(model.requests_reset_at - inTwoMinutes()) > 15_000;
      assert.ok(!wrong, `${provider}: ${model.requests_reset_at}`);
    }
  });
});

describe('three hostile requests of one client', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], isolates: 4, sharedObjects: true });
  const hostile = {
    'with a prompt that the filter refuses': contentFiltered(),
    'with a parameter that the provider refuses': status(400, errorBody('`temperature` must be below 2', { param: 'temperature' })),
    'with a prompt that is too long': contextTooLong(),
  };

  for (const [what, refusal] of Object.entries(hostile)) {
    test(`${what} do not open the circuit for everyone`, async () => {
      scene.upstream.always('groq', refusal);
      const pinned = ask({ model: `groq/${SHARED_MODEL}` });
      for (let i = 0; i < 3; i += 1) assert.equal((await scene.client.chat(pinned)).status, 400);
      scene.upstream.always('groq', chat());
      assert.deepEqual(trailOf(await scene.client.chat(askInOrder(['groq', 'cerebras']))), [['groq', '200']]);
      const groq = await modelOf(scene.client, 'groq');
      assert.deepEqual([groq.circuit, groq.status, groq.failed], ['closed', 'healthy', 0]);
    });
  }
});
