// What an answer costs is one number, to the last digit, wherever it is told: in the reply, its header, the usage chunk of a
// stream, the row in D1, /v1/generations and /v1/analytics.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exact, usd } from './harness/money.mjs';
import { ask, IMAGE_MESSAGE, SHARED_MODEL } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { dataOf } from './harness/sse.mjs';
import { chat } from './upstream/behaviours.mjs';

/** USD per million tokens with all six decimals, and USD for a piece with twelve. */
const ODD = {
  price: { input: 0.123457, output: 1.000003, cached_input: 0.012347, request: 7e-12, search: 0.010000000001, image: 0.000300000001 },
  price_tiers: [{ above: 1000, input: 0.246913, output: 2.000001, cached_input: 0.024689 }],
};
/** The same in pico-dollars. */
const [INPUT, OUTPUT, CACHED, REQUEST, SEARCH, IMAGE] = [123_457n, 1_000_003n, 12_347n, 7n, 10_000_000_001n, 300_000_001n];
const TIER = { input: 246_913n, output: 2_000_001n, cached: 24_689n };

const usage = (prompt_tokens, completion_tokens, prompt_tokens_details = {}, more = {}) =>
  ({ prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens, prompt_tokens_details, ...more });
const parts = (input, cached_input, output, request) => ({ total: input + cached_input + output + request, input, cached_input, output, request });
/** What is not divided. */
const whole = (total) => ({ total, input: null, cached_input: null, output: null, request: null });

const CASES = [
  { name: 'odd prices', usage: usage(1000, 17), cost: parts(1000n * INPUT, 0n, 17n * OUTPUT, REQUEST) },
  { name: 'cached tokens', usage: usage(999, 3, { cached_tokens: 333 }), cost: parts(666n * INPUT, 333n * CACHED, 3n * OUTPUT, REQUEST) },
  {
    name: 'cache writes, by default at 5/4 and twice the price',
    usage: usage(500, 1, { cached_tokens: 100, cache_write_tokens: 51, cache_write_1h_tokens: 20 }),
    // 31 x 123,457 x 5 / 4 = 4,783,958.75, to the nearest.
    cost: parts(349n * INPUT + 4_783_959n + 20n * 2n * INPUT, 100n * CACHED, OUTPUT, REQUEST),
  },
  {
    name: 'a long prompt, at the price of its tier as a whole',
    usage: usage(1001, 9, { cached_tokens: 400 }), cost: parts(601n * TIER.input, 400n * TIER.cached, 9n * TIER.output, REQUEST),
  },
  {
    name: 'searches and an image',
    usage: usage(10, 10, {}, { web_search_requests: 3 }), fields: { messages: [IMAGE_MESSAGE] },
    cost: parts(10n * INPUT, 0n, 10n * OUTPUT, REQUEST + 3n * SEARCH + IMAGE),
  },
  { name: 'a search that nobody knows the price of', model: 'acme/plain', usage: usage(10, 10, {}, { web_search_requests: 1 }), cost: null },
  {
    name: "OpenRouter's own cost, with more digits than a pico-dollar has", model: `openrouter/${SHARED_MODEL}`, source: 'provider',
    usage: usage(40, 4, { cached_tokens: 7 }, { cost: 0.00012345678901267, is_byok: false }), cost: whole(123_456_789n),
  },
  {
    name: "OpenRouter's own cost with its parts and an exponent", model: `openrouter/${SHARED_MODEL}`, source: 'provider',
    usage: usage(40, 4, {}, { cost: 9.87654321e-7, cost_details: { upstream_inference_prompt_cost: 8e-7, upstream_inference_completions_cost: 1.5e-7 } }),
    cost: { total: 987_654n, input: 800_000n, cached_input: 0n, output: 150_000n, request: 37_654n },
  },
  {
    name: "OpenRouter's fee and what the provider behind it charges", model: `openrouter/${SHARED_MODEL}`, source: 'provider',
    usage: usage(40, 4, {}, { cost: 0.0018, is_byok: true, cost_details: { upstream_inference_cost: 0.036079500001 } }), cost: whole(37_879_500_001n),
  },
  {
    name: 'thoughts that only the total has', model: 'gemini/gemini-2.5-flash',
    // As in the forum of Google's developers: discuss.ai.google.dev/t/127400.
    usage: { completion_tokens: 1, prompt_tokens: 9, total_tokens: 103 }, cost: parts(9n * 300_000n, 0n, 94n * 2_500_000n, 0n),
  },
  { name: "xAI's ticks", model: 'xai/grok-4.3', source: 'provider', usage: usage(30, 3, {}, { cost_in_usd_ticks: 37_756_001 }), cost: whole(3_775_600_100n) },
];

const PROJECT = 'money';
const scene = setScene({
  providers: ['gemini', 'openrouter', 'xai'],
  isolates: CASES.length + 2,
  vars: (upstream) => ({
    GATEWAY_CONFIG: JSON.stringify({
      providers: {
        acme: {
          base_url: upstream.baseUrl('acme'),
          models: [
            { id: 'odd', ...ODD, capabilities: ['vision'] },
            { id: 'plain', price: { input: 1, output: 2 } },
          ],
        },
      },
    }),
  }),
});

/** The `cost_usd_*` members and the source, of a case whose cost is known or not. */
function told({ cost, source = 'catalog' }) {
  const written = (name) => (cost === null || cost[name] === null ? null : usd(cost[name]));
  const names = ['total', 'input', 'output', 'cached_input', 'request'];
  return { ...Object.fromEntries(names.map((name) => [`cost_usd_${name}`, written(name)])), cost_source: cost === null ? null : source };
}
const ofUsage = (usage) => Object.fromEntries(Object.entries(usage).filter(([name]) => name.startsWith('cost_usd') || name === 'cost_source'));

/** The usage of the last chunk that has one. */
const usageOf = (stream) => dataOf(stream.text).filter((data) => data !== '[DONE]').map(exact).findLast((chunk) => chunk.usage)?.usage;

describe('the cost of', () => {
  for (const one of CASES) {
    test(one.name, async () => {
      const { model = 'acme/odd', fields = {}, cost } = one;
      const total = cost === null ? null : usd(cost.total);
      scene.upstream.always(model.split('/')[0], chat({ usage: one.usage }));
      const body = ask({ model, project_id: PROJECT, ...fields });
      const plain = await scene.client.chat(body);
      assert.equal(plain.status, 200, plain.text);
      assert.deepEqual(ofUsage(exact(plain.text).usage), told(one), 'in the reply');
      assert.equal(plain.headers['x-gateway-cost-usd'], total ?? undefined, 'in its header');
      const asked = await scene.client.chat({ ...body, stream: true, usage: { include: true } });
      assert.deepEqual(ofUsage(usageOf(asked)), told(one), 'in the usage chunk');
      const quiet = await scene.client.chat({ ...body, stream: true });
      assert.equal(usageOf(quiet), undefined, 'who asks for no usage gets no chunk of it');
      for (const reply of [plain, asked, quiet]) {
        const id = reply.headers['x-request-id'];
        await scene.gateway.row(id);
        const row = await scene.gateway.database.prepare('SELECT CAST(cost_pico_usd AS TEXT) AS cost, cost_source FROM requests WHERE id = ?').bind(id).first();
        assert.equal(row.cost, cost === null ? null : String(cost.total), 'in the database');
        const generation = exact((await scene.client.get(`/v1/generations/${id}`)).text);
        assert.equal(generation.usage.cost_usd_total, total, 'in /v1/generations');
        const source = cost === null ? null : one.source ?? 'catalog';
        assert.deepEqual([row.cost_source, generation.usage.cost_source], [source, source], 'and who says so');
      }
    });
  }

  test('all of them together is their sum', async () => {
    const report = exact((await scene.client.get(`/v1/analytics?project_id=${PROJECT}&group_by=provider`)).text);
    const times = 3n;
    const sum = (of) => CASES.filter(of).reduce((all, { cost }) => all + times * (cost?.total ?? 0n), 0n);
    assert.equal(report.totals.cost_usd, usd(sum(() => true)));
    assert.equal(report.totals.unpriced_requests, Number(times), 'what nobody knows is counted');
    const by = Object.fromEntries(report.data.map(({ key, cost_usd }) => [key, cost_usd]));
    for (const provider of ['acme', 'gemini', 'openrouter', 'xai']) {
      assert.equal(by[provider], usd(sum(({ model = 'acme/odd' }) => model.startsWith(`${provider}/`))), provider);
    }
  });
});

describe('GET /v1/models', () => {
  test('tells every price as it was written', async () => {
    const { pricing } = exact((await scene.client.get('/v1/models/acme/odd')).text);
    assert.deepEqual(pricing, {
      input_usd_per_mtok: 0.123457, output_usd_per_mtok: 1.000003, cached_input_usd_per_mtok: 0.012347,
      request_usd: 7e-12, search_usd: 0.010000000001, image_usd: 0.000300000001,
      tiers: [{ above_prompt_tokens: 1000, input_usd_per_mtok: 0.246913, output_usd_per_mtok: 2.000001, cached_input_usd_per_mtok: 0.024689 }],
    });
  });
});
