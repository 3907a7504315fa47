// A stream that fails after it has begun, and nobody may go on with it, since it is to be JSON: the client has a part of
// the answer, and is told that it is one. Looked at are the bytes: in workerd a body that broke off ends like a whole one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertPartial, assertRow, assertServed, MODEL, setFaultScene, TOGETHER, WAYS } from './harness/faults.mjs';
import { dataOf } from './harness/sse.mjs';
import { WITHIN } from './upstream/faults.mjs';
import { story } from './upstream/story.mjs';

/** Stands for the 20 s that a stream may be silent; all others write theirs in one go. */
const IDLE = { STREAM_IDLE_TIMEOUT_MS: '1500' };

/** `alpha`'s streams are relayed natively, `beta`'s are rewritten. */
const RELAYS = ['alpha', 'beta'].map((provider) => ({
  name: provider === 'alpha' ? 'relayed natively' : 'rewritten', native: provider === 'alpha', fields: { model: `${provider}/${MODEL}`, stream: true, response_format: { type: 'json_object' } },
}));

describe('a stream that nobody can go on with ends with an error event', TOGETHER, () => {
  const FAULTS = {
    'cut after 40 of 60 tokens': { fault: WITHIN.cutAfter(40), said: 40 },
    'ended by HTTP after 40 of 60 tokens': { fault: WITHIN.endAfter(40), said: 40 },
    'cut within an event': { fault: WITHIN.tornEventAfter(40), said: 40, torn: true },
    'silent after 20 tokens': { fault: WITHIN.silenceAfter(20), said: 20, aborted: true, message: /silent/ },
    'cut after its first token': { fault: WITHIN.cutAfter(1), said: 1 },
    'cut before its last token': { fault: WITHIN.cutAfter(59), said: 59 },
    'cut behind its last token': { fault: WITHIN.cutAfter(60), said: 60 },
  };
  const scene = setFaultScene({ vars: IDLE, isolates: (Object.keys(FAULTS).length + 2) * RELAYS.length });
  for (const [name, { fault, said, aborted, message, torn }] of Object.entries(FAULTS)) {
    for (const relay of RELAYS) {
      test(`${name} (${relay.name})`, async () => {
        const play = scene.play(relay);
        play.script(fault);
        await assertPartial(play, await play.chat(), { path: 'a=stream_cut', said, message, torn: torn && relay.native });
        if (aborted) await play.aborted();
      });
    }
  }

  for (const [name, fault, errorClass] of [
    ['with an error event in its middle', WITHIN.errorAfter(30), 'stream_cut'],
    ['with a malformed event in its middle', WITHIN.malformedAfter(30), 'invalid_reply'],
  ]) {
    for (const relay of RELAYS) {
      test(`${name}${relay.native ? ', which is the provider\'s own' : ''} (${relay.name})`, async () => {
        const play = scene.play(relay);
        play.script(fault);
        const reply = await play.chat();
        if (!relay.native) return assertPartial(play, reply, { path: 'a=stream_cut', said: 30 });
        assert.ok(reply.text.startsWith(play.records[0].sent.toString()), 'its bytes have reached the client');
        assert.throws(() => assertNoFault(reply), 'and a client\'s parser tells');
        assert.ok(!reply.text.includes('"finish_reason":"stop"'), 'and nothing says that it ended well');
        await assertRow(play, reply, { status: 200, error_class: errorClass, attempts: 1, trail: `${play.records[0].provider}/${MODEL}=${errorClass}` });
      });
    }
  }
});

/** What an SDK does: it reads every event as JSON, and raises what has an error in it. */
function assertNoFault(reply) {
  for (const data of dataOf(reply.text).filter((data) => data !== '[DONE]')) assert.equal(JSON.parse(data).error, undefined);
}

describe('a whole stream without its [DONE]', TOGETHER, () => {
  const scene = setFaultScene({ isolates: RELAYS.length + WAYS.length });
  for (const way of [...WAYS.filter(({ fields }) => fields.stream), ...RELAYS]) {
    test(`gets it, once (${way.name})`, async () => {
      const play = scene.play(way);
      play.script(story({ done: false }));
      await assertServed(play, await play.chat(), 'a=200');
    });
  }
});
