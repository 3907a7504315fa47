// A provider that fails before the first token in any other way than by a status: no connection, silence, a 200 that is no
// answer. Nothing has been promised to the client yet, so the next one answers, and nothing of the first one is left.

import { describe, test } from 'node:test';
import { ALPHA_FIRST, assertGap, assertServed, setFaultScene, setImpatientScene, TOGETHER, WAYS } from './harness/faults.mjs';
import { resetConnection } from './upstream/behaviours.mjs';
import { largerThan, late, NO_ANSWER, SILENCE, STATUS } from './upstream/faults.mjs';
import { gate } from './upstream/steps.mjs';

/** The least wait before the same candidate is tried again (`RETRY_MIN_MS` in src/routing/failover.rs). */
const RETRY_MIN_MS = 250;
/** Stands for the 30 s of a first token and the two minutes of a reply. */
const TIMEOUT_MS = 700;
const MAX_REPLY_BYTES = 20_000;
/** The most that a stream may say before its first token (`MAX_GATE_BYTES` in src/sse/gate.rs). */
const MAX_GATE_BYTES = 1024 * 1024;

describe('the next one answers after a connection', TOGETHER, () => {
  const scene = setFaultScene({ isolates: 2 * WAYS.length });
  for (const [name, once, pinned, auto] of [
    ['that was reset before headers, once', true, 'a=connect a=200', 'a=connect b=200'],
    ['that is reset before headers, for ever', false, 'a=connect a=connect b=200', 'a=connect b=200'],
  ]) {
    for (const way of WAYS) {
      test(`${name} (${way.name})`, async () => {
        const play = scene.play(way);
        play.script(once ? [resetConnection()] : resetConnection());
        await assertServed(play, await play.chat(), way.pinned ? pinned : auto);
        if (way.pinned) assertGap(play, 1, RETRY_MIN_MS);
      });
    }
  }
});

describe('the next one answers after a 200', TOGETHER, () => {
  const FAULTS = {
    'with nothing in it': { fault: NO_ANSWER.empty(), outcome: 'invalid_reply' },
    'that is an HTML page': { fault: NO_ANSWER.html(), outcome: 'invalid_reply' },
    'that is an error': { fault: NO_ANSWER.errorFirst(), outcome: 'invalid_reply' },
    'that is an error behind a role': { fault: NO_ANSWER.errorBehindTheRole(), outcome: 'invalid_reply' },
    'that ends before it says anything': { fault: NO_ANSWER.doneOnly(), outcome: 'invalid_reply' },
    'that is JSON of another kind': { fault: NO_ANSWER.noChunk(), outcome: 'invalid_reply' },
    'that is broken JSON': { fault: NO_ANSWER.brokenJson(), outcome: 'invalid_reply' },
    'that is larger than the cap': { fault: largerThan(MAX_GATE_BYTES + 1), outcome: 'invalid_reply' },
  };
  const scene = setFaultScene({ vars: { MAX_REPLY_BYTES: String(MAX_REPLY_BYTES) }, isolates: (Object.keys(FAULTS).length + 1) * WAYS.length });
  for (const [name, { fault, outcome }] of Object.entries(FAULTS)) {
    for (const way of WAYS) {
      test(`${name} (${way.name})`, async () => {
        const play = scene.play(way);
        play.script(fault);
        await assertServed(play, await play.chat(), `a=${outcome} b=200`);
      });
    }
  }
  for (const way of WAYS) {
    test(`that is cut off before its first token (${way.name})`, async () => {
      const play = scene.play(way);
      play.script(NO_ANSWER.cutBeforeTheFirstToken());
      const { stream } = way.fields;
      const pinned = stream ? 'a=stream_cut b=200' : 'a=connect a=connect b=200';
      await assertServed(play, await play.chat(), way.pinned ? pinned : `a=${stream ? 'stream_cut' : 'connect'} b=200`);
    });
  }
});

describe('the next one answers, and the first one is given up, after', TOGETHER, () => {
  const FAULTS = {
    'a request that was accepted and is never answered': SILENCE.neverAnswer(),
    'headers that come byte by byte': SILENCE.slowLorisHead(),
    'headers and nothing behind them': SILENCE.headersThenSilence(),
    'headers, a role and nothing behind them': SILENCE.roleThenSilence(),
  };
  const scene = setImpatientScene(TIMEOUT_MS, { isolates: (Object.keys(FAULTS).length + 1) * WAYS.length });
  for (const [name, fault] of Object.entries(FAULTS)) {
    for (const way of WAYS) {
      test(`${name} (${way.name})`, async () => {
        const play = scene.play(way, ALPHA_FIRST);
        play.script(fault);
        await assertServed(play, await play.chat(), 'a=timeout b=200');
        await play.aborted(1);
      });
    }
  }
  for (const way of WAYS) {
    test(`a first token that comes too late (${way.name})`, async () => {
      const tooLate = gate();
      const play = scene.play(way, ALPHA_FIRST);
      play.script(late(tooLate));
      const reply = await play.chat();
      tooLate.open();
      await assertServed(play, reply, 'a=timeout b=200');
      await play.aborted(1);
    });
  }
});

describe('a first token that comes late but in time', TOGETHER, () => {
  const scene = setFaultScene({ isolates: WAYS.length });
  for (const way of WAYS) {
    test(`is waited for (${way.name})`, async () => {
      const inTime = gate();
      const play = scene.play(way);
      play.script(late(inTime));
      const reply = play.chat();
      await play.received(1);
      inTime.open();
      await assertServed(play, await reply, 'a=200');
    });
  }
});

describe('the third one answers', TOGETHER, () => {
  const patientScene = setFaultScene({ isolates: WAYS.length });
  const impatientScene = setImpatientScene(TIMEOUT_MS, { isolates: WAYS.length });
  for (const [name, scene, faults, pinned, auto] of [
    ['a server error and an empty 200', patientScene, [STATUS.serverError(), NO_ANSWER.empty()], 'a=500 a=500 b=invalid_reply c=200', 'a=500 b=invalid_reply c=200'],
    ['silence and a rate limit', impatientScene, [SILENCE.neverAnswer(), STATUS.rateLimited()], 'a=timeout b=429 c=200', 'a=timeout b=429 c=200'],
  ]) {
    for (const way of WAYS) {
      test(`when two fail at once: ${name} (${way.name})`, async () => {
        const play = scene.play(way, ALPHA_FIRST);
        play.script(...faults);
        await assertServed(play, await play.chat(), way.pinned ? pinned : auto);
      });
    }
  }
});
