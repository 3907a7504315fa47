// What is drawn for the soak: what the `nth` request is, and what a provider does with it. Both depend on the seed and on
// the request alone, so that two runs ask for the same things in the same order. There is no silence in it: nobody waits.

import { LENGTH, questionFor, story } from '../../tests/e2e/upstream/story.mjs';
import { NO_ANSWER, STATUS, WITHIN } from '../../tests/e2e/upstream/faults.mjs';
import { MODEL, ownModel } from '../../tests/e2e/harness/faults.mjs';
import { user } from '../../tests/e2e/harness/requests.mjs';
import { between, pick, pickWeighted, randomOf } from '../../tests/e2e/chaos/random.mjs';
import { resetConnection } from '../../tests/e2e/upstream/behaviours.mjs';

/** `alpha` and `gamma` are relayed natively, `beta`'s streams are rewritten. */
export const PROVIDERS = ['alpha', 'beta', 'gamma'];
export const PROJECTS = ['soak-a', 'soak-b', 'soak-c'];
/** What the models of all of them can, so that everything may go everywhere. */
export const MODELS = { context_window: 1_000_000, capabilities: ['vision', 'tools', 'json_object'] };
const FAULT_RATE = 0.05;
const KB = 1024;
/** One request of so many has an image. */
const IMAGE_EACH = 100;
/** One of so many has one of 8 MB. Two of these never meet. */
const PHOTO_EACH = 500;
const IMAGE_BYTES = 256 * KB;
const PHOTO_BYTES = 8 * KB * KB;
const CONVERSATION_TURNS = 20;

const within = (random) => between(random, 1, LENGTH);
const FAULTS = [
  [3, () => STATUS.serverError()],
  [3, () => STATUS.overloaded()],
  [2, () => STATUS.rateLimited({ 'retry-after-ms': '50' })],
  [2, () => STATUS.forbidden()],
  [3, () => resetConnection()],
  [2, () => NO_ANSWER.empty()],
  [2, () => NO_ANSWER.html()],
  [2, () => NO_ANSWER.errorFirst()],
  [1, () => NO_ANSWER.brokenJson()],
  [6, (random) => WITHIN.cutAfter(within(random))],
  [3, (random) => WITHIN.endAfter(within(random))],
  [3, (random) => WITHIN.errorAfter(within(random))],
  [3, (random) => WITHIN.tornEventAfter(within(random))],
];

/** What a provider does with its `nth` request for this question. */
export function drawBehaviour(seed, question, provider, nth) {
  const random = randomOf(seed, question, provider, nth);
  return random() < FAULT_RATE ? pickWeighted(random, FAULTS)(random) : story();
}

const image = (bytes) => user([
  { type: 'text', text: 'What is this?' },
  { type: 'image_url', image_url: { url: `data:image/png;base64,${'QUJD'.repeat(bytes / 4)}` } },
]);
const conversation = Array.from({ length: CONVERSATION_TURNS }, (_, turn) => ({
  role: turn % 2 === 0 ? 'user' : 'assistant', content: 'word '.repeat(200),
}));

const KINDS = [
  [450, 'chat'],
  [100, 'conversation'],
  [300, 'stream'],
  [40, 'left'],
  [40, 'refused'],
  [70, 'get'],
];
const PATHS = ['/v1/models', `/v1/models/${MODEL}`, '/v1/providers', '/health', ...PROJECTS.map((id) => `/v1/analytics?project_id=${id}`)];
/** Requests that no provider hears of, with the status of their answer. */
const REFUSED = [
  { request: '{"model": "auto", "messages": [', expected: 400 },
  { request: { model: MODEL }, expected: 400 },
  { request: { model: 'no-such-model', messages: [user('Hello')] }, expected: 404 },
  { request: { model: MODEL, messages: [user('Hello')] }, headers: { authorization: 'Bearer sk-wrong' }, expected: 401 },
];

/** The `nth` request, from 1: `{kind, request, path, headers, expected}`, of these what its kind needs. */
export function drawRequest(seed, nth) {
  const random = randomOf(seed, 'request', nth);
  const before = nth % PHOTO_EACH === 0 ? [image(PHOTO_BYTES)] : nth % IMAGE_EACH === 0 ? [image(IMAGE_BYTES)] : [];
  const kind = before.length > 0 ? 'chat' : pickWeighted(random, KINDS);
  if (kind === 'get') return { kind, path: pick(random, PATHS) };
  if (kind === 'refused') return { kind, ...pick(random, REFUSED) };
  if (kind === 'conversation') before.push(...conversation);
  const provider = pick(random, PROVIDERS);
  const names = pick(random, [{ model: MODEL }, { model: 'auto' }, { model: `${provider}/${MODEL}`, models: [MODEL] }, { model: ownModel(provider), models: [MODEL] }]);
  const stream = kind === 'stream' || kind === 'left';
  const request = {
    messages: [...before, user(questionFor(`question ${nth}`, between(random, 10, LENGTH)))],
    ...names,
    stream,
    ...(stream && random() < 0.3 ? { stream_options: { include_usage: true } } : {}),
    ...pick(random, [{}, { temperature: 0 }]),
    project_id: pick(random, PROJECTS),
  };
  return { kind, request };
}
