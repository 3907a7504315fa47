// What GET /v1/analytics and GET /v1/generations/{id} tell is what the providers sent: to the token and the pico-dollar.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { GATEWAY_KEY, poll } from './harness/gateway.mjs';
import { exact, usd } from './harness/money.mjs';
import { ask, askInOrder, assertError, OPENAI_MODEL, SHARED_MODEL } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { badKey, chat, status, stream } from './upstream/behaviours.mjs';
import { tokens } from './upstream/payloads.mjs';
import { destroyed, role, text } from './upstream/steps.mjs';

const GROQ = `groq/${SHARED_MODEL}`;
/** Pico-dollars a token of both models: prompt, cached prompt, answer. */
const [INPUT, CACHED, OUTPUT] = [150_000n, 75_000n, 600_000n];

const usageOf = (prompt, completion, cached = 0, reasoning = 0) => ({
  prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion,
  prompt_tokens_details: { cached_tokens: cached }, completion_tokens_details: { reasoning_tokens: reasoning },
});
const costOf = ({ prompt_tokens, completion_tokens, prompt_tokens_details: { cached_tokens } }) =>
  BigInt(prompt_tokens - cached_tokens) * INPUT + BigInt(cached_tokens) * CACHED + BigInt(completion_tokens) * OUTPUT;

/** What the providers sent: each request's project, provider, model and usage; none where it failed. */
const SENT = [
  { project: 'shop', provider: 'groq', model: SHARED_MODEL, stream: false, usage: usageOf(1007, 503, 400, 120) },
  { project: 'shop', provider: 'groq', model: SHARED_MODEL, stream: true, usage: usageOf(2011, 17, 1) },
  { project: 'shop', provider: 'openai', model: OPENAI_MODEL, stream: false, usage: usageOf(31, 1) },
  { project: 'shop', provider: 'openai', model: OPENAI_MODEL, stream: true, usage: usageOf(999_983, 65_537, 77_777, 4096) },
  { project: 'shop', provider: 'groq', model: SHARED_MODEL, stream: false, failure: badKey(), class: 'bad_key' },
  { project: 'blog', provider: 'openai', model: OPENAI_MODEL, stream: false, usage: usageOf(5, 7) },
];

function sums(requests) {
  const sum = (of) => requests.filter(({ usage }) => usage).reduce((all, { usage }) => all + of(usage), 0);
  const failed = {};
  for (const { class: name } of requests.filter(({ failure }) => failure)) failed[name] = (failed[name] ?? 0) + 1;
  return {
    requests: requests.length,
    succeeded: requests.filter(({ usage }) => usage).length,
    failed,
    prompt_tokens: sum((usage) => usage.prompt_tokens),
    completion_tokens: sum((usage) => usage.completion_tokens),
    cached_tokens: sum((usage) => usage.prompt_tokens_details.cached_tokens),
    reasoning_tokens: sum((usage) => usage.completion_tokens_details.reasoning_tokens),
    unpriced_requests: 0,
    estimated_requests: 0,
    cost_usd: usd(requests.filter(({ usage }) => usage).reduce((all, { usage }) => all + costOf(usage), 0n)),
  };
}

/** A group without its times, which are the machine's. */
function withoutTimes({ latency_ms, ttft_ms, ...rest }) {
  for (const percentiles of [latency_ms, ttft_ms]) assert.deepEqual(Object.keys(percentiles), ['p50', 'p95', 'p99']);
  return rest;
}

describe('the report', () => {
  const scene = setScene({ providers: ['groq', 'openai'], isolates: SENT.length + 20 });
  /** The day of the requests; at midnight there are two. */
  let days;

  before(async () => {
    scene.upstream.reset();
    const client = scene.gateway.freshClient();
    const replies = [];
    for (const { project, provider, model, stream, usage, failure } of SENT) {
      scene.upstream.always(provider, failure ?? chat({ usage }));
      replies.push(await client.chat(ask({ model: `${provider}/${model}`, project_id: project, stream })));
    }
    const rows = await Promise.all(replies.map(({ headers }) => scene.gateway.row(headers['x-request-id'])));
    days = [...new Set(rows.map(({ created_at }) => new Date(created_at).toISOString().slice(0, 10)))].sort();
  });

  const get = async (query) => {
    const reply = await scene.client.get(`/v1/analytics${query}`);
    assert.equal(reply.status, 200, reply.text);
    return exact(reply.text);
  };

  for (const project of [null, 'shop', 'blog', 'nobody']) {
    test(`of ${project ?? 'all projects'} adds up to what the providers sent`, async () => {
      const sent = SENT.filter((request) => (project ?? request.project) === request.project);
      const query = project ? `project_id=${project}&` : '';
      for (const by of ['provider', 'model']) {
        const report = await get(`?${query}group_by=${by}`);
        assert.deepEqual([report.object, report.project_id, report.group_by, report.has_more], ['list', project, by, false]);
        assert.deepEqual(withoutTimes(report.totals), sums(sent));
        const keys = [...new Set(sent.map((request) => request[by]))].sort();
        assert.deepEqual(report.data.map(withoutTimes), keys.map((key) => ({ key, ...sums(sent.filter((request) => request[by] === key)) })));
      }
      const byDay = await get(project ? `?project_id=${project}` : '');
      assert.deepEqual(withoutTimes(byDay.totals), sums(sent));
      if (days.length === 1) assert.deepEqual(byDay.data.map(withoutTimes), sent.length > 0 ? [{ key: days[0], ...sums(sent) }] : []);
    });
  }

  test('is of the last thirty days unless days are named, and both are included', async () => {
    const { from, to } = await get('');
    assert.equal((Date.parse(to) - Date.parse(from)) / 86_400_000, 29);
    assert.ok(Math.abs(Date.parse(to) - Date.now()) < 2 * 86_400_000);
    const named = await get(`?from=${days[0]}&to=${days.at(-1)}&project_id=shop`);
    assert.deepEqual([named.from, named.to, named.totals.requests], [days[0], days.at(-1), 5]);
    const before = await get('?from=2020-01-01&to=2020-12-31');
    assert.deepEqual([before.totals.requests, before.totals.cost_usd, before.data], [0, '0', []]);
  });

  test('has the times of whole answers only, and those to the first token of streams', async () => {
    const { data: [groq, openai], totals } = await get('?project_id=shop&group_by=provider');
    for (const group of [groq, openai, totals]) {
      for (const { p50, p95, p99 } of [group.latency_ms, group.ttft_ms]) assert.ok(p50 >= 0 && p50 <= p95 && p95 <= p99, JSON.stringify(group));
    }
    const { totals: blog } = await get('?project_id=blog');
    assert.deepEqual(blog.ttft_ms, { p50: null, p95: null, p99: null }, 'nothing was streamed there');
  });

  test('marks what is estimated, and does not take an unknown price for nothing', async () => {
    scene.upstream.always('groq', stream([role(), text(...tokens(40)), destroyed()]));
    await scene.client.chat(ask({ model: GROQ, stream: true, project_id: 'odd' }));
    scene.upstream.always('openai', chat({ usage: usageOf(10, 10) }));
    await scene.client.chat(ask({ model: OPENAI_MODEL, project_id: 'odd', service_tier: 'priority' }));
    const report = await poll(async () => {
      const report = await get('?project_id=odd&group_by=provider');
      return report.totals.requests === 2 && report;
    }, 'report of both requests');
    const [groq, openai] = report.data;
    assert.deepEqual([groq.estimated_requests, groq.failed, groq.succeeded], [1, { stream_cut: 1 }, 0]);
    assert.deepEqual(groq.latency_ms, { p50: null, p95: null, p99: null });
    assert.deepEqual([openai.unpriced_requests, openai.cost_usd, openai.completion_tokens], [1, null, 10]);
    assert.deepEqual([report.totals.unpriced_requests, report.totals.cost_usd], [1, groq.cost_usd], 'what is known of it');
  });

  for (const [query, param, code, message] of [
    ['?project_id=a%20b', 'project_id', 'invalid_value', /project id/],
    ['?from=yesterday', 'from', 'invalid_value', /YYYY-MM-DD/],
    ['?to=2026-02-30', 'to', 'invalid_value', /YYYY-MM-DD/],
    ['?from=2026-02-02&to=2026-02-01', 'from', 'invalid_value', /is after/],
    ['?from=2020-01-01&to=2026-01-01', 'from', 'invalid_value', /at most 366 days/],
    ['?group_by=hour', 'group_by', 'invalid_value', /day, provider or model/],
    ['?project=shop', 'project', 'unknown_parameter', /project_id, to, from, group_by/],
  ]) {
    test(`refuses ${query} and says what to send`, async () => {
      assertError(await scene.client.get(`/v1/analytics${query}`), { status: 400, code, param, message });
    });
  }

  test('is for those who have a key', async () => {
    for (const path of ['/v1/analytics', '/v1/generations/01991234-abcd-7000-8000-000000000000']) {
      assertError(await scene.client.get(path, { authorization: 'Bearer wrong' }), { status: 401, code: 'invalid_api_key' });
      assertError(await scene.client.send({ method: 'POST', path }), { status: 405, code: 'method_not_allowed' });
    }
  });
});

describe('a single request', () => {
  const scene = setScene({ providers: ['groq', 'cerebras', 'openai'] });
  const generation = async (id) => {
    await scene.gateway.row(id);
    const reply = await scene.client.get(`/v1/generations/${id}`);
    assert.equal(reply.status, 200, reply.text);
    return exact(reply.text);
  };

  test('tells its way, its use and its cost', async () => {
    const usage = usageOf(1007, 503, 400, 120);
    scene.upstream.always('groq', status(500));
    scene.upstream.always('cerebras', chat({ usage }));
    const reply = await scene.client.chat(askInOrder(['groq', 'cerebras'], { project_id: 'shop' }));
    const found = await generation(reply.headers['x-request-id']);
    const { created_at, latency_ms, ...rest } = found;
    assert.ok(Math.abs(created_at - Date.now()) < 60_000 && latency_ms >= 0);
    assert.deepEqual(rest, {
      object: 'generation', id: reply.headers['x-request-id'], project_id: 'shop', requested_model: SHARED_MODEL, model: SHARED_MODEL,
      provider: 'cerebras', upstream_model: reply.headers['x-gateway-model'], stream: false, status: 200, error_class: null, attempts: 2, ttft_ms: null,
      routing: [{ provider: 'groq', model: SHARED_MODEL, outcome: '500' }, { provider: 'cerebras', model: SHARED_MODEL, outcome: '200' }],
      usage: { ...usage, cost_usd_total: reply.headers['x-gateway-cost-usd'], cost_source: 'catalog', estimated: false },
    });
    assert.equal((await scene.client.get(`/v1/generations/${found.id.toUpperCase()}`)).status, 200);
  });

  test('of a stream has the time to its first token', async () => {
    scene.upstream.always('groq', chat({ usage: usageOf(10, 20) }));
    const reply = await scene.client.chat(ask({ model: GROQ, stream: true }));
    const found = await generation(reply.headers['x-request-id']);
    assert.equal(found.stream, true);
    assert.ok(found.ttft_ms >= 0 && found.ttft_ms <= found.latency_ms);
    assert.equal(found.usage.cost_usd_total, usd(10n * INPUT + 20n * OUTPUT));
  });

  test('that is not there is 404 and says when requests come', async () => {
    const reply = await scene.client.get('/v1/generations/01991234-abcd-7000-8000-000000000000');
    assertError(reply, { status: 404, code: 'generation_not_found', message: /some seconds after/ });
    assertError(await scene.client.get('/v1/generations/chatcmpl-1'), { status: 400, code: 'invalid_value', param: 'request_id' });
  });
});

const PATHS = ['/v1/analytics', '/v1/generations/01991234-abcd-7000-8000-000000000000'];

describe('without its tables', () => {
  const scene = setScene({ providers: ['groq'] });

  test('the accounts are unavailable, and the gateway goes on answering', async () => {
    const { database } = scene.gateway;
    for (const table of ['usage_daily', 'requests']) await database.prepare(`ALTER TABLE ${table} RENAME TO ${table}_away`).run();
    for (const path of PATHS) {
      const reply = await scene.client.get(path);
      const { message } = assertError(reply, { status: 503, code: 'accounts_unavailable' });
      assert.equal(reply.json.error.type, 'server_error');
      assert.ok(Number(reply.headers['retry-after-ms']) > 0);
      assert.ok(!/table|SQL|D1/.test(message), message);
      await poll(() => scene.gateway.logs().includes(reply.headers['x-request-id']), 'line in the log');
    }
    assert.match(scene.gateway.logs(), /"event":"accounts_not_read","request_id":"[^"]*","problem":"[^"]*no such table/);
    const answer = await scene.client.chat(ask({ model: GROQ }));
    assert.equal(answer.status, 200, answer.text);
    for (const table of ['usage_daily', 'requests']) await database.prepare(`ALTER TABLE ${table}_away RENAME TO ${table}`).run();
    for (const path of PATHS) assert.notEqual((await scene.client.get(path)).status, 503);
  });
});

describe('without a database', () => {
  const scene = setScene({ providers: ['groq'], withDatabase: false });

  test('waiting for the accounts helps nobody, and the client is told so', async () => {
    for (const path of PATHS) {
      const reply = await scene.client.get(path);
      assertError(reply, { status: 503, code: 'accounts_unavailable', message: /DB/ });
      assert.deepEqual([reply.headers['x-should-retry'], reply.headers['retry-after']], ['false', undefined]);
    }
    assert.equal((await scene.client.chat(ask({ model: GROQ }))).status, 200);
    assert.ok(!scene.gateway.logs().includes(GATEWAY_KEY));
  });
});
