// What isolates know together: a failure that one of them saw, a key that is refused, the one probe of a broken provider,
// and whose turn it is. And what they do when the health object cannot be reached.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GATEWAY_KEY, poll, providerKey } from './harness/gateway.mjs';
import { ask, askInOrder, assertError, SHARED_MODEL } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { afterGate, answer, badKey, chat, rateLimited, status } from './upstream/behaviours.mjs';
import { gate } from './upstream/steps.mjs';

/** The tickets of a first lease (`FIRST_LEASE` in src/health/lease.rs). */
const LEASE = 13;

/** Of the object of this continent, which locally has no name. */
const OBJECT = 'local';

const providersOf = async (client) => (await client.get('/v1/providers')).json.data;
const providerOf = async (client, id) => (await providersOf(client)).find((provider) => provider.id === id);
const modelOf = async (client, id) => (await providerOf(client, id)).models.find(({ id: model }) => model === SHARED_MODEL);
const groqIs = (client, wanted) => poll(async () => (await modelOf(client, 'groq'))?.status === wanted, `groq to be ${wanted}`);

describe('isolates of one health object', () => {
  const providers = ['groq', 'cerebras', 'fireworks'];

  describe('asked in turn', () => {
    const scene = setScene({ providers, isolates: 2, sharedObjects: true });

    test('go round evenly, within one lease', async () => {
      const clients = [scene.client, scene.gateway.freshClient()];
      for (let i = 0; i < 60; i += 1) {
        const replies = await Promise.all(clients.map((client) => client.chat(ask())));
        for (const reply of replies) assert.equal(reply.status, 200, reply.text);
      }
      const counts = providers.map((provider) => scene.upstream.counts()[provider]);
      assert.equal(counts.reduce((sum, count) => sum + count), 120);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= LEASE, JSON.stringify(scene.upstream.counts()));
      const { messages } = await (await scene.gateway.object('HEALTH', OBJECT)).fetch('https://health/status').then((reply) => reply.json());
      assert.ok(messages < 60, `120 requests took ${messages} messages`);
    });
  });

  describe('when a provider breaks', () => {
    const scene = setScene({ providers, isolates: 4, sharedObjects: true });

    test('all know what one of them saw, and one request at a time finds out whether it is back', async () => {
      const [first, second] = [scene.client, scene.gateway.freshClient()];
      await second.chat(ask());
      scene.upstream.reset();
      scene.upstream.always('groq', status(500));
      for (let i = 0; i < 3; i += 1) await first.chat(askInOrder(['groq', 'cerebras']));
      assert.equal(scene.upstream.requests('groq').length, 3);
      await groqIs(second, 'open');
      const third = scene.gateway.freshClient();
      for (const client of [second, third, third, third]) assert.equal((await client.chat(ask())).status, 200);
      assert.equal(scene.upstream.requests('groq').length, 3, 'nobody else has to see it fail');

      // An object that was thrown out of memory remembers it.
      await scene.gateway.evictObject('HEALTH', OBJECT);
      const fourth = scene.gateway.freshClient();
      assert.equal((await modelOf(fourth, 'groq')).circuit, 'open');

      await groqIs(second, 'probe');
      const held = gate();
      scene.upstream.always('groq', afterGate(held, chat()));
      const requests = [first, second, third, fourth].flatMap((client) => Array.from({ length: 5 }, () => client.chat(ask())));
      await scene.upstream.received('groq', 4);
      // Those that are no probe are answered by the others.
      await scene.upstream.waitFor(() => scene.upstream.requests().length >= 3 + 3 + 4 + 20 - 1, 'all requests');
      held.open();
      for (const reply of await Promise.all(requests)) assert.equal(reply.status, 200, reply.text);
      assert.equal(scene.upstream.requests('groq').length, 4, 'one probe, and no other');
      await groqIs(third, 'healthy');
    });
  });

  describe('when a key is refused', () => {
    const scene = setScene({ providers, isolates: 2, sharedObjects: true });

    test('the provider is left alone by all, and named to the operator', async () => {
      scene.upstream.always('groq', badKey(`Incorrect key ${providerKey('groq')}`));
      const second = scene.gateway.freshClient();
      assert.equal((await scene.client.chat(askInOrder(['groq', 'cerebras']))).status, 200);
      const groq = await poll(async () => {
        const provider = await providerOf(second, 'groq');
        return provider.status === 'benched' ? provider : null;
      }, 'the bench');
      assert.equal(groq.reason, 'bad_key');
      assert.match(groq.message, /GROQ_API_KEY/);
      assert.ok(groq.cooldown_ms > 0 && groq.cooldown_ms <= 600_000);
      for (let i = 0; i < 4; i += 1) assert.equal((await second.chat(ask())).status, 200);
      assert.equal(scene.upstream.requests('groq').length, 1);
      assert.ok(!JSON.stringify(await providersOf(second)).includes(providerKey('groq')));
    });
  });
});

describe('GET /v1/providers', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], isolates: 3 });

  test('tells of each model that was used: its rate, its times, its last error and what is left', async () => {
    const left = { 'x-ratelimit-remaining-requests': '14321', 'x-ratelimit-remaining-tokens': '5999.5' };
    scene.upstream.always('groq', answer({ headers: left }));
    scene.upstream.script('groq', rateLimited({ 'retry-after': '0' }));
    for (let i = 0; i < 4; i += 1) await scene.client.chat(askInOrder(['groq', 'cerebras']));
    const groq = await modelOf(scene.client, 'groq');
    assert.equal(groq.last_error, 'rate_limited');
    assert.deepEqual([groq.requests_left, groq.tokens_left], [14321, 5999]);
    assert.deepEqual([groq.succeeded, groq.failed, groq.success_rate, groq.circuit, groq.status], [3, 0, 1, 'closed', 'healthy']);
    assert.ok(groq.first_token_ms >= 0);
    const list = await providersOf(scene.client);
    assert.deepEqual(list.filter(({ configured }) => configured).map(({ id }) => id).sort(), ['cerebras', 'groq']);
    assert.ok(list.length > 10, 'those that are off are there as well');
  });

  test('is for those with a key', async () => {
    assertError(await scene.client.send({ path: '/v1/providers', headers: { authorization: null } }), { status: 401, code: 'invalid_api_key' });
    assertError(await scene.client.send({ method: 'POST', path: '/v1/providers' }), { status: 405 });
  });
});

for (const [how, objects, otherWorkers] of [
  ['does not answer', 'Hangs', 'return new Promise((resolve) => setTimeout(resolve, 60_000));'],
  ['fails', 'Fails', 'throw new Error("out");'],
  ['says something else', 'Chats', 'return new Response("hello");'],
].map(([how, name, body]) => [how, { className: name, scriptName: 'elsewhere' }, [{
  name: 'elsewhere',
  modules: [{
    type: 'ESModule',
    path: 'elsewhere.js',
    contents: `export class ${name} { async fetch() { ${body} } } export default { fetch() { return new Response(); } };`,
  }],
  durableObjects: { OWN: { className: name, useSQLite: true } },
}]])) {
  describe(`with a health object that ${how}`, () => {
    const scene = setScene({
      providers: ['groq', 'cerebras'], isolates: 1, objects: { LEDGER: 'LedgerObject', HEALTH: objects }, otherWorkers,
    });

    test('requests go on, in turn, and avoid what this isolate itself saw fail', async () => {
      for (let i = 0; i < 10; i += 1) assert.equal((await scene.client.chat(ask())).status, 200);
      assert.deepEqual(scene.upstream.counts(), { groq: 5, cerebras: 5 });
      scene.upstream.always('groq', status(500));
      for (let i = 0; i < 10; i += 1) assert.equal((await scene.client.chat(askInOrder(['groq', 'cerebras']))).status, 200);
      assert.equal(scene.upstream.requests('groq').length, 5 + 3);
      assert.equal((await modelOf(scene.client, 'groq')).circuit, 'open', 'by the view of this isolate');
      await poll(() => /health_object_unreachable/.test(scene.gateway.logs()), 'line in the log');
      assert.ok(!scene.gateway.logs().includes(GATEWAY_KEY));
    });
  });
}

describe('with a health object that is slow to answer', () => {
  // Three times as slow as any request waits for it.
  const contents = `
    import { DurableObject } from 'cloudflare:workers';
    export class Slow extends DurableObject {
      async fetch(request) {
        const body = await request.text();
        await new Promise((resolve) => setTimeout(resolve, 300));
        return this.env.OWN.getByName('${OBJECT}').fetch(request.url, { method: 'POST', body });
      }
    }
    export default { fetch() { return new Response(); } };`;
  const scene = setScene({
    providers: ['groq', 'cerebras'],
    isolates: 2,
    objects: { LEDGER: 'LedgerObject', HEALTH: { className: 'Slow', scriptName: 'elsewhere' }, OWN: 'HealthObject' },
    otherWorkers: [{
      name: 'elsewhere',
      modules: [{ type: 'ESModule', path: 'elsewhere.js', contents }],
      durableObjects: {
        SLOW: { className: 'Slow', useSQLite: true },
        OWN: { className: 'HealthObject', scriptName: 'gateway-0', useSQLite: true },
      },
    }],
  });

  test('the failure that the last request of an isolate saw is told all the same', async () => {
    scene.upstream.always('groq', status(500));
    assert.equal((await scene.client.chat(askInOrder(['groq', 'cerebras']))).status, 200);
    const second = scene.gateway.freshClient();
    await poll(async () => (await modelOf(second, 'groq'))?.failed === 1, 'news of the failure');
  });
});

describe('without a health object', () => {
  const scene = setScene({ providers: ['groq', 'cerebras'], isolates: 1, objects: { LEDGER: 'LedgerObject' } });

  test('an isolate is alone with its view', async () => {
    for (let i = 0; i < 10; i += 1) assert.equal((await scene.client.chat(ask())).status, 200);
    assert.deepEqual(scene.upstream.counts(), { groq: 5, cerebras: 5 });
    assert.doesNotMatch(scene.gateway.logs(), /health_object/);
  });
});
