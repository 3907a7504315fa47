// A client that reads nothing for a while, of a provider that goes silent or breaks off meanwhile: when it reads on it gets
// every byte that came before, and is told that more should have come. And a provider whose client is slow is not called silent.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { poll } from './harness/gateway.mjs';
import { setNumberedScene } from './harness/numbered.mjs';
import { dataOf } from './harness/sse.mjs';
import { content, DONE, finish, role } from './upstream/lean.mjs';
import { FORMS, told } from './upstream/pieces.mjs';
import { destroyed, endOfBody, gate, hold, silence } from './upstream/steps.mjs';

const IDLE_MS = 500;
/** Nobody goes on with a piece of JSON. */
const ALONE = { response_format: { type: 'json_object' } };
const RELAYS = { 'relayed natively': 'alpha', rewritten: 'beta' };
const texts = (count, length) => Array.from({ length: count }, (_, n) => `${n} ${'ü'.repeat(length)}`);
const data = FORMS['with LF'];

describe('a client that reads nothing while its provider', () => {
  const scene = setNumberedScene({ vars: { STREAM_IDLE_TIMEOUT_MS: String(IDLE_MS), REASONING_STREAM_IDLE_TIMEOUT_MS: String(IDLE_MS) } });
  const faults = { 'goes silent': silence(), 'breaks off': destroyed(), 'ends too early': endOfBody() };

  for (const [how, provider] of Object.entries(RELAYS)) {
    for (const [name, fault] of Object.entries(faults)) {
      test(`${name} gets all that came before, and an error event (${how})`, async () => {
        const events = data([role('a'), ...texts(40, 40_000).map((text) => content('a', text))]);
        const seen = gate();
        let record;
        const behaviour = (exchange) => {
          record = exchange.record;
          return told([Buffer.concat(events.slice(0, 2))], hold(seen), async (stream) => {
            for (const event of events.slice(2)) await stream.exchange.chunk(event);
          }, fault)(exchange);
        };
        const connection = await scene.begin({ [provider]: behaviour }, { model: `${provider}/${name}`, ...ALONE });
        await connection.until(() => connection.body.length > 0, 'its first token');
        connection.stopReading();
        seen.open();
        await scene.upstream.waitFor(() => record.ended || record.aborted, 'the end of it');
        connection.readOn();
        const reply = await connection.finished();
        const all = Buffer.concat(events);
        assert.ok(reply.body.subarray(0, all.length).equals(all), `${reply.body.length} bytes of ${all.length}`);
        const [last, ...more] = dataOf(reply.body.subarray(all.length).toString('utf8'));
        assert.equal(JSON.parse(last).error.code, 'stream_cut');
        assert.deepEqual(more, []);
        assert.equal((await scene.gateway.row(reply.headers['x-request-id'])).error_class, 'stream_cut');
      });
    }

    test(`has more to say than fits anywhere gets all of it, however long that takes (${how})`, async () => {
      const events = data([role('a'), ...texts(240, 50_000).map((text) => content('a', text)), finish('a'), DONE]);
      const seen = gate();
      let record;
      const behaviour = (exchange) => {
        record = exchange.record;
        return told(events.slice(0, 2), hold(seen), async (stream) => {
          for (const event of events.slice(2)) await stream.exchange.chunk(event);
        })(exchange);
      };
      const connection = await scene.begin({ [provider]: behaviour }, { model: `${provider}/large` });
      await connection.until(() => connection.body.length > 0, 'its first token');
      connection.stopReading();
      // Else a client on a busy machine has all of it before it stops.
      seen.open();
      // All buffers are full when it could write nothing for much longer than it may be silent.
      let [before, since] = [-1, performance.now()];
      await poll(() => {
        if (record.sent.length > before) [before, since] = [record.sent.length, performance.now()];
        return performance.now() - since > 4 * IDLE_MS;
      }, 'time without a write');
      // How much the kernel keeps is the machine's: at times it is all of it. That the provider is held, tests/bench/slow-readers sees.
      assert.equal(record.aborted, false, `${record.sent.length} bytes were sent`);
      connection.readOn();
      const reply = await connection.finished();
      assert.ok(reply.body.equals(Buffer.concat(events)), `${reply.body.length} bytes; ${reply.text.slice(-300)}`);
      assert.equal((await scene.gateway.row(reply.headers['x-request-id'])).error_class, null);
    });
  }
});
