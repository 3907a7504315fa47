// What is drawn: the requests of the clients, and what a provider does with one of them. Both depend on the seed and on
// the request alone, so that a request goes wrong in the same way again, whatever happens beside it.

import { MODEL, ownModel } from '../harness/faults.mjs';
import { user } from '../harness/requests.mjs';
import { resetConnection } from '../upstream/behaviours.mjs';
import { largerThan, NO_ANSWER, refusesPrefills, SILENCE, STATUS, WITHIN } from '../upstream/faults.mjs';
import { pause } from '../upstream/steps.mjs';
import { LENGTH, story } from '../upstream/story.mjs';
import { between, pick, pickWeighted, randomOf, shuffled } from './random.mjs';

/** These take part in everything. */
export const MAIN = ['alpha', 'beta', 'gamma', 'delta'];
/** Its faults bench it for minutes, key and all, so it is no part of what the others do. */
export const BENCHED = 'omega';

const FAULT_RATE = 0.3;
const LEAVE_RATE = 0.03;
/** The cap of a reply, and the most that a stream may say before its first token. */
export const MAX_REPLY_BYTES = 30_000;
const TOO_LARGE_BYTES = 1024 * 1024 + 1;

const within = (random) => between(random, 1, LENGTH);

/** `[weight, [name, behaviour of the random numbers]]`. What keeps a provider away from all clients for long is rare. */
const FAULTS = [
  [6, ['429 with a short wait', () => STATUS.rateLimited({ 'retry-after-ms': '150' })]],
  [0.05, ['429', () => STATUS.rateLimited()]],
  [8, ['500', () => STATUS.serverError()]],
  [4, ['502', () => STATUS.badGateway()]],
  [6, ['503', () => STATUS.overloaded()]],
  [2, ['403', () => STATUS.forbidden()]],
  [2, ['too long', () => STATUS.contextTooLong()]],
  [2, ['content filter', () => STATUS.contentFiltered()]],
  [8, ['reset', () => resetConnection()]],
  [3, ['never answered', () => SILENCE.neverAnswer()]],
  [2, ['slow headers', () => SILENCE.slowLorisHead()]],
  [3, ['headers, then silence', () => SILENCE.headersThenSilence()]],
  [3, ['role, then silence', () => SILENCE.roleThenSilence()]],
  [6, ['empty', () => NO_ANSWER.empty()]],
  [4, ['html', () => NO_ANSWER.html()]],
  [6, ['error first', () => NO_ANSWER.errorFirst()]],
  [4, ['error behind the role', () => NO_ANSWER.errorBehindTheRole()]],
  [3, ['nothing said', () => NO_ANSWER.doneOnly()]],
  [3, ['no chunk', () => NO_ANSWER.noChunk()]],
  [3, ['broken JSON', () => NO_ANSWER.brokenJson()]],
  [5, ['cut before the first token', () => NO_ANSWER.cutBeforeTheFirstToken()]],
  [1, ['too large', () => largerThan(TOO_LARGE_BYTES)]],
  [12, ['cut', (random) => WITHIN.cutAfter(within(random))]],
  [6, ['ended', (random) => WITHIN.endAfter(within(random))]],
  [4, ['silent', (random) => WITHIN.silenceAfter(within(random))]],
  [4, ['torn event', (random) => WITHIN.tornEventAfter(within(random))]],
  [3, ['malformed event', (random) => WITHIN.malformedAfter(within(random))]],
  [4, ['error event', (random) => WITHIN.errorAfter(within(random))]],
  [4, ['no [DONE]', () => story({ done: false })]],
  [4, ['slow to begin', () => story({ first: [pause(200)] })]],
];
const BENCHING = [
  [1, ['401', () => STATUS.badKey()]],
  [1, ['402', () => STATUS.noCredit()]],
  [1, ['404', () => STATUS.modelNotFound()]],
];

/** What a provider does with its `nth` request for this question: `{name, behaviour}`. */
export function drawBehaviour(seed, question, provider, nth) {
  const random = randomOf(seed, question, provider, nth);
  if (random() >= FAULT_RATE) return { name: 'healthy', behaviour: healthy(provider) };
  const [name, make] = pickWeighted(random, provider === BENCHED ? BENCHING : FAULTS);
  return { name, behaviour: make(random) };
}

/** How a provider goes on with the beginning of an answer, as its row says; `delta`'s says so in vain. */
export const MEMBERS = { alpha: { prefill: 'assistant' }, gamma: { prefill: 'prefix' }, delta: { prefill: 'assistant' } };

const healthy = (provider) => (provider === 'delta' ? refusesPrefills() : story());

/** The `nth` request of a client: `{request, leaves}`. */
export function drawRequest(seed, client, nth) {
  const random = randomOf(seed, 'client', client, nth);
  const [first, ...others] = shuffled(random, MAIN);
  const pins = others.slice(0, between(random, 1, 3)).map((provider) => `${provider}/${MODEL}`);
  const names = pickWeighted(random, [
    [25, { model: `${first}/${MODEL}`, models: pins }],
    [25, { model: MODEL }],
    [20, { model: ownModel(first), models: [MODEL] }],
    [25, { model: 'auto' }],
    [5, { model: `${BENCHED}/${MODEL}`, models: pins }],
  ]);
  const stream = random() < 0.6;
  const leaves = random() < LEAVE_RATE;
  const request = {
    messages: [user(`question ${nth} of client ${client}`)],
    ...names,
    stream,
    ...pick(random, [{}, { temperature: 0 }, { seed: 7 }]),
    ...(stream && random() < 0.3 ? { stream_options: { include_usage: true } } : {}),
    project_id: leaves ? 'chaos-left' : 'chaos',
  };
  return { request, leaves };
}
