// Every provider fails. The client gets one true status for all that was tried, which tells whether trying again is of
// any use; never a 500, and never another party's 401.

import { describe, test } from 'node:test';
import { ALPHA_FIRST, assertRefused, setFaultScene, setImpatientScene, TOGETHER, WAYS } from './harness/faults.mjs';
import { resetConnection } from './upstream/behaviours.mjs';
import { NO_ANSWER, SILENCE, STATUS } from './upstream/faults.mjs';

/** Stands for the 30 s of a first token and the two minutes of a reply. */
const TIMEOUT_MS = 500;

/** One of three attempts each, and where a pinned one is tried again two. */
const once = (outcome) => ['a', 'b', 'c'].map((letter) => `${letter}=${outcome}`).join(' ');
const twice = (outcome) => ['a', 'b', 'c'].map((letter) => `${letter}=${outcome} ${letter}=${outcome}`).join(' ');

const IN_VAIN = { 'x-should-retry': 'false' };

const LADDER = {
  'refused keys': { fault: STATUS.badKey(), paths: once('401'), status: 502, code: 'provider_authentication_failed', errorClass: 'bad_key', headers: IN_VAIN },
  'missing rights': { fault: STATUS.forbidden(), paths: once('403'), status: 502, code: 'provider_authentication_failed', errorClass: 'bad_key', headers: IN_VAIN },
  'no credit': { fault: STATUS.noCredit(), paths: once('402'), status: 502, code: 'provider_billing_failed', errorClass: 'billing', headers: IN_VAIN },
  'missing models': { fault: STATUS.modelNotFound(), paths: once('404'), status: 404, code: 'model_not_found', errorClass: 'model_unavailable' },
  'rate limits that say how long': {
    fault: STATUS.rateLimited({ 'retry-after': '30' }), paths: once('429'), status: 429, code: 'rate_limit_exceeded', errorClass: 'rate_limited',
    headers: { 'retry-after': '30' },
  },
  'rate limits that are longer than an SDK waits': {
    fault: STATUS.rateLimited({ 'retry-after': '3600' }), paths: once('429'), status: 429, code: 'rate_limit_exceeded', errorClass: 'rate_limited',
    headers: { 'retry-after': '3600', ...IN_VAIN },
  },
  'rate limits that do not say how long': {
    fault: STATUS.rateLimited(), paths: once('429'), status: 429, code: 'rate_limit_exceeded', errorClass: 'rate_limited', headers: { 'retry-after': '10' },
  },
  'server errors': { fault: STATUS.serverError(), paths: [twice('500'), once('500')], status: 502, code: 'provider_error', errorClass: 'server_error' },
  'overload': { fault: STATUS.overloaded(), paths: [twice('503'), once('503')], status: 503, code: 'provider_overloaded', errorClass: 'overloaded' },
  'resets': { fault: resetConnection(), paths: [twice('connect'), once('connect')], status: 502, code: 'provider_error', errorClass: 'connect' },
  'empty replies': { fault: NO_ANSWER.empty(), paths: once('invalid_reply'), status: 502, code: 'provider_error', errorClass: 'invalid_reply' },
  'HTML pages': { fault: NO_ANSWER.html(), paths: once('invalid_reply'), status: 502, code: 'provider_error', errorClass: 'invalid_reply' },
};

const MIXED = {
  'a refused key and a server error are no 401': {
    faults: [STATUS.badKey(), STATUS.serverError(), STATUS.badKey()], pinned: 'a=401 b=500 b=500 c=401', auto: 'a=401 b=500 c=401',
    status: 502, code: 'provider_error', errorClass: 'bad_key',
  },
  'a rate limit and a timeout are neither': {
    impatient: true, faults: [SILENCE.neverAnswer(), STATUS.rateLimited(), STATUS.rateLimited()], pinned: 'a=timeout b=429 c=429', auto: 'a=timeout b=429 c=429',
    status: 502, code: 'provider_error', errorClass: 'rate_limited',
  },
  'a prompt that is too long for the last two leaves the story of the first': {
    faults: [STATUS.overloaded(), STATUS.contextTooLong(), STATUS.contextTooLong()], pinned: 'a=503 a=503 b=400', auto: 'a=503 b=400',
    status: 503, code: 'provider_overloaded', errorClass: 'context_length',
  },
};

describe('every provider fails', TOGETHER, () => {
  const scene = setFaultScene({ isolates: Object.keys(LADDER).length * WAYS.length });
  for (const way of WAYS) {
    for (const [name, { fault, paths, ...expected }] of Object.entries(LADDER)) {
      test(`because of ${name} (${way.name})`, async () => {
        const play = scene.play(way);
        play.script(fault, fault, fault);
        const [pinned, auto] = [paths].flat();
        await assertRefused(play, await play.chat(), { path: way.pinned ? pinned : auto ?? pinned, ...expected });
      });
    }
  }
});

describe('every provider fails in another way:', TOGETHER, () => {
  const patientScene = setFaultScene({ isolates: Object.keys(MIXED).length * WAYS.length });
  const impatientScene = setImpatientScene(TIMEOUT_MS, { isolates: WAYS.length });
  for (const way of WAYS) {
    for (const [name, { impatient, faults, pinned, auto, ...expected }] of Object.entries(MIXED)) {
      test(`${name} (${way.name})`, async () => {
        const play = (impatient ? impatientScene : patientScene).play(way, ALPHA_FIRST);
        play.script(...faults);
        await assertRefused(play, await play.chat(), { path: way.pinned ? pinned : auto, ...expected });
      });
    }
  }
});

describe('every provider is silent', TOGETHER, () => {
  const vars = { FIRST_TOKEN_TIMEOUT_MS: String(TIMEOUT_MS), REQUEST_TIMEOUT_MS: String(TIMEOUT_MS) };
  const scene = setFaultScene({ vars, isolates: WAYS.length });
  for (const way of WAYS) {
    test(`and that is a 504 (${way.name})`, async () => {
      const play = scene.play(way);
      play.script(...Array(3).fill(SILENCE.neverAnswer()));
      await assertRefused(play, await play.chat(), { path: once('timeout'), status: 504, code: 'provider_timeout', errorClass: 'timeout' });
    });
  }
});
