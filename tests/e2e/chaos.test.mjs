// Many clients at once, and providers that fail at random in every way, 30 % of the time. Every request has an end, every
// end is a whole answer or a true error, and the accounts are the fault server's own log.
//
// CHAOS_SECONDS=120 runs it for two minutes, CHAOS_SEED=... again what a failed run printed. Behaviours are drawn of the
// seed and the request, so a request goes wrong in the same way again; how requests meet is the machine's.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BENCHED, drawBehaviour, drawRequest, MAIN, MAX_REPLY_BYTES, MEMBERS } from './chaos/draw.mjs';
import { judgeReply, judgeReport, judgeRow } from './chaos/judge.mjs';
import { poll } from './harness/gateway.mjs';
import { setFaultScene } from './harness/faults.mjs';
import { exact } from './harness/money.mjs';
import { questionOf } from './upstream/story.mjs';

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 15);
const SEED = process.env.CHAOS_SEED ?? String(Date.now());
const CLIENTS = 20;
/** Isolates that share one health object and one ledger. */
const ISOLATES = 4;
/** How many failed requests are printed. */
const MOST_PRINTED = 5;

/** A healthy provider answers at once, and a silent one must not hold up the run. */
const VARS = {
  HEDGE_AFTER_MS: '500', FIRST_TOKEN_TIMEOUT_MS: '1000', REQUEST_TIMEOUT_MS: '1000', STREAM_IDLE_TIMEOUT_MS: '700', MAX_REPLY_BYTES: String(MAX_REPLY_BYTES),
};

describe(`chaos for ${SECONDS} s with the seed ${SEED}`, { timeout: (SECONDS + 90) * 1000 }, () => {
  const scene = setFaultScene({ providers: [...MAIN, BENCHED], members: MEMBERS, vars: VARS, isolates: ISOLATES, sharedObjects: true });
  const log = new Map();

  /** What a provider does, and its entry in the log. */
  function answer(exchange) {
    const { record, json } = exchange;
    const records = log.get(questionOf(json));
    records.push(record);
    const nth = records.filter(({ provider }) => provider === record.provider).length;
    const { name, behaviour } = drawBehaviour(SEED, questionOf(json), record.provider, nth);
    record.fault = name;
    return behaviour(exchange);
  }

  /** One request to its end: `{request, leaves, reply, problem}`. */
  async function run(gatewayClient, client, nth) {
    const { request, leaves } = drawRequest(SEED, client, nth);
    const records = [];
    log.set(questionOf(request), records);
    const done = { request, leaves, records };
    try {
      if (leaves) {
        const connection = gatewayClient.beginChat(request);
        await scene.upstream.waitFor(() => records.length > 0 || connection.status !== undefined || connection.closed, `question ${nth} of client ${client}`);
        connection.leave();
      } else {
        done.reply = await gatewayClient.chat(request);
        done.end = judgeReply(request, done.reply);
      }
    } catch (error) {
      done.problem = error;
    }
    return done;
  }

  test('ends every request with a whole answer or a true error, and books what was done', async () => {
    scene.upstream.everywhere(answer);
    const gatewayClients = Array.from({ length: ISOLATES }, () => scene.gateway.freshClient());
    const end = performance.now() + SECONDS * 1000;
    const perClient = await Promise.all(Array.from({ length: CLIENTS }, async (_, client) => {
      const all = [];
      for (let nth = 0; performance.now() < end; nth += 1) all.push(await run(gatewayClients[client % ISOLATES], client, nth));
      return all;
    }));
    const all = perClient.flat();
    await scene.upstream.waitFor(() => scene.upstream.requests().every(({ ended, aborted }) => ended || aborted), 'the end of every call');

    const counted = (project) => scene.gateway.database.prepare('SELECT COUNT(*) AS rows FROM requests WHERE project_id = ?').bind(project).first();
    const stayed = all.filter(({ leaves }) => !leaves);
    for (const [project, sent] of [['chaos', stayed.length], ['chaos-left', all.length - stayed.length]]) {
      await poll(async () => (await counted(project)).rows >= sent, `row of each of ${sent} requests of ${project}`);
    }
    const { results: rows } = await scene.gateway.database.prepare('SELECT *, CAST(cost_pico_usd AS TEXT) AS cost_pico_usd FROM requests').all();
    const rowOf = new Map(rows.map((row) => [row.id, row]));
    for (const done of stayed.filter(({ problem }) => !problem)) {
      try {
        judgeRow(done.request, done.reply, done.end, rowOf.get(done.reply.headers['x-request-id']), done.records);
      } catch (error) {
        done.problem = error;
      }
    }
    const ends = Object.groupBy(stayed, (done) => (done.problem ? 'failed' : done.end));
    console.log(`chaos: seed ${SEED}, ${all.length} requests, ${scene.upstream.requests().length} attempts, ${
      Object.entries(ends).map(([name, { length }]) => `${length} ${name}`).join(', ')}, ${all.length - stayed.length} left`);

    const failed = all.filter(({ problem }) => problem);
    for (const done of failed.slice(0, MOST_PRINTED)) print(done, rowOf);
    assert.equal(failed.length, 0, `${failed.length} requests did not end as they must; CHAOS_SEED=${SEED}`);
    assert.equal(rows.length, all.length, 'every request has one row');
    for (const row of rows.filter(({ project_id }) => project_id === 'chaos-left')) {
      assert.ok(row.error_class !== null || row.status === 200, JSON.stringify(row));
    }
    for (const project of ['chaos', 'chaos-left']) {
      const report = await gatewayClients[0].get(`/v1/analytics?project_id=${project}`);
      judgeReport(exact(report.text), rows.filter(({ project_id }) => project_id === project));
    }
    assert.ok(ends.whole.length > stayed.length / 2, 'most requests are answered');
  });
});

/** A failed request, with what both sides know of it. */
function print({ request, leaves, reply, end, problem, records }, rowOf) {
  console.log(`--- CHAOS_SEED=${SEED}\n${problem.stack}`);
  console.log('request:', JSON.stringify(request), leaves ? 'and leaves' : '');
  if (reply) console.log(`reply (${end}):\n${reply.head}\n\n${reply.text.length > 3000 ? `${reply.text.slice(0, 1000)}\n[...]\n${reply.text.slice(-2000)}` : reply.text}`);
  if (reply) console.log('row:', JSON.stringify(rowOf.get(reply.headers['x-request-id'])));
  for (const { provider, fault, said, ended, aborted, at, overAt, usage } of records) {
    console.log('provider:', JSON.stringify({ provider, fault, said, ended, aborted, ms: Math.round(overAt - at), usage }));
  }
}
