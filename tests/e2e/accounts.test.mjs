// Every request that reached the routing is one row in D1: whole, failed, cut or left by its client. No row holds a key
// or a word of a conversation.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GATEWAY_KEY, PROJECT, providerKey } from './harness/gateway.mjs';
import { ask, askInOrder, OPENAI_MODEL, SHARED_MODEL, user, UUID } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { readStream } from './harness/sse.mjs';
import { answer, badKey, chat, status, stream, tokenStream } from './upstream/behaviours.mjs';
import { tokens, USAGE as PROVIDERS_USAGE } from './upstream/payloads.mjs';
import { destroyed, done, finish, role, silence, text } from './upstream/steps.mjs';

const CANARY = 'canary-5e8d';
const QUESTION = [user(`${CANARY} question`)];
const USAGE = {
  prompt_tokens: 1007,
  completion_tokens: 503,
  total_tokens: 1510,
  prompt_tokens_details: { cached_tokens: 400 },
  completion_tokens_details: { reasoning_tokens: 120 },
};
/** 607 x 150,000 + 400 x 75,000 + 503 x 600,000 pico-dollars. */
const COST_PICO_USD = '422850000';

const scene = setScene({ providers: ['groq', 'cerebras', 'openai'], isolates: 20 });
const rowOf = (reply) => scene.gateway.row(reply.headers['x-request-id']);
const costOf = async ({ id }) =>
  (await scene.gateway.database.prepare('SELECT CAST(cost_pico_usd AS TEXT) AS cost FROM requests WHERE id = ?').bind(id).first()).cost;

/** The fields that the test names, of a row. */
const pick = (row, expected) => Object.fromEntries(Object.keys(expected).map((name) => [name, row[name]]));
const assertRow = (row, expected) => assert.deepEqual(pick(row, expected), expected);

describe('a whole answer', () => {
  test('is one row with its tokens and its exact cost', async () => {
    scene.upstream.always('groq', answer({ content: `${CANARY} answer`, usage: USAGE }));
    const before = Date.now();
    const reply = await scene.client.chat(ask({ model: `groq/${SHARED_MODEL}`, messages: QUESTION }));
    const row = await rowOf(reply);
    assertRow(row, {
      project_id: PROJECT, requested_model: `groq/${SHARED_MODEL}`, model: SHARED_MODEL, provider: 'groq', upstream_model: 'openai/gpt-oss-120b',
      stream: 0, status: 200, error_class: null, attempts: 1, prompt_tokens: 1007, completion_tokens: 503, cached_tokens: 400,
      reasoning_tokens: 120, estimated: 0, trail: 'groq/gpt-oss-120b=200',
    });
    assert.equal(await costOf(row), COST_PICO_USD);
    assert.match(row.id, UUID);
    assert.equal(row.id[14], '7', 'ids are UUIDv7, which begin with the time');
    assert.equal(Number.parseInt(row.id.replace('-', '').slice(0, 12), 16), row.created_at);
    assert.ok(row.created_at >= before - 1000 && row.created_at <= Date.now() + 1000, 'created_at is in milliseconds');
    assert.ok(row.latency_ms >= 0 && row.latency_ms < 15_000);
  });

  for (const [model, provider] of [[`groq/${SHARED_MODEL}`, 'groq'], [OPENAI_MODEL, 'openai']]) {
    test(`of a megabyte in one burst is whole to its last byte, and its usage is read (${provider})`, async () => {
      scene.upstream.always(provider, tokenStream({ content: tokens(5000), usage: USAGE }));
      const reply = await scene.client.chat(ask({ model, messages: QUESTION, stream: true }));
      assert.equal(readStream(reply.text).content, tokens(5000).join(''));
      assert.match(reply.text, /data: \[DONE\]\n\n$/);
      assertRow(await rowOf(reply), { status: 200, error_class: null, prompt_tokens: 1007, completion_tokens: 503, estimated: 0 });
    });

    test(`is accounted the same way when streamed (${provider})`, async () => {
      scene.upstream.always(provider, tokenStream({ content: [`${CANARY} answer`, ' more'], usage: USAGE }));
      const row = await rowOf(await scene.client.chat(ask({ model, messages: QUESTION, stream: true })));
      assertRow(row, {
        provider, stream: 1, status: 200, error_class: null, prompt_tokens: 1007, completion_tokens: 503, cached_tokens: 400,
        reasoning_tokens: 120, estimated: 0,
      });
      assert.equal(await costOf(row), COST_PICO_USD, 'both models have the same prices');
      assert.ok(row.ttft_ms >= 0 && row.ttft_ms <= row.latency_ms);
    });
  }

  test('without usage is estimated, and says so', async () => {
    scene.upstream.always('groq', stream([role(), text(...tokens(40)), finish(), done()]));
    const row = await rowOf(await scene.client.chat(ask({ model: `groq/${SHARED_MODEL}`, stream: true })));
    assert.equal(row.estimated, 1);
    assert.ok(row.completion_tokens > 0 && row.prompt_tokens > 0);
    assert.ok(Number(await costOf(row)) > 0);
  });

  for (const tier of ['priority', 'flex', 'default']) {
    test(`of the service tier ${tier} has ${tier === 'default' ? 'its list price' : 'no price, since nobody here knows it'}`, async () => {
      scene.upstream.always('openai', chat({ usage: USAGE }));
      const known = tier === 'default';
      const fields = { model: OPENAI_MODEL, service_tier: tier };
      const reply = await scene.client.chat(ask(fields));
      assert.equal(scene.upstream.requests('openai')[0].json.service_tier, tier, 'the provider is asked for it');
      assert.equal(reply.json.usage.cost_usd_total, known ? 0.00042285 : null);
      assert.equal(reply.headers['x-gateway-cost-usd'], known ? '0.00042285' : undefined);
      assert.equal(await costOf(await rowOf(reply)), known ? COST_PICO_USD : null);
      const streamed = await scene.client.chat(ask({ ...fields, stream: true, usage: { include: true } }));
      assert.equal(readStream(streamed.text).usage.cost_usd_total, known ? 0.00042285 : null);
      assertRow(await rowOf(streamed), { prompt_tokens: 1007, completion_tokens: 503, estimated: 0 });
      assert.equal(await costOf(await rowOf(streamed)), known ? COST_PICO_USD : null);
    });
  }

  for (const [name, usage] of Object.entries({ 'no completion tokens': { prompt_tokens: 1007 }, 'zeroes only': { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } })) {
    test(`whose usage has ${name} is estimated, and says so`, async () => {
      scene.upstream.always('openai', chat({ content: ['x'.repeat(400)], usage }));
      const whole = await scene.client.chat(ask({ model: OPENAI_MODEL }));
      const streamed = await scene.client.chat(ask({ model: OPENAI_MODEL, stream: true }));
      assert.equal(whole.json.usage.estimated, true);
      assert.equal(whole.json.usage.completion_tokens, 100);
      assert.ok(whole.json.usage.cost_usd_total > 0);
      for (const reply of [whole, streamed]) {
        const row = await rowOf(reply);
        assertRow(row, { completion_tokens: 100, estimated: 1 });
        assert.ok(usage.prompt_tokens > 0 ? row.prompt_tokens === 1007 : row.prompt_tokens > 0);
        assert.ok(Number(await costOf(row)) > 0);
      }
    });
  }

  test('after a failover names both providers', async () => {
    scene.upstream.always('groq', status(500));
    const row = await rowOf(await scene.client.chat(askInOrder(['groq', 'cerebras'], { messages: QUESTION })));
    assertRow(row, {
      provider: 'cerebras', attempts: 2, status: 200, error_class: null, trail: 'groq/gpt-oss-120b=500; cerebras/gpt-oss-120b=200',
    });
  });

  test('belongs to the project that the request names', async () => {
    const byBody = await rowOf(await scene.client.chat(ask({ project_id: 'by-body' }), { 'x-gateway-project-id': 'by-header' }));
    assert.equal(byBody.project_id, 'by-body');
    const byHeader = await rowOf(await scene.client.chat(ask(), { 'x-gateway-project-id': 'by-header' }));
    assert.equal(byHeader.project_id, 'by-header');
  });

  test('is counted once each, also when many come together', async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => scene.client.chat(ask({ project_id: 'crowd' }))));
    await Promise.all(replies.map(rowOf));
    const rows = (await scene.gateway.rows()).filter(({ project_id }) => project_id === 'crowd');
    assert.deepEqual(rows.map(({ id }) => id).sort(), replies.map(({ headers }) => headers['x-request-id']).sort());
    const { results } = await scene.gateway.database.prepare("SELECT requests, prompt_tokens FROM usage_daily WHERE project_id = 'crowd'").all();
    const sum = (name) => results.reduce((all, day) => all + day[name], 0);
    assert.deepEqual([sum('requests'), sum('prompt_tokens')], [20, 20 * PROVIDERS_USAGE.prompt_tokens], 'and so do the daily sums');
  });
});

describe('a failed request', () => {
  test('is a row with its status and class', async () => {
    for (const provider of ['groq', 'cerebras']) scene.upstream.always(provider, badKey(`${CANARY} bad key ${providerKey(provider)}`));
    const reply = await scene.client.chat(askInOrder(['groq', 'cerebras'], { messages: QUESTION }));
    assertRow(await rowOf(reply), {
      status: 502, error_class: 'bad_key', attempts: 2, prompt_tokens: 0, completion_tokens: 0,
      trail: 'groq/gpt-oss-120b=401; cerebras/gpt-oss-120b=401',
    });
  });

  for (const [model, provider] of [[`groq/${SHARED_MODEL}`, 'groq'], [OPENAI_MODEL, 'openai']]) {
    test(`that was cut in its stream is a row with what came (${provider})`, async () => {
      scene.upstream.always(provider, stream([role(), text(...tokens(40)), destroyed()]));
      const row = await rowOf(await scene.client.chat(ask({ model, stream: true, messages: QUESTION })));
      assertRow(row, { provider, stream: 1, error_class: 'stream_cut', estimated: 1 });
      assert.ok(row.completion_tokens > 0);
    });

    test(`whose client left is a row with what came (${provider})`, async () => {
      scene.upstream.always(provider, stream([role(), text(...tokens(40)), silence()]));
      const connection = await scene.client.openChat(ask({ model, stream: true, messages: QUESTION }));
      await connection.untilBody(tokens(40).at(-1));
      connection.leave();
      await scene.upstream.aborted(provider);
      const row = await rowOf(connection.answer());
      assertRow(row, { provider, stream: 1, error_class: 'client_closed' });
      assert.ok(row.completion_tokens > 0);
    });
  }
});

describe('the table', () => {
  test('holds no key and no word of a conversation', async () => {
    scene.upstream.always('groq', chat({ content: [`${CANARY} answer`] }));
    await rowOf(await scene.client.chat(ask({ model: `groq/${SHARED_MODEL}`, messages: QUESTION, user: `${CANARY}-user` })));
    const all = JSON.stringify(await scene.gateway.rows());
    for (const secret of [CANARY, GATEWAY_KEY, ...['groq', 'cerebras', 'openai'].map(providerKey)]) {
      assert.ok(!all.includes(secret), `${secret} is in the table`);
    }
  });
});
