// Clients that leave at every moment of a request. Each time the call at the provider is given up, the request has its
// row, and nothing of it stays behind: neither the bytes that count for its body, nor the permit of a probe.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { poll } from './harness/gateway.mjs';
import { ask, askInOrder, OPENAI_MODEL, SHARED_MODEL, trailOf, user } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { readStream } from './harness/sse.mjs';
import { afterGate, chat, neverAnswer, status, stream } from './upstream/behaviours.mjs';
import { tokens } from './upstream/payloads.mjs';
import { gate, hold, pause, role, silence, text } from './upstream/steps.mjs';

/** Two large requests do not fit at the same time. */
const SMALL = { MAX_BODY_BYTES: '100000', INFLIGHT_BYTES_MAX: '150000' };
const LARGE = [user('x'.repeat(90_000))];

const TIMEOUTS = Object.fromEntries([
  'FIRST_TOKEN_TIMEOUT_MS', 'REASONING_FIRST_TOKEN_TIMEOUT_MS', 'REQUEST_TIMEOUT_MS', 'REASONING_REQUEST_TIMEOUT_MS', 'STREAM_IDLE_TIMEOUT_MS', 'REASONING_STREAM_IDLE_TIMEOUT_MS',
].map((name) => [name, '700']));

const halfABody = () => async (exchange) => {
  await exchange.start(200, { 'content-type': 'application/json' });
  await exchange.chunk('{"id":"x","choices":[');
  await exchange.gone;
};

/** What the provider is doing when the client leaves, of requests that have no answer yet. */
const WAITING = {
  'while nobody has answered': [neverAnswer(), {}],
  'while no stream has begun': [neverAnswer(), { stream: true }],
  'before the first token': [stream([role(), silence()]), { stream: true }],
  'in the middle of a whole answer': [halfABody(), {}],
};

/** Three failures open cerebras' circuit: the next request that goes there is a probe. */
async function openCircuit(scene) {
  scene.upstream.always('cerebras', status(500));
  for (let i = 0; i < 3; i += 1) assert.equal((await scene.client.chat(askInOrder(['cerebras', 'groq']))).status, 200);
  scene.upstream.reset();
}

/** A large request is taken in and probes cerebras: nothing counts any more for the one before it. */
async function assertNothingLeftBehind(scene) {
  scene.upstream.reset();
  const reply = await scene.client.chat(askInOrder(['cerebras', 'groq'], { messages: LARGE }));
  assert.equal(reply.status, 200, reply.text);
  assert.deepEqual(trailOf(reply), [['cerebras', '200']]);
  assert.deepEqual(scene.upstream.counts(), { cerebras: 1 });
}

let projects = 0;
const newProject = () => `leaving-${(projects += 1)}`;

describe('a client whose connection is reset', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], vars: SMALL, isolates: 8 });
  const probing = (fields) => askInOrder(['cerebras'], { messages: LARGE, ...fields });

  for (const [name, [behaviour, fields]] of Object.entries(WAITING)) {
    test(`${name} leaves a row and nothing else`, async () => {
      await openCircuit(scene);
      scene.upstream.always('cerebras', behaviour);
      const project = newProject();
      const connection = scene.client.beginChat(probing({ ...fields, project_id: project }));
      await scene.upstream.received('cerebras');
      connection.leave();
      await scene.upstream.aborted('cerebras');
      const row = await scene.gateway.rowOfProject(project);
      assert.deepEqual([row.status, row.error_class, row.attempts, row.provider], [499, 'client_closed', 1, 'cerebras']);
      assert.equal(row.trail, 'cerebras/gpt-oss-120b=client_closed');
      assert.deepEqual(scene.upstream.counts(), { cerebras: 1 }, 'nobody else was asked for it');
      await assertNothingLeftBehind(scene);
    });
  }

  for (const [relay, fields] of [['rewritten', {}], ['native', { stream_options: { include_usage: true } }]]) {
    test(`in its stream leaves a row and nothing else (${relay})`, async () => {
      await openCircuit(scene);
      const bytes = Buffer.byteLength(JSON.stringify(`a${tokens(40).join('')}`)) - 2;
      scene.upstream.always('cerebras', stream([role(), text('a'), pause(50), text(...tokens(40)), silence()]));
      const project = newProject();
      const connection = await scene.client.openChat(probing({ stream: true, project_id: project, ...fields }));
      await connection.untilBody(tokens(40).at(-1));
      connection.leave();
      await scene.upstream.aborted('cerebras');
      const row = await scene.gateway.rowOfProject(project);
      assert.deepEqual([row.status, row.error_class, row.provider], [200, 'client_closed', 'cerebras']);
      assert.deepEqual([row.completion_tokens, row.estimated], [Math.ceil(bytes / 4), 1], 'all that it got is accounted');
      await assertNothingLeftBehind(scene);
    });
  }

  test('while a limited provider is waited for leaves a row, and nobody is asked again', async () => {
    scene.upstream.always('cerebras', status(429, undefined, { 'retry-after-ms': '1500' }));
    const project = newProject();
    const connection = scene.client.beginChat(ask({ model: `cerebras/${SHARED_MODEL}`, messages: LARGE, project_id: project }));
    await scene.upstream.received('cerebras');
    const known = async () => trailOf(await scene.client.chat(askInOrder(['cerebras', 'groq']))).length === 1;
    await poll(known, 'request that goes past the limited provider');
    connection.leave();
    const row = await scene.gateway.rowOfProject(project);
    assert.deepEqual([row.status, row.error_class, row.trail], [499, 'client_closed', 'cerebras/gpt-oss-120b=429']);
    assert.equal(scene.upstream.requests('cerebras').filter(({ rawBody }) => rawBody.length > 90_000).length, 1);
    const reply = await scene.client.chat(askInOrder(['groq'], { messages: LARGE }));
    assert.equal(reply.status, 200, reply.text);
  });

  test('again and again leaves room for the next one', async () => {
    scene.upstream.always('cerebras', neverAnswer());
    for (let i = 1; i <= 6; i += 1) {
      const project = newProject();
      const connection = scene.client.beginChat(probing({ project_id: project }));
      await scene.upstream.received('cerebras', i);
      connection.leave();
      await scene.gateway.rowOfProject(project);
    }
    await assertNothingLeftBehind(scene);
  });
});

describe('a client that closes its connection in good order', () => {
  const scene = setScene({ providers: ['groq', 'cerebras', 'openai'], vars: { ...SMALL, ...TIMEOUTS }, isolates: 6 });

  // Half a connection is still open as far as anybody can tell: until something is written, it is a client that waits.
  for (const [name, [behaviour, fields]] of Object.entries(WAITING)) {
    test(`${name} leaves a row and nothing else, once the time is up`, async () => {
      scene.upstream.always('groq', behaviour);
      const project = newProject();
      const connection = scene.client.beginChat(askInOrder(['groq'], { messages: LARGE, project_id: project, ...fields }));
      await scene.upstream.received('groq');
      connection.hangUp();
      await scene.upstream.aborted('groq');
      const row = await scene.gateway.rowOfProject(project);
      assert.deepEqual([row.status, row.error_class], [504, 'timeout']);
      await assertNothingLeftBehind(scene);
    });
  }

  for (const [model, provider] of [[`groq/${SHARED_MODEL}`, 'groq'], [OPENAI_MODEL, 'openai']]) {
    test(`in its stream leaves a row and nothing else (${provider})`, async () => {
      const onward = gate();
      const more = tokens(2000).flatMap((token) => [text(token), pause(1)]);
      scene.upstream.always(provider, stream([role(), text('half', ' an'), hold(onward), ...more, silence()]));
      const project = newProject();
      const connection = await scene.client.openChat(ask({ model, stream: true, messages: LARGE, project_id: project }));
      await connection.untilBody(' an');
      connection.hangUp();
      onward.open();
      await scene.upstream.aborted(provider);
      const row = await scene.gateway.rowOfProject(project);
      assert.deepEqual([row.status, row.error_class], [200, 'client_closed']);
      await assertNothingLeftBehind(scene);
    });
  }
});

describe('a client that leaves while it uploads', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], vars: SMALL });

  for (const how of ['leave', 'hangUp']) {
    test(`holds no bytes any longer (${how})`, async () => {
      const large = askInOrder(['cerebras'], { messages: LARGE, project_id: newProject() });
      const answered = (code) => async () => (await scene.client.chat(large)).status === code;
      const uploading = scene.client.beginChat(large, { bytes: 50_000 });
      await poll(answered(503), 'refusal of a second large request');
      assert.equal(uploading.status, undefined, 'the first one waits for its body');
      uploading[how]();
      await poll(answered(200), 'large request that is taken in');
      await assertNothingLeftBehind(scene);
    });
  }
});

describe('a client whose probe is out', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'] });

  for (const streamed of [false, true]) {
    test(`does not keep others from a provider that is the last one${streamed ? ', streamed' : ''}`, async () => {
      await openCircuit(scene);
      const held = gate();
      scene.upstream.script('cerebras', afterGate(held, chat()));
      const probe = scene.client.chat(askInOrder(['cerebras'], { stream: streamed }));
      await scene.upstream.received('cerebras');
      scene.upstream.always('groq', status(500));
      const reply = await scene.client.chat(askInOrder(['groq', 'cerebras'], { stream: streamed }));
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual(trailOf(reply), [['groq', '500'], ['cerebras', '200']]);
      assert.equal(scene.upstream.requests('cerebras')[0].ended, false, 'the probe is still out');
      held.open();
      const first = await probe;
      const content = streamed ? readStream(first.text).content : first.json.choices[0].message.content;
      assert.deepEqual([first.status, content], [200, 'Hello there']);
    });

    test(`is not joined by others that have somebody better${streamed ? ', streamed' : ''}`, async () => {
      await openCircuit(scene);
      const held = gate();
      scene.upstream.script('cerebras', afterGate(held, chat()));
      const probe = scene.client.chat(askInOrder(['cerebras'], { stream: streamed }));
      await scene.upstream.received('cerebras');
      const reply = await scene.client.chat(askInOrder(['cerebras', 'groq'], { stream: streamed }));
      assert.deepEqual(trailOf(reply), [['groq', '200']]);
      assert.deepEqual(scene.upstream.counts(), { cerebras: 1, groq: 1 });
      held.open();
      assert.equal((await probe).status, 200);
    });
  }
});
