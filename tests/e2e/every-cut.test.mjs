// A short stream that breaks off behind each of its bytes, in good order or not. The client has the whole answer, from somebody
// else where need be, or it is told that it has not: with a status before the first token, with an error event behind it.
// What it has is what a strict decoder and OpenAI's own make of the bytes, and what the accounts say of it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI from 'openai';
import { Stream } from 'openai/streaming';
import { poll } from './harness/gateway.mjs';
import { setNumberedScene, withEach } from './harness/numbered.mjs';
import { assertError } from './harness/requests.mjs';
import { dataOf } from './harness/sse.mjs';
import { content, DONE, finish, inLastChoice, inTrailing, role, USAGE } from './upstream/lean.mjs';
import { FORMS, told } from './upstream/pieces.mjs';
import { prefillOf } from './upstream/story.mjs';
import { destroyed, endOfBody, gate, hold, reset } from './upstream/steps.mjs';

const TEXTS = ['Grüße, "Welt"\n', ' 漢字 and much that is known of it', ' 🦀 and of many a crab'];
const TEXT = TEXTS.join('');

/** How a provider's stream is brought to the client, and what it sends. */
const RELAYS = {
  'relayed natively': { provider: 'alpha', data: inLastChoice('a', TEXTS) },
  'relayed natively with its usage chunk, with CRLF': {
    provider: 'beta', data: inTrailing('b', TEXTS), form: 'with CRLF', fields: { stream_options: { include_usage: true } },
  },
  rewritten: { provider: 'beta', data: inTrailing('b', TEXTS), rewritten: true },
};

const ENDS = {
  'in good order': { step: endOfBody() },
  'without the end of its body': { step: destroyed() },
  // What was not read yet is lost, so it waits until the client has all that it can have.
  'with its connection': { step: reset(), isReset: true },
};

/** Somebody who goes on with what is there, or begins anew: as it is asked. */
const goesOn = (exchange) => {
  const begun = prefillOf(exchange.json);
  assert.ok(TEXT.startsWith(begun), `it was given ${begun}`);
  const rest = TEXT.slice(begun.length);
  return told([Buffer.from([role('z'), ...(rest ? [content('z', rest)] : []), finish('z'), DONE].map((data) => `data: ${data}\n\n`).join(''))])(exchange);
};

const bytesOf = ({ data, form = 'with LF' }) => FORMS[form](data);

/** What of a relay's stream has come when it breaks off behind byte `at`, and what can be known by it. */
class Cut {
  constructor(relay, at) {
    const { data, form, rewritten = false } = relay;
    let begin = 0;
    const events = bytesOf(relay).map((bytes, n) => {
      const event = { data: data[n], bytes, at: begin, end: begin + bytes.length };
      // From there on it is whole but for its blank line; and half a CRLF may be a line's end.
      event.readsAt = event.at + bytes.length - (form === 'with CRLF' ? 4 : 2);
      event.endsAt = form === 'with CRLF' ? event.end - 1 : event.end;
      begin = event.end;
      return event;
    });
    this.at = at;
    this.rewritten = rewritten;
    this.bytes = Buffer.concat(events.map(({ bytes }) => bytes)).subarray(0, at);
    this.whole = events.filter(({ end }) => end <= at);
    const read = events.filter(({ readsAt }) => readsAt <= at);
    this.text = read.map((event) => (event.data === DONE ? '' : JSON.parse(event.data).choices[0]?.delta.content ?? '')).join('');
    this.usage = read.some((event) => event.data.includes('"usage"'));
    this.isWhole = read.some((event) => event.data.includes('"stop"'));
    this.beforeFirstToken = at < events[1].endsAt;
    const torn = events.find((event) => event.at < at && at < event.readsAt);
    /** Half an event, but for the first letters of a field's name, which say nothing to anybody. */
    this.isTorn = torn !== undefined && at - torn.at >= 'data'.length;
    /** Behind half a chunk no `[DONE]` can be told any more; where only its field was begun it can. */
    this.withoutDone = !rewritten && this.isWhole && this.isTorn && torn.data !== DONE && at - torn.at > 'data: '.length;
  }

  /** How many bytes of it a client gets while its provider is still there. */
  get visible() {
    if (this.beforeFirstToken) return 0;
    if (!this.rewritten) return this.bytes.length;
    return this.whole.filter(({ data }) => !data.includes('"choices":[]')).reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}

/** A client that says nothing about what it cannot read. */
const QUIET = new OpenAI({ apiKey: 'none', logLevel: 'off' });

/** What OpenAI's decoder makes of the bytes: `{text, roles, finishReasons, error}`. */
async function readByOpenAi(body) {
  const read = { text: '', roles: 0, finishReasons: [], error: null };
  try {
    for await (const { choices } of Stream.fromSSEResponse(new Response(body), new AbortController(), QUIET)) {
      for (const { delta, finish_reason } of choices) {
        read.text += delta.content ?? '';
        if (delta.role) read.roles += 1;
        if (finish_reason) read.finishReasons.push(finish_reason);
      }
    }
  } catch (error) {
    read.error = error;
  }
  return read;
}

async function assertWhole(reply, name, { withoutDone = false } = {}) {
  assert.equal(reply.status, 200, `${name}: ${reply.text}`);
  const events = dataOf(reply.text);
  assert.equal(events.filter((data) => data === DONE).length, withoutDone ? 0 : 1, `${name}: ${reply.text}`);
  if (!withoutDone) assert.equal(events.at(-1), DONE, name);
  assert.ok(events.filter((data) => data !== DONE).every((data) => JSON.parse(data).error === undefined), name);
  const { error, ...read } = await readByOpenAi(reply.body);
  assert.deepEqual(read, { text: TEXT, roles: 1, finishReasons: ['stop'] }, `${name}: ${reply.text}`);
  // OpenAI's own reads half an event at the end, and raises it; others drop it.
  if (!withoutDone) assert.equal(error, null, name);
}

async function assertBroken(reply, cut, name) {
  assert.equal(reply.status, 200, `${name}: ${reply.text}`);
  const text = reply.body.toString('utf8');
  assert.ok(text.endsWith('\n\n') && !text.includes(DONE), `${name}: ${text}`);
  assert.equal(text.split('"error":').length, 2, `${name}: it is told once: ${text}`);
  const events = dataOf(text);
  assert.equal(JSON.parse(events.at(-1)).error.code, 'stream_cut', name);
  if (!cut.rewritten) assert.ok(reply.body.subarray(0, cut.at).equals(cut.bytes), `${name}: what the provider sent is there`);
  const [heard, torn] = cut.isTorn && !cut.rewritten ? [events.slice(0, -2), events.at(-2)] : [events.slice(0, -1)];
  if (torn !== undefined) assert.throws(() => JSON.parse(torn), `${name}: nobody can read ${torn}`);
  assert.equal(heard.map((data) => JSON.parse(data).choices[0].delta.content).join(''), cut.text, name);
  const read = await readByOpenAi(reply.body);
  assert.deepEqual({ ...read, error: read.error !== null }, { text: cut.text, roles: 1, finishReasons: [], error: true }, name);
}

const failedBy = (rows) => {
  const failed = {};
  for (const { error_class } of rows.filter((row) => row.error_class !== null)) failed[error_class] = (failed[error_class] ?? 0) + 1;
  return failed;
};

/** All requests of the project are in the accounts, once each, and the report is their sum. */
async function assertAccounts(scene, project, replies) {
  const select = (what) => scene.gateway.database.prepare(`SELECT ${what} FROM requests WHERE project_id = ?`).bind(project);
  await poll(async () => (await select('COUNT(*) AS rows').first()).rows >= replies.length, `${replies.length} rows of ${project}`);
  const { results: rows } = await select('*').all();
  assert.deepEqual(rows.map(({ id }) => id).sort(), replies.map(({ headers }) => headers['x-request-id']).sort());
  const { totals } = (await scene.client.get(`/v1/analytics?project_id=${project}`)).json;
  const sum = (field) => rows.reduce((all, row) => all + row[field], 0);
  assert.deepEqual(
    [totals.requests, totals.succeeded, totals.failed, totals.prompt_tokens, totals.completion_tokens, totals.estimated_requests],
    [rows.length, rows.filter((row) => row.error_class === null).length, failedBy(rows), sum('prompt_tokens'), sum('completion_tokens'), sum('estimated')],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

const { prompt_tokens: PROMPT, completion_tokens: COMPLETION } = JSON.parse(USAGE);

/** What the accounts say is what the client saw. */
function assertRow(row, reply, { isWhole, usage }, name) {
  assert.equal(row.status, reply.status, name);
  if (reply.status !== 200) return assert.notEqual(row.error_class, null, name);
  assert.equal(row.error_class, isWhole ? null : 'stream_cut', name);
  if (usage === true) assert.deepEqual([row.prompt_tokens, row.completion_tokens, row.estimated], [PROMPT, COMPLETION, 0], name);
  if (usage === false) assert.ok(row.estimated === 1 && row.completion_tokens > 0, name);
  return undefined;
}

describe('a stream that breaks off behind each of its bytes', { concurrency: 2 }, () => {
  const scene = setNumberedScene();

  /** Asks for a stream that breaks off there; each has a model of its own, whose health is nobody else's. */
  const ask = async (relay, end, cut, project, { other, fields }) => {
    const model = `${project}-${cut.at}`;
    const seen = gate();
    const isSeen = end.isReset && cut.visible > 0;
    const breaksOff = told([cut.bytes], ...(isSeen ? [hold(seen)] : []), end.step);
    const connection = await scene.begin(
      { [relay.provider]: breaksOff, ...(other ? { [other]: goesOn } : {}) },
      { model: `${relay.provider}/${model}`, models: other ? [`${other}/${model}`] : [], project_id: project, ...relay.fields, ...fields },
    );
    if (isSeen) await connection.until(() => connection.body.length >= cut.visible, `${cut.visible} bytes`);
    seen.open();
    const reply = await connection.finished();
    assert.equal(reply.complete, true, 'HTTP ended in good order');
    return reply;
  };
  const cutsOf = (relay) => {
    const { length } = Buffer.concat(bytesOf(relay));
    return Array.from({ length: length + 1 }, (_, at) => new Cut(relay, at));
  };
  /** Where a connection was reset, what came last may have been lost. */
  const usageOf = (cut, { isReset }) => (isReset ? undefined : cut.usage);

  const ALONE = [
    ['relayed natively', 'in good order'], ['relayed natively', 'with its connection'],
    ['relayed natively with its usage chunk, with CRLF', 'in good order'],
    ['rewritten', 'in good order'], ['rewritten', 'with its connection'],
  ];
  for (const [n, [how, ends]] of ALONE.entries()) {
    test(`${ends} is told as what it is where nobody can go on with it (${how})`, async () => {
      const [relay, end, project] = [RELAYS[how], ENDS[ends], `alone-${n}`];
      const cuts = cutsOf(relay);
      // Nobody goes on with a piece of JSON.
      const fields = { response_format: { type: 'json_object' } };
      const replies = await withEach(cuts, async (cut) => {
        const reply = await ask(relay, end, cut, project, { fields });
        const name = `behind byte ${cut.at}`;
        if (cut.beforeFirstToken) assert.ok(assertError(reply, { status: reply.status }) && reply.status >= 500, name);
        else if (end.isReset && cut.isWhole && reply.text.includes('"error":')) await assertBroken(reply, new Cut(relay, cut.whole.at(-1).end), name);
        else if (cut.isWhole) await assertWhole(reply, name, cut);
        else await assertBroken(reply, cut, name);
        return reply;
      });
      const rows = await assertAccounts(scene, project, replies);
      for (const [at, reply] of replies.entries()) {
        const isWhole = !reply.text.includes('"error":');
        assertRow(rows.get(reply.headers['x-request-id']), reply, { isWhole, usage: usageOf(cuts[at], end) }, `behind byte ${at}`);
      }
    });
  }

  const RESUMED = [
    ['relayed natively', 'in good order', 'gamma'], ['relayed natively', 'without the end of its body', 'beta'],
    ['rewritten', 'in good order', 'gamma'], ['rewritten', 'with its connection', 'alpha'],
  ];
  for (const [n, [how, ends, other]] of RESUMED.entries()) {
    test(`${ends} is gone on with, or told as what it is (${how}, then by ${other})`, async () => {
      const [relay, end, project] = [RELAYS[how], ENDS[ends], `resumed-${n}`];
      const replies = await withEach(cutsOf(relay), async (cut) => {
        const reply = await ask(relay, end, cut, project, { other, fields: { temperature: 0 } });
        const name = `behind byte ${cut.at}`;
        // Half a chunk that the client has cannot be gone on with.
        if (!cut.rewritten && !cut.beforeFirstToken && !cut.isWhole && cut.isTorn) await assertBroken(reply, cut, name);
        else await assertWhole(reply, name, cut);
        return reply;
      });
      const rows = await assertAccounts(scene, project, replies);
      for (const [at, reply] of replies.entries()) {
        assertRow(rows.get(reply.headers['x-request-id']), reply, { isWhole: !reply.text.includes('"error":') }, `behind byte ${at}`);
      }
    });
  }
});
