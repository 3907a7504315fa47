// One line of the log for each request that is in the accounts, which says what its row says, and no more.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { poll, PROJECT } from './harness/gateway.mjs';
import { ask, askInOrder, assertError, SHARED_MODEL, user } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { badKey, neverAnswer, status, stream } from './upstream/behaviours.mjs';
import { destroyed, role, text } from './upstream/steps.mjs';

const TWO = ['groq', 'cerebras'];

/** The lines about requests so far. */
const linesOf = (scene) => scene.gateway.logs().split('\n').filter((line) => line.includes('"event":"request"')).map((line) => JSON.parse(line));
const lineOf = (scene, id) => poll(() => linesOf(scene).find(({ request_id }) => request_id === id), `line of request ${id}`);

async function assertSameAsRow(scene, reply) {
  const id = reply.headers['x-request-id'];
  const { level, event, request_id, ...line } = await lineOf(scene, id);
  const { id: rowId, ...row } = await scene.gateway.row(id);
  assert.deepEqual([level, event, request_id], ['info', 'request', rowId]);
  assert.deepEqual(line, row);
  assert.equal(linesOf(scene).filter((other) => other.request_id === id).length, 1);
  return line;
}

describe('the log', () => {
  const scene = setScene({ providers: TWO, isolates: 7 });

  test('has a line for a request that failed over, with what it used and cost', async () => {
    scene.upstream.always('groq', status(500));
    const line = await assertSameAsRow(scene, await scene.client.chat(askInOrder(TWO)));
    assert.deepEqual([line.project_id, line.status, line.attempts, line.provider], [PROJECT, 200, 2, 'cerebras']);
    assert.equal(line.trail, `groq/${SHARED_MODEL}=500; cerebras/${SHARED_MODEL}=200`);
    assert.ok(line.completion_tokens > 0 && line.cost_pico_usd > 0);
  });

  test('has one for a stream, written at its end', async () => {
    const line = await assertSameAsRow(scene, await scene.client.chat(askInOrder(TWO, { stream: true })));
    assert.deepEqual([line.stream, line.status, line.error_class], [1, 200, null]);
    assert.ok(line.ttft_ms !== null && line.ttft_ms <= line.latency_ms);
  });

  test('says of a cut stream that it was cut, whatever its status', async () => {
    scene.upstream.always('groq', stream([role(), text('one'), destroyed()]));
    const reply = await scene.client.chat(askInOrder(['groq'], { stream: true, response_format: { type: 'json_object' } }));
    const line = await assertSameAsRow(scene, reply);
    assert.deepEqual([line.status, line.error_class], [200, 'stream_cut']);
    assert.match(line.trail, /=stream_cut$/);
  });

  test('has one for a request that nobody answered, and for one that nobody was asked', async () => {
    for (const provider of TWO) scene.upstream.always(provider, badKey());
    const failed = await scene.client.chat(askInOrder(TWO));
    assertError(failed, { status: 502 });
    assert.equal((await assertSameAsRow(scene, failed)).attempts, 2);
    const refused = await scene.client.chat(askInOrder(TWO));
    assertError(refused, { status: 502 });
    assert.equal((await assertSameAsRow(scene, refused)).attempts, 0);
  });

  test('has one for a client that left', async () => {
    scene.upstream.always('groq', neverAnswer());
    const connection = scene.client.beginChat(askInOrder(['groq'], { project_id: 'log-left' }));
    await scene.upstream.received('groq');
    connection.leave();
    const line = await poll(() => linesOf(scene).find(({ project_id }) => project_id === 'log-left'), 'line of who left');
    assert.deepEqual([line.status, line.error_class], [499, 'client_closed']);
  });

  test('has none for a request that is not in the accounts', async () => {
    assertError(await scene.client.chat('{'), { status: 400 });
    assertError(await scene.client.chat(ask({ model: 'no-such-model' })), { status: 404 });
    const known = await scene.client.chat(askInOrder(TWO));
    await lineOf(scene, known.headers['x-request-id']);
    assert.ok(linesOf(scene).every(({ requested_model }) => requested_model === SHARED_MODEL));
  });

  test('holds neither question nor answer', async () => {
    const question = 'What is the airspeed of a swallow?';
    const reply = await scene.client.chat(askInOrder(TWO, { messages: [user(question)] }));
    await lineOf(scene, reply.headers['x-request-id']);
    assert.doesNotMatch(scene.gateway.logs(), /swallow|Hello there/);
  });
});

describe('the log of failed requests', () => {
  const scene = setScene({ providers: TWO, vars: { LOG_REQUESTS: 'failed' }, isolates: 1 });

  test('has those alone', async () => {
    const good = await scene.client.chat(askInOrder(TWO));
    scene.upstream.always('groq', badKey());
    const bad = await scene.client.chat(askInOrder(['groq']));
    await assertSameAsRow(scene, bad);
    assert.ok(linesOf(scene).every(({ request_id }) => request_id !== good.headers['x-request-id']));
  });
});
