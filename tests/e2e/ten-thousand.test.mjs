// Ten thousand requests over two isolates, with providers that fail one time in twenty and a D1 that is out twice: every
// request is answered where any provider answers, and the accounts say to the token and the pico-dollar what the providers sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, assertError, SHARED_MODEL, user } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { readStream } from './harness/sse.mjs';
import { chat, rateLimited, resetConnection, status } from './upstream/behaviours.mjs';

const REQUESTS = 10_000;
const CLIENTS_AT_A_TIME = 64;
const PROJECTS = ['amber', 'birch', 'cedar'];
/** Pico-dollars a token of `SHARED_MODEL`. */
const PRICES = {
  groq: { prompt: 150_000n, cached: 75_000n, completion: 600_000n },
  cerebras: { prompt: 350_000n, cached: 350_000n, completion: 750_000n },
  together: { prompt: 150_000n, cached: 150_000n, completion: 600_000n },
};
/** One of twenty attempts fails, each in another way. `retry-after: 0` lets a rate limit pass at once. */
const FAILURES = [status(500), status(503), rateLimited({ 'retry-after': '0' }), resetConnection()];
const FAILS_ONE_IN = 20;
/** From which answered request to which D1 is out, and the table that is away. */
const OUTAGES = [{ table: 'requests', from: 2_500, to: 4_000 }, { table: 'usage_daily', from: 6_500, to: 8_000 }];

/** What the upstream sends for the `n`th request, different each time. */
const usageOf = (n) => {
  const [prompt_tokens, completion_tokens] = [100 + (n % 977), 3 + (n % 541)];
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens, prompt_tokens_details: { cached_tokens: n % 89 } };
};

function costOf(provider, usage) {
  const { prompt, cached, completion } = PRICES[provider];
  const fromCache = BigInt(usage.prompt_tokens_details.cached_tokens);
  return (BigInt(usage.prompt_tokens) - fromCache) * prompt + fromCache * cached + BigInt(usage.completion_tokens) * completion;
}

/** The same numbers in the same order in each run. */
function* randomNumbers(seed) {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const scene = setScene({ providers: Object.keys(PRICES), isolates: 2, sharedObjects: true });

test('ten thousand requests are in the accounts once each, exactly', { timeout: 120_000 }, async () => {
  const { database } = scene.gateway;
  const random = randomNumbers(20_261_121);
  const sent = new Map();
  const failed = new Map();
  let failures = 0;
  for (const provider of Object.keys(PRICES)) {
    scene.upstream.always(provider, (exchange) => {
      const n = Number(exchange.json.messages[0].content);
      if (random.next().value < 1 / FAILS_ONE_IN) {
        failures += 1;
        failed.set(n, (failed.get(n) ?? 0) + 1);
        return FAILURES[failures % FAILURES.length](exchange);
      }
      sent.set(n, provider);
      return chat({ usage: usageOf(n) })(exchange);
    });
  }

  const clients = [scene.client, scene.gateway.freshClient()];
  const ids = new Array(REQUESTS);
  const refused = new Map();
  let [next, answered] = [0, 0];
  const rename = (from, to) => database.prepare(`ALTER TABLE ${from} RENAME TO ${to}`).run();
  const outages = OUTAGES.flatMap(({ table, from, to }) => [
    { at: from, go: () => rename(table, `${table}_away`) },
    { at: to, go: () => rename(`${table}_away`, table) },
  ]);
  async function client() {
    while (next < REQUESTS) {
      const n = next;
      next += 1;
      const stream = n % 4 === 0;
      const body = ask({ messages: [user(String(n))], project_id: PROJECTS[n % PROJECTS.length], stream });
      const reply = await clients[n % clients.length].chat(body);
      if (sent.has(n)) {
        assert.equal(reply.status, 200, reply.text);
        assert.equal(stream ? readStream(reply.text).content : reply.json.choices[0].message.content, 'Hello there');
      } else {
        // Everybody failed who was asked; a provider that failed three times in a row just before is not.
        assert.ok([429, 502, 503].includes(reply.status), reply.text);
        assertError(reply, { status: reply.status });
        assert.equal(Number(reply.headers['x-gateway-attempts']), failed.get(n), reply.text);
        refused.set(n, reply.status);
      }
      ids[n] = reply.headers['x-request-id'];
      answered += 1;
      if (answered === outages[0]?.at) await outages.shift().go();
    }
  }
  await Promise.all(Array.from({ length: CLIENTS_AT_A_TIME }, client));
  assert.equal(outages.length, 0);
  assert.ok(failures > REQUESTS / FAILS_ONE_IN / 2, `${failures} failures`);

  const ledgers = PROJECTS.map((project) => scene.gateway.ledger(project));
  for (const ledger of ledgers) await ledger.until((figures) => figures.waiting_records === 0, 'flush');
  for (const ledger of ledgers) {
    const figures = await ledger.status();
    assert.deepEqual([figures.refused, figures.dead_letters], [0, 0]);
  }

  const expected = new Map();
  let unanswered = 0;
  const rows = new Map((await database.prepare('SELECT *, CAST(cost_pico_usd AS TEXT) AS cost FROM requests').all()).results.map((row) => [row.id, row]));
  assert.equal(rows.size, REQUESTS);
  for (let n = 0; n < REQUESTS; n += 1) {
    const [row, usage, provider] = [rows.get(ids[n]), usageOf(n), sent.get(n)];
    if (provider === undefined) {
      assert.deepEqual([row.status, row.prompt_tokens, row.completion_tokens, row.cost], [refused.get(n), 0, 0, null], row.trail);
      unanswered += 1;
      continue;
    }
    const project = PROJECTS[n % PROJECTS.length];
    assert.deepEqual(
      [row.project_id, row.provider, row.model, row.error_class, row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.cost, row.estimated],
      [project, provider, SHARED_MODEL, null, usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details.cached_tokens,
        String(costOf(provider, usage)), 0],
      `request ${n}: ${row.trail}`,
    );
    const key = `${project} ${provider}`;
    const sum = expected.get(key) ?? { requests: 0, prompt: 0, completion: 0, cached: 0, cost: 0n };
    sum.requests += 1;
    sum.prompt += usage.prompt_tokens;
    sum.completion += usage.completion_tokens;
    sum.cached += usage.prompt_tokens_details.cached_tokens;
    sum.cost += costOf(provider, usage);
    expected.set(key, sum);
  }
  const daily = (await database.prepare(`SELECT project_id || ' ' || provider AS key, sum(requests) AS requests, sum(prompt_tokens) AS prompt,
    sum(completion_tokens) AS completion, sum(cached_tokens) AS cached, CAST(sum(cost_pico_usd) AS TEXT) AS cost FROM usage_daily
    WHERE error_class = '' GROUP BY 1`).all()).results;
  const sums = daily.map(({ key, ...sum }) => [key, { ...sum, cost: BigInt(sum.cost) }]);
  assert.deepEqual(new Map(sums.sort()), new Map([...expected].sort()));
  assert.equal((await database.prepare("SELECT ifnull(sum(requests), 0) AS failed FROM usage_daily WHERE error_class <> ''").first()).failed, unanswered);
});
