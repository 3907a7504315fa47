// What is true at the end of a request, on both sides: every answer is whole or says that it is not, and the accounts say
// of it what the fault server's own log says.

import assert from 'node:assert/strict';
import { usd } from '../harness/money.mjs';
import { assertError } from '../harness/requests.mjs';
import { dataOf, readStream } from '../harness/sse.mjs';
import { idOf, storyOf } from '../upstream/story.mjs';

/** The statuses that a client may be told: never a 500, and never another party's 401, 402 or 403. */
const TRUE_STATUSES = [400, 404, 429, 502, 503, 504];

/**
 * What the client has: `whole`, `partial` (a part, and an error behind it) or `refused`.
 * @throws where it is none of them.
 */
export function judgeReply(request, reply) {
  if (reply.status !== 200) {
    assert.ok(TRUE_STATUSES.includes(reply.status), `status ${reply.status}`);
    assertError(reply, { status: reply.status });
    return 'refused';
  }
  assert.equal(reply.complete, true, 'HTTP ended in good order');
  if (request.stream) return judgeStream(request, reply.text);
  const { choices: [{ message, finish_reason }], model } = reply.json;
  assert.deepEqual([message.content, finish_reason], [storyOf(request), 'stop']);
  assert.equal(model, reply.headers['x-gateway-model']);
  return 'whole';
}

function judgeStream(request, text) {
  const events = dataOf(text);
  const fault = events.findIndex(isFault);
  const told = readStream((fault < 0 ? events : events.slice(0, fault)).map((data) => `data: ${data}\n\n`).join(''));
  assert.ok(new Set(told.chunks.map(({ id }) => id)).size <= 1, 'one answer has one id');
  if (fault < 0) {
    assert.deepEqual([told.content, told.finishReasons, told.dones, told.last], [storyOf(request), ['stop'], 1, '[DONE]']);
    assert.ok(text.endsWith('data: [DONE]\n\n'));
    return 'whole';
  }
  assert.ok(storyOf(request).startsWith(told.content), 'what came before the error is the beginning of the answer');
  assert.deepEqual([told.finishReasons, told.dones], [[], 0]);
  assert.ok(!text.includes('"finish_reason":"stop"'), 'nothing behind the error says that it ended well');
  return 'partial';
}

/** Whether an SDK raises an error at this event: it is one, or it is no JSON. */
function isFault(data) {
  if (data === '[DONE]') return false;
  try {
    return JSON.parse(data).error !== undefined;
  } catch {
    return true;
  }
}

/** `alpha/story=429; beta/story=200` as `[['alpha', '429'], ...]`. */
export const parseTrail = (trail) => (trail === '' ? [] : trail.split('; ').map((attempt) => {
  const [target, outcome] = attempt.split('=');
  return [target.split('/')[0], outcome];
}));

/**
 * The row of a request against the log: who was asked in which order, how it ended, and for a whole answer by one
 * provider the very usage that it sent. `records` are the provider's own of this request, in order.
 */
export function judgeRow(request, reply, end, row, records) {
  assert.ok(row, 'it has no row');
  assert.deepEqual([row.requested_model, Boolean(row.stream), row.status], [request.model, request.stream, reply.status]);
  const trail = parseTrail(row.trail);
  const hedged = trail.some(([, outcome]) => outcome === 'hedged');
  // Two that are asked at a time stand there in the order in which they ended.
  const together = hedged || records.some(({ at }, i) => i > 0 && at < records[i - 1].overAt);
  const inOrder = (providers) => (together ? providers.sort() : providers);
  assert.deepEqual(inOrder(trail.map(([provider]) => provider)), inOrder(records.map(({ provider }) => provider)), `who was asked: ${row.trail}`);
  assert.equal(row.attempts, trail.length);
  assert.equal(row.error_class === null, end === 'whole', `${end} is booked as ${row.error_class}`);
  if (end !== 'whole') return;
  const { usage } = records.findLast(({ provider, aborted }) => provider === row.provider && !aborted);
  const writers = records.filter(({ said }) => said > 0).map(({ provider }) => provider);
  if (writers.length === 1 && !hedged) {
    assert.deepEqual([row.prompt_tokens, row.completion_tokens, row.estimated], [usage.prompt_tokens, usage.completion_tokens, 0]);
  } else {
    assert.equal(row.estimated, 1, 'what a provider wrote that broke off or was too slow is estimated');
    assert.ok(row.prompt_tokens >= usage.prompt_tokens && row.completion_tokens >= usage.completion_tokens, 'the sum of what was billed');
  }
  if (request.stream) assert.ok(writers.map(idOf).includes(readStream(reply.text).chunks[0].id));
}

/** The report of a project is the sum of its rows. */
export function judgeReport({ totals }, rows) {
  const sum = (name) => rows.reduce((all, row) => all + Number(row[name]), 0);
  const failed = {};
  for (const { error_class } of rows.filter((row) => row.error_class !== null)) failed[error_class] = (failed[error_class] ?? 0) + 1;
  assert.deepEqual(
    { requests: totals.requests, succeeded: totals.succeeded, failed: totals.failed, prompt_tokens: totals.prompt_tokens, completion_tokens: totals.completion_tokens, estimated_requests: totals.estimated_requests, cost_usd: totals.cost_usd },
    {
      requests: rows.length, succeeded: rows.filter(({ error_class }) => error_class === null).length, failed,
      prompt_tokens: sum('prompt_tokens'), completion_tokens: sum('completion_tokens'), estimated_requests: sum('estimated'),
      cost_usd: usd(rows.reduce((all, { cost_pico_usd }) => all + BigInt(cost_pico_usd ?? 0), 0n)),
    },
  );
}
