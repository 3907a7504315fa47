// The cron trigger deletes what is older than RETENTION_DAYS; the daily sums stay.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { poll } from './harness/gateway.mjs';
import { ask } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { chat } from './upstream/behaviours.mjs';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 20, 3, 17);

/** The id of a request that came at this time. */
const idAt = (ms) => `${ms.toString(16).padStart(12, '0').replace(/^(.{8})/, '$1-')}-7abc-8def-0123456789ab`;

async function addRow(database, created_at) {
  await database.prepare(`INSERT INTO requests (id, project_id, created_at, requested_model, stream, status, attempts, prompt_tokens, completion_tokens,
    cached_tokens, reasoning_tokens, estimated, latency_ms, trail) VALUES (?, 'old', ?, 'auto', 0, 200, 1, 0, 0, 0, 0, 0, 0, '')`).bind(idAt(created_at), created_at).run();
  await database.prepare("INSERT INTO dead_letters (id, project_id, failed_at, problem, record) VALUES (?, 'old', ?, '', '{}')").bind(idAt(created_at), created_at).run();
}

const times = async (database, table, column) =>
  (await database.prepare(`SELECT ${column} AS time FROM ${table} WHERE project_id = 'old' ORDER BY 1`).all()).results.map(({ time }) => time);

/** Ages around the bound, and of a row that is as old as the gateway can be told. */
const AGES_MS = [0, DAY_MS, 2 * DAY_MS, 2 * DAY_MS + 1, 3 * DAY_MS, 400 * DAY_MS];

describe('the daily run', () => {
  const scene = setScene({ providers: ['groq'], vars: { RETENTION_DAYS: '2' }, isolates: 1 });

  test('deletes the rows that are older, and only those', async () => {
    const { database } = scene.gateway;
    for (const age of AGES_MS) await addRow(database, NOW - age);
    await scene.gateway.scheduled(NOW);
    const kept = [NOW - 2 * DAY_MS, NOW - DAY_MS, NOW];
    assert.deepEqual(await times(database, 'requests', 'created_at'), kept);
    assert.deepEqual(await times(database, 'dead_letters', 'failed_at'), kept);
    await scene.gateway.scheduled(NOW + 10 * DAY_MS);
    assert.deepEqual(await times(database, 'requests', 'created_at'), []);
  });

  test('leaves the daily sums as they are', async () => {
    const { database } = scene.gateway;
    scene.upstream.always('groq', chat());
    const reply = await scene.client.chat(ask({ project_id: 'sums' }));
    const { created_at } = await scene.gateway.row(reply.headers['x-request-id']);
    await scene.gateway.scheduled(created_at + 3 * DAY_MS);
    assert.deepEqual((await scene.gateway.rows()).filter(({ project_id }) => project_id === 'sums'), []);
    const { results } = await database.prepare("SELECT requests FROM usage_daily WHERE project_id = 'sums'").all();
    assert.deepEqual(results, [{ requests: 1 }]);
  });

  test('that fails is told in the log, and the next one carries on', async () => {
    const { database } = scene.gateway;
    await addRow(database, NOW - 3 * DAY_MS);
    await database.prepare('ALTER TABLE requests RENAME TO away').run();
    try {
      await scene.gateway.scheduled(NOW);
      await poll(() => /"event":"retention_incomplete","problem":"[^"]*no such table/.test(scene.gateway.logs()), 'line in the log');
    } finally {
      await database.prepare('ALTER TABLE away RENAME TO requests').run();
    }
    await scene.gateway.scheduled(NOW);
    assert.deepEqual(await times(database, 'requests', 'created_at'), []);
  });
});

describe('a wrong RETENTION_DAYS', () => {
  const scene = setScene({ providers: ['groq'], vars: { RETENTION_DAYS: 'forever' }, isolates: 1 });

  test('is refused, and deletes nothing', async () => {
    await addRow(scene.gateway.database, NOW - 4000 * DAY_MS);
    await scene.gateway.scheduled(NOW);
    await poll(() => /retention_incomplete.*RETENTION_DAYS is/.test(scene.gateway.logs()), 'line in the log');
    assert.equal((await times(scene.gateway.database, 'requests', 'created_at')).length, 1);
    const reply = await scene.client.chat(ask());
    assert.equal(reply.status, 503);
    assert.match(reply.json.error.message, /RETENTION_DAYS is \\?"forever\\?"; set it to a whole number from 1 to 3650/);
  });
});
