// A provider that answers with an error status, asked in every way: who is asked next, after which wait, and what the
// client gets. Both sides are checked, and the accounts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertGap, assertRefused, assertServed, setFaultScene, TOGETHER, WAYS } from './harness/faults.mjs';
import { STATUS } from './upstream/faults.mjs';

/** The least wait before the same candidate is tried again (`RETRY_MIN_MS` in src/routing/failover.rs). */
const RETRY_MIN_MS = 250;

const NEXT = 'b=200';

/**
 * What the sick one says, once or for ever, and the path of a request that pins it and of one that does not. `gapMs` is
 * how long a pinned one is left alone before it is asked again.
 */
const FAULTS = {
  'a 429 without Retry-After, once': { fault: STATUS.rateLimited(), once: true, pinned: `a=429 ${NEXT}`, auto: `a=429 ${NEXT}` },
  'a 429 without Retry-After, for ever': { fault: STATUS.rateLimited(), pinned: `a=429 ${NEXT}`, auto: `a=429 ${NEXT}` },
  'a 429 with a short Retry-After, once': {
    fault: STATUS.rateLimited({ 'retry-after': '1' }), once: true, pinned: 'a=429 a=200', gapMs: 1000, auto: `a=429 ${NEXT}`,
  },
  'a 429 with a short retry-after-ms, once': {
    fault: STATUS.rateLimited({ 'retry-after-ms': '400' }), once: true, pinned: 'a=429 a=200', gapMs: 400, auto: `a=429 ${NEXT}`,
  },
  'a 429 with a short Retry-After, for ever': {
    fault: STATUS.rateLimited({ 'retry-after': '1' }), pinned: `a=429 a=429 ${NEXT}`, gapMs: 1000, auto: `a=429 ${NEXT}`,
  },
  'a 429 with a long Retry-After': {
    fault: STATUS.rateLimited({ 'retry-after': '30' }), pinned: `a=429 ${NEXT}`, auto: `a=429 ${NEXT}`,
  },
  'a 500, once': { fault: STATUS.serverError(), once: true, pinned: 'a=500 a=200', gapMs: RETRY_MIN_MS, auto: `a=500 ${NEXT}` },
  'a 500, for ever': { fault: STATUS.serverError(), pinned: `a=500 a=500 ${NEXT}`, gapMs: RETRY_MIN_MS, auto: `a=500 ${NEXT}` },
  'a 502, once': { fault: STATUS.badGateway(), once: true, pinned: 'a=502 a=200', gapMs: RETRY_MIN_MS, auto: `a=502 ${NEXT}` },
  'a 503, for ever': { fault: STATUS.overloaded(), pinned: `a=503 a=503 ${NEXT}`, gapMs: RETRY_MIN_MS, auto: `a=503 ${NEXT}` },
  'a 401': { fault: STATUS.badKey(), pinned: `a=401 ${NEXT}`, auto: `a=401 ${NEXT}` },
  'a 402': { fault: STATUS.noCredit(), pinned: `a=402 ${NEXT}`, auto: `a=402 ${NEXT}` },
  'a 403': { fault: STATUS.forbidden(), pinned: `a=403 ${NEXT}`, auto: `a=403 ${NEXT}` },
  'a 404': { fault: STATUS.modelNotFound(), pinned: `a=404 ${NEXT}`, auto: `a=404 ${NEXT}` },
};

describe('the next one answers after', TOGETHER, () => {
  const scene = setFaultScene({ isolates: Object.keys(FAULTS).length * WAYS.length });
  for (const [name, { fault, once, pinned, auto, gapMs }] of Object.entries(FAULTS)) {
    for (const way of WAYS) {
      test(`${name} (${way.name})`, async () => {
        const play = scene.play(way);
        play.script(once ? [fault] : fault);
        await assertServed(play, await play.chat(), way.pinned ? pinned : auto);
        if (way.pinned && gapMs !== undefined) assertGap(play, 1, gapMs);
      });
    }
  }
});

describe('nobody else is asked after', TOGETHER, () => {
  const scene = setFaultScene({ isolates: 2 * WAYS.length });
  const FINAL = {
    'a prompt that is too long for all windows': {
      fault: STATUS.contextTooLong(), status: 400, code: 'context_length_exceeded', errorClass: 'context_length', message: /too long/,
    },
    'a refusal by a content filter': {
      fault: STATUS.contentFiltered(), status: 400, code: 'content_filter', errorClass: 'content_filter', message: /content policy/,
    },
  };
  for (const [name, { fault, ...expected }] of Object.entries(FINAL)) {
    for (const way of WAYS) {
      test(`${name} (${way.name})`, async () => {
        const play = scene.play(way);
        play.script(fault);
        await assertRefused(play, await play.chat(), { path: 'a=400', ...expected });
      });
    }
  }
});

describe('a prompt that is too long for one window', () => {
  const rows = { alpha: { context_window: 8_192 }, beta: { context_window: 8_192 } };
  const scene = setFaultScene({ rows, isolates: WAYS.length });
  for (const way of WAYS.filter(({ pinned }) => pinned)) {
    test(`goes to a larger one, past those that are none (${way.name})`, async () => {
      const play = scene.play(way);
      play.script(STATUS.contextTooLong());
      await assertServed(play, await play.chat(), 'a=400 b=200');
      assert.deepEqual(play.records.map(({ provider }) => provider), ['alpha', 'gamma']);
    });
  }
});
