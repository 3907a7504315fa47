// What was used is counted once each: while D1 is out, when a ledger is thrown out of memory, when messages and flushes
// come twice, with a bad record among good ones, and without a ledger that works.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { builtModules } from './harness/bundle.mjs';
import { poll } from './harness/gateway.mjs';
import { ask, assertError, SHARED_MODEL, user } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { answer } from './upstream/behaviours.mjs';
import { gate } from './upstream/steps.mjs';

const MODEL = `groq/${SHARED_MODEL}`;
/** Pico-dollars a token. */
const PRICES = { prompt: 150_000, cached: 75_000, completion: 600_000 };

/** A record as isolates send it. */
const record = (project, fields = {}) => ({
  id: randomUUID(), project_id: project, created_at: 1_790_000_000_000, requested_model: MODEL, model: SHARED_MODEL, provider: 'groq',
  upstream_model: 'openai/gpt-oss-120b', stream: 0, status: 200, error_class: null, attempts: 1, prompt_tokens: 7, completion_tokens: 3,
  cached_tokens: 2, reasoning_tokens: 1, cost_pico_usd: 2_700_000, estimated: 0, latency_ms: 120, ttft_ms: null, trail: 'groq/gpt-oss-120b=200',
  ...fields,
});

/** What D1 has of a project: its rows, and its daily sums added up. */
async function booked({ database }, project) {
  const sums = 'count(DISTINCT id) AS requests, sum(prompt_tokens) AS prompt, sum(completion_tokens) AS completion, sum(cached_tokens) AS cached, '
    + 'CAST(sum(cost_pico_usd) AS TEXT) AS cost';
  const rows = await database.prepare(`SELECT ${sums} FROM requests WHERE project_id = ?`).bind(project).first();
  const daily = await database.prepare(`SELECT ${sums.replace('count(DISTINCT id)', 'sum(requests)')} FROM usage_daily WHERE project_id = ?`)
    .bind(project).first();
  return { rows, daily };
}

/** Runs `work` while D1 refuses every write; what is out, comes back. */
async function withoutD1({ database }, work) {
  await database.prepare('ALTER TABLE requests RENAME TO requests_away').run();
  try {
    await work();
  } finally {
    await database.prepare('ALTER TABLE requests_away RENAME TO requests').run();
  }
}

/** What the upstream sends for the `n`th request, different each time. */
const usageOf = (n) => ({
  prompt_tokens: 100 + n, completion_tokens: 3 * n + 1, total_tokens: 101 + 4 * n, prompt_tokens_details: { cached_tokens: n % 70 },
});

describe('a ledger', () => {
  const scene = setScene({ providers: ['groq'], sharedObjects: true, isolates: 12 });
  const flushed = (ledger) => ledger.until((status) => status.waiting_records === 0, 'flush');

  test('books 500 requests once each, to the token and to the pico-dollar, though D1 fails in the middle', async () => {
    const projects = ['amber', 'birch', 'cedar', 'dogwood', 'elm'];
    const [requests, beforeTheOutage] = [500, 150];
    const outage = gate();
    const sent = new Map(projects.map((project) => [project, { requests: 0, prompt: 0, completion: 0, cached: 0, cost: 0n }]));
    scene.upstream.always('groq', async (exchange) => {
      const [project, n] = exchange.json.messages[0].content.split(' ');
      if (Number(n) >= beforeTheOutage) await outage.opened;
      const usage = usageOf(Number(n));
      const [prompt, completion, cached] = [usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details.cached_tokens];
      const sum = sent.get(project);
      sum.requests += 1;
      sum.prompt += prompt;
      sum.completion += completion;
      sum.cached += cached;
      sum.cost += BigInt((prompt - cached) * PRICES.prompt + cached * PRICES.cached + completion * PRICES.completion);
      await answer({ usage })(exchange);
    });
    const clients = [scene.client, scene.gateway.freshClient()];
    const replies = Array.from({ length: requests }, (_, n) => {
      const project = projects[n % projects.length];
      return clients[n % 2].chat(ask({ model: MODEL, project_id: project, messages: [user(`${project} ${n}`)] }));
    });
    const ledgers = projects.map((project) => scene.gateway.ledger(project));
    await Promise.all(replies.slice(0, beforeTheOutage));
    await withoutD1(scene.gateway, async () => {
      outage.open();
      for (const reply of await Promise.all(replies)) assert.equal(reply.status, 200, 'no client notices');
      await Promise.all(ledgers.map((ledger) => ledger.until((status) => status.d1_failures_in_a_row > 0, 'failed flush')));
    });
    await Promise.all(ledgers.map(flushed));

    for (const [project, sum] of sent) {
      const expected = { ...sum, cost: String(sum.cost) };
      assert.equal(expected.requests, requests / projects.length, 'the upstream was asked once for each');
      assert.deepEqual(await booked(scene.gateway, project), { rows: expected, daily: expected });
    }
    const counts = 'SELECT (SELECT count(*) FROM requests) AS rows, (SELECT count(*) FROM dead_letters) AS dead';
    assert.deepEqual(await scene.gateway.database.prepare(counts).first(), { rows: requests, dead: 0 });
  });

  test('that is thrown out of memory before it has written anything loses nothing', async () => {
    const ledger = scene.gateway.ledger('evicted');
    const clients = [scene.client, scene.gateway.freshClient()];
    let replies;
    await withoutD1(scene.gateway, async () => {
      replies = await Promise.all(Array.from({ length: 6 }, (_, n) => clients[n % 2].chat(ask({ model: MODEL, project_id: 'evicted' }))));
      const before = await ledger.until((status) => status.waiting_records === 6, 'acknowledged records');
      assert.ok(before.messages > 0);
      await ledger.evict();
      const after = await ledger.status();
      assert.deepEqual([after.messages, after.waiting_records, after.waiting_bytes], [0, 6, before.waiting_bytes], 'it started anew, and has them all');
    });
    await flushed(ledger);
    const ids = (await scene.gateway.rows()).filter((row) => row.project_id === 'evicted').map((row) => row.id);
    assert.deepEqual(ids.sort(), replies.map((reply) => reply.headers['x-request-id']).sort());
  });

  test('counts once what comes twice: in one outbox, and again after the flush', async () => {
    const ledger = scene.gateway.ledger('twice');
    const records = [record('twice'), record('twice', { prompt_tokens: 8 })];
    await withoutD1(scene.gateway, async () => {
      assert.equal(await ledger.commit(records), 204);
      assert.equal(await ledger.commit(records), 204, 'an isolate whose acknowledgement was lost sends it again');
      assert.equal(await ledger.commit([...records, ...records]), 204);
      assert.equal((await ledger.status()).waiting_records, 8);
    });
    await flushed(ledger);
    const expected = { requests: 2, prompt: 15, completion: 6, cached: 4, cost: '5400000' };
    assert.deepEqual(await booked(scene.gateway, 'twice'), { rows: expected, daily: expected });
    assert.equal(await ledger.commit([...records, record('twice')]), 204);
    await flushed(ledger);
    const more = { requests: 3, prompt: 22, completion: 9, cached: 6, cost: '8100000' };
    assert.deepEqual(await booked(scene.gateway, 'twice'), { rows: more, daily: more });
    assert.deepEqual(Object.keys(await ledger.status()), [
      'waiting_messages', 'waiting_records', 'waiting_bytes', 'refused', 'dead_letters', 'messages', 'records', 'd1_calls',
      'd1_rows_written', 'd1_failures_in_a_row',
    ]);
  });

  test('puts a bad record away, whole, and writes the good ones around it', async () => {
    const ledger = scene.gateway.ledger('mixed');
    const bad = record('mixed', { created_at: null });
    const odd = record('mixed', { prompt_tokens: 'many' });
    await ledger.commit([...Array.from({ length: 3 }, () => record('mixed')), bad, record('mixed')]);
    await ledger.commit('[{"not":"whole"}');
    await ledger.commit([odd, record('mixed')]);
    await flushed(ledger);
    const { rows, daily } = await booked(scene.gateway, 'mixed');
    assert.deepEqual([rows.requests, daily.requests], [5, 5]);
    const { results } = await scene.gateway.database.prepare('SELECT * FROM dead_letters WHERE project_id = ?').bind('mixed').all();
    const texts = results.map((letter) => letter.record).sort();
    assert.deepEqual(texts, [JSON.stringify(bad), JSON.stringify(odd), '[{"not":"whole"}'].sort());
    assert.ok(results.every((letter) => letter.problem.length > 0 && letter.failed_at > 1_700_000_000_000));
    assert.equal(results.find((letter) => letter.record.includes('"many"')).id, odd.id);
    assert.equal((await ledger.status()).dead_letters, 3);
    await ledger.evict();
    assert.equal((await ledger.status()).dead_letters, 3, 'the counter is stored');
    assert.match(scene.gateway.logs(), new RegExp(`record_refused_by_d1.*${bad.id}`), 'and an operator sees them');
  });

  test('goes on in one alarm after the other where a message is full of bad records', async () => {
    const ledger = scene.gateway.ledger('rotten');
    const bad = Array.from({ length: 12 }, () => record('rotten', { created_at: null }));
    await ledger.commit([...bad, record('rotten')]);
    await flushed(ledger);
    const status = await ledger.status();
    assert.equal(status.dead_letters, bad.length);
    assert.ok(status.d1_calls > 3 * 20, `one alarm makes 20 calls, and this took ${status.d1_calls}`);
    assert.equal((await booked(scene.gateway, 'rotten')).rows.requests, 1);
  });

  test('keeps everything while D1 is full, and asks it ever less often', async () => {
    const { database } = scene.gateway;
    const tables = ['usage_daily', 'requests', 'dead_letters'];
    // A full database runs the statements over no record, which need no room, and refuses all others.
    for (const table of tables) {
      const full = `SELECT RAISE(ABORT, 'database or disk is full: SQLITE_FULL')`;
      await database.prepare(`CREATE TRIGGER full_${table} BEFORE INSERT ON ${table} BEGIN ${full}; END`).run();
    }
    const ledger = scene.gateway.ledger('full');
    try {
      await ledger.commit(Array.from({ length: 200 }, () => record('full')));
      const status = await ledger.until((figures) => figures.d1_failures_in_a_row >= 2, 'second failed flush');
      assert.equal(status.waiting_records, 200);
      assert.equal(status.dead_letters, 0);
      assert.ok(status.d1_calls < 200, `two flushes made ${status.d1_calls} calls`);
    } finally {
      for (const table of tables) await database.prepare(`DROP TRIGGER full_${table}`).run();
    }
    await flushed(ledger);
    const { rows, daily } = await booked(scene.gateway, 'full');
    assert.deepEqual([rows.requests, daily.requests], [200, 200]);
  });

  test('that is never left in peace writes all the same', async () => {
    const ledger = scene.gateway.ledger('busy');
    await poll(async () => {
      await ledger.commit([record('busy')]);
      return (await ledger.status()).d1_calls > 1;
    }, 'flush between messages');
    await flushed(ledger);
    assert.equal((await booked(scene.gateway, 'busy')).rows.requests, (await ledger.status()).messages);
  });
});

/** A class in place of the ledger, whose objects fail in the way that their names say. */
const SICK_LEDGERS = `
export class SickLedger {
  constructor(state, env) { this.name = state.id.name; this.env = env; this.messages = 0; }
  async fetch(request) {
    if (new URL(request.url).pathname === '/messages') return new Response(String(this.messages));
    this.messages += 1;
    switch (this.name) {
      case 'hangs': if (this.messages === 1) await new Promise(() => setTimeout(() => {}, 60_000)); // and then it throws
      case 'throws': throw new Error('out of order');
      case 'is-full': return new Response(null, { status: 507 });
      case 'loses-replies': {
        const answer = await this.env.REAL.getByName(this.name).fetch(request);
        return this.messages === 1 ? new Response(null, { status: 500 }) : answer;
      }
      default: return new Response('who are you?', { status: 500 });
    }
  }
}
export default { fetch: () => new Response(null, { status: 404 }) };`;

describe('a ledger that does not work', () => {
  const scene = setScene({
    providers: ['groq'],
    isolates: 1,
    objects: { LEDGER: { className: 'SickLedger', scriptName: 'sick' }, REAL: 'LedgerObject' },
    otherWorkers: [{
      name: 'sick',
      modules: [{ type: 'ESModule', path: 'index.js', contents: SICK_LEDGERS }],
      durableObjects: { LEDGER: { className: 'SickLedger', useSQLite: true }, REAL: { className: 'LedgerObject', scriptName: 'gateway-0', useSQLite: true } },
    }],
  });
  const chat = (project) => scene.client.chat(ask({ model: MODEL, project_id: project }));
  const messages = async (project) => Number(await (await scene.gateway.object('LEDGER', project)).fetch('https://ledger/messages').then((answer) => answer.text()));

  describe('whatever ails it', { concurrency: true }, () => {
    for (const [project, tries] of [['hangs', 3], ['throws', 3], ['answers-500', 3], ['is-full', 1]]) {
      test(`(${project}) is tried ${tries === 1 ? 'once' : `${tries} times`}, then its records go to D1, and so do the next ones`, async () => {
        for (const reply of [await chat(project), await chat(project)]) await scene.gateway.row(reply.headers['x-request-id']);
        const late = await chat(project);
        await scene.gateway.row(late.headers['x-request-id']);
        assert.equal(await messages(project), tries, 'it is left alone for a while');
        const { rows, daily } = await booked(scene.gateway, project);
        assert.deepEqual([rows.requests, daily.requests], [3, 3]);
      });
    }

    test('and loses an acknowledgement gets the message again, and it is booked once', async () => {
      const reply = await chat('loses-replies');
      await poll(async () => (await messages('loses-replies')) === 2, 'second message');
      await scene.gateway.row(reply.headers['x-request-id']);
      const ledger = scene.gateway.ledger('loses-replies', 0, 'REAL');
      await ledger.until((status) => status.records === 2 && status.waiting_records === 0, 'both messages written');
      const { rows, daily } = await booked(scene.gateway, 'loses-replies');
      assert.deepEqual([rows.requests, daily.requests], [1, 1]);
    });
  });

  test('leaves the record in the log, whole, while D1 is out, too', async () => {
    await withoutD1(scene.gateway, async () => {
      const id = (await chat('is-full')).headers['x-request-id'];
      const isIt = (line) => line.includes('record_not_written') && line.includes(id);
      const line = await poll(() => scene.gateway.logs().split('\n').find(isIt), 'record in the log');
      const logged = JSON.parse(line.slice(line.indexOf('{')));
      assert.equal(JSON.parse(logged.record).project_id, 'is-full');
      assert.match(logged.problem, /no such table/);
    });
  });
});

/** The ledger, on a storage that refuses the second alarm that it is asked for. */
const FORGETFUL_LEDGER = `
import { LedgerObject } from './index.js';
export class ForgetfulLedger {
  constructor(state, env) {
    let alarms = 0;
    const { storage, id } = state;
    this.ledger = new LedgerObject({ id, storage: {
      sql: storage.sql,
      getAlarm: () => storage.getAlarm(),
      setAlarm: async (at) => { if (++alarms === 2) throw new Error('no alarm today'); await storage.setAlarm(at); },
    } }, env);
  }
  fetch(request) { return this.ledger.fetch(request); }
  alarm() { return this.ledger.alarm(); }
}
export default { fetch: () => new Response(null, { status: 404 }) };`;

describe('a ledger whose next alarm cannot be set', () => {
  const scene = setScene({
    providers: ['groq'],
    objects: { LEDGER: { className: 'ForgetfulLedger', scriptName: 'forgetful' } },
    otherWorkers: [{
      name: 'forgetful',
      modules: [{ type: 'ESModule', path: 'forgetful.js', contents: FORGETFUL_LEDGER }, ...builtModules()],
      bindings: { LEDGER_FLUSH_MS: '20' },
      d1Databases: { DB: 'gateway' },
      durableObjects: { OWN: { className: 'ForgetfulLedger', useSQLite: true } },
    }],
  });

  test('is woken by the platform, though no message comes any more', async () => {
    const ledger = scene.gateway.ledger('forgetful');
    await withoutD1(scene.gateway, async () => {
      assert.equal(await ledger.commit([record('forgetful')]), 204);
      await poll(() => scene.gateway.logs().includes('alarm_not_set'), 'alarm that was not set');
    });
    await poll(async () => (await booked(scene.gateway, 'forgetful')).rows.requests === 1, 'record in D1');
  });
});

describe('without a ledger', () => {
  const scene = setScene({ providers: ['groq'], isolates: 1, objects: {}, vars: { NEW_PROJECTS_PER_MINUTE: '2' } });

  test('records go to D1 together', async () => {
    const replies = await Promise.all(Array.from({ length: 20 }, () => scene.client.chat(ask({ model: MODEL, project_id: 'alone' }))));
    await Promise.all(replies.map((reply) => scene.gateway.row(reply.headers['x-request-id'])));
    const { rows, daily } = await booked(scene.gateway, 'alone');
    assert.deepEqual([rows.requests, daily.requests], [20, 20]);
  });

  test('new projects are let in up to a number a minute', async () => {
    assert.equal((await scene.client.chat(ask({ model: MODEL, project_id: 'alone' }))).status, 200);
    assert.equal((await scene.client.chat(ask({ model: MODEL, project_id: 'second' }))).status, 200);
    const refused = await scene.client.chat(ask({ model: MODEL, project_id: 'third' }));
    assertError(refused, { status: 429, code: 'too_many_new_projects', param: 'project_id' });
    assert.ok(Number(refused.headers['retry-after']) >= 1 && Number(refused.headers['retry-after']) <= 60);
    assert.equal((await scene.client.chat(ask({ model: MODEL, project_id: 'alone' }))).status, 200);
  });
});
