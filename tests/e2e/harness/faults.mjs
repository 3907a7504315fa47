// The stage of the fault suites: three providers that offer the same model, the ways to ask for it, and what must be true
// on both sides. What a request went through is written as its path: `a=500 a=200 b=200` are attempts in order, `a` being
// whoever was asked first.

import assert from 'node:assert/strict';
import { usageInLastChoice } from '../upstream/behaviours.mjs';
import { CREATED } from '../upstream/payloads.mjs';
import { idOf, LENGTH, questionFor, questionOf, story, storyOf, storyTokens, usageOf } from '../upstream/story.mjs';
import { assertError, user } from './requests.mjs';
import { setScene } from './scene.mjs';
import { dataOf, readStream } from './sse.mjs';

/** `alpha` and `gamma` are relayed natively, `beta`'s streams are rewritten, as their usage comes in a chunk of its own. */
export const PROVIDERS = ['alpha', 'beta', 'gamma'];
export const MODEL = 'story';
/** The provider's own name for a model. */
export const ownName = (provider, model = MODEL) => `${provider}/${model}-1`;

/** A model that this provider alone has. */
export const ownModel = (provider) => `${provider}-only`;

/** `GATEWAY_CONFIG` of the providers; `rows` has more fields of a provider's models, `members` of the provider itself. */
export function gatewayConfig(upstream, providers = PROVIDERS, { rows = {}, members = {} } = {}) {
  const model = (id, provider) => ({
    id, upstream_id: ownName(provider, id), context_window: 32_768, input_usd_per_mtok: 1, output_usd_per_mtok: 2, ...rows[provider],
  });
  return JSON.stringify({
    providers: Object.fromEntries(providers.map((id) => [id, {
      base_url: upstream.baseUrl(id),
      key: `${id.toUpperCase()}_API_KEY`,
      stream_usage: usageInLastChoice(id) ? 'in_last_choice' : 'trailing',
      // Their streams are OpenAI's: what need not be rewritten is relayed natively.
      mends: [],
      models: [model(MODEL, id), model(ownModel(id), id)],
      ...members[id],
    }])),
  });
}

/** Tests of a suite that run at the same time: most of each is waiting. */
export const TOGETHER = { concurrency: 8 };

let questions = 0;

/** A scene of these providers, whose tests may run together: each one is a `Play`. See `setScene`. */
export function setFaultScene({ providers = PROVIDERS, rows, members, vars = {}, ...options } = {}) {
  const plays = new Map();
  const scene = setScene({
    providers,
    vars: (upstream) => {
      upstream.everywhere((exchange) => plays.get(questionOf(exchange.json)).answer(exchange));
      return { GATEWAY_CONFIG: gatewayConfig(upstream, providers, { rows, members }), AUTO_MODELS: MODEL, ...vars };
    },
    together: true,
    ...options,
  });
  /**
   * A new play: a question of its own, asked in this way with more `fields`, for a story of `length` tokens, by a client
   * with an isolate of its own if none is given.
   */
  scene.play = (way, { fields, length, client = scene.gateway.freshClient() } = {}) => {
    const play = new Play(scene, { messages: [user(questionFor(`question ${(questions += 1)}`, length))], ...way.fields, ...fields }, client);
    plays.set(questionOf(play.request), play);
    return play;
  };
  return scene;
}

/**
 * A scene for faults that take time: only alpha's times are short, so whoever answers after it cannot be too slow for
 * them, however slow the machine is. It must be asked first: `ALPHA_FIRST`.
 */
export function setImpatientScene(timeoutMs, scene) {
  const thinks = { capabilities: ['reasoning', 'tools', 'json_object'] };
  const names = ['FIRST_TOKEN_TIMEOUT_MS', 'REQUEST_TIMEOUT_MS'];
  const vars = Object.fromEntries(names.flatMap((name) => [[name, String(timeoutMs)], [`REASONING_${name}`, '120000']]));
  return setFaultScene({ ...scene, vars, rows: { beta: thinks, gamma: thinks } });
}

/** Fields of a play for such a scene. */
export const ALPHA_FIRST = { fields: { provider: { order: ['alpha'] } } };

/** Each way to ask. */
export const WAYS = [false, true].flatMap((stream) => [
  { name: `pinned with a fallback${stream ? ', streamed' : ''}`, pinned: true, fields: { model: `alpha/${MODEL}`, models: [`beta/${MODEL}`, `gamma/${MODEL}`], stream } },
  { name: `auto${stream ? ', streamed' : ''}`, pinned: false, fields: { model: 'auto', stream } },
]);

/** One request, what the providers do with it, and what they saw of it. */
class Play {
  #scene;
  #scripts = [];
  #asked = [];
  #always = new Map();

  constructor(scene, request, client) {
    this.#scene = scene;
    this.client = client;
    this.request = request;
  }

  /**
   * What the first, the second, ... provider that is asked does: a behaviour for ever, or a list, one for each request
   * and the story behind it. All others tell the story.
   */
  script(...scripts) {
    this.#scripts = scripts.map((script) => (Array.isArray(script) ? [...script] : script));
  }

  /** What this provider does, whoever is asked first. */
  always(provider, behaviour) {
    this.#always.set(provider, behaviour);
  }

  answer(exchange) {
    const { provider } = exchange.record;
    if (!this.#asked.includes(provider)) this.#asked.push(provider);
    if (this.#always.has(provider)) return this.#always.get(provider)(exchange);
    const script = this.#scripts[this.#asked.indexOf(provider)] ?? [];
    return (Array.isArray(script) ? script.shift() ?? story() : script)(exchange);
  }

  /** The requests that the providers saw, in order. */
  get records() {
    return this.#scene.upstream.requests().filter(({ json }) => questionOf(json) === questionOf(this.request));
  }

  chat(headers) {
    return this.client.chat(this.request, headers);
  }

  /** Resolves when the providers have seen `n` attempts. */
  received(n) {
    return this.#scene.upstream.waitFor(() => this.records[n - 1], `attempt ${n}`);
  }

  /** Resolves when the gateway has left a provider before its answer ended. */
  aborted(n = 1) {
    return this.#scene.upstream.waitFor(() => this.records[n - 1]?.aborted, `an abort of attempt ${n}`);
  }

  row(reply) {
    return this.#scene.gateway.row(reply.headers['x-request-id']);
  }
}

/** The providers of a path, and what came of each attempt. */
function parsePath(path, records) {
  const letters = [...new Set(records.map(({ provider }) => provider))];
  return path.split(' ').map((step) => {
    const [letter, outcome] = step.split('=');
    return { provider: letters['abc'.indexOf(letter)], outcome };
  });
}

const trailText = (attempts) => attempts.map(({ provider, outcome }) => `${provider}/${MODEL}=${outcome}`).join('; ');

/** What both sides saw of the path; returns its attempts. */
function assertPath(play, reply, path) {
  const { records } = play;
  const attempts = parsePath(path, records);
  assert.equal(reply.headers['x-gateway-trail'], trailText(attempts), 'what the client is told of the attempts');
  assert.deepEqual(records.map(({ provider }) => provider), attempts.map(({ provider }) => provider), 'what the providers saw');
  assert.equal(reply.headers['x-gateway-attempts'], String(attempts.length));
  return attempts;
}

/** Checks a row of the accounts: the fields of `expected` alone. */
export async function assertRow(play, reply, expected) {
  const row = await play.row(reply);
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, row[name]])), expected);
  return row;
}

/** The client has the whole story, and it is told and booked as what it is. */
export async function assertServed(play, reply, path) {
  const { request } = play;
  assert.equal(reply.status, 200, reply.text);
  const attempts = assertPath(play, reply, path);
  const { provider } = attempts.at(-1);
  assert.equal(reply.complete, true);
  assert.equal(reply.headers['x-gateway-provider'], provider);
  assert.equal(reply.headers['x-gateway-model'], ownName(provider));
  const prompt = usageOf(request, LENGTH).prompt_tokens;
  if (request.stream) assertWholeStream(reply, request, provider);
  else assertWholeReply(reply, request, { provider, attempts, prompt });
  await assertRow(play, reply, {
    provider, model: MODEL, upstream_model: ownName(provider), requested_model: request.model, stream: Number(request.stream), status: 200,
    error_class: null, attempts: attempts.length, trail: trailText(attempts), prompt_tokens: prompt, completion_tokens: LENGTH, estimated: 0,
  });
}

export function assertWholeStream(reply, request, provider) {
  const told = readStream(reply.text);
  assert.equal(told.error, undefined, reply.text);
  assert.deepEqual([told.content, told.finishReasons, told.dones, told.last], [storyOf(request), ['stop'], 1, '[DONE]']);
  assert.deepEqual([...new Set(told.chunks.map(({ model }) => model))], [ownName(provider)], 'nothing of another one is left');
  assert.deepEqual([...new Set(told.chunks.map(({ id }) => id))], [idOf(provider)]);
}

function assertWholeReply(reply, request, { provider, attempts, prompt }) {
  const { choices: [choice], model, usage, metadata } = reply.json;
  assert.deepEqual([choice.message.content, choice.finish_reason, model], [storyOf(request), 'stop', ownName(provider)]);
  assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [prompt, LENGTH]);
  assert.deepEqual([metadata.used_provider, metadata.used_model], [provider, MODEL]);
  assert.deepEqual(metadata.routing.map(({ provider: tried, succeeded }) => [tried, succeeded]),
    attempts.map(({ provider: tried }, i) => [tried, i === attempts.length - 1]));
}

/** The client has an error with a status of its own, and it is booked as that. */
export async function assertRefused(play, reply, { path, status, code, message, errorClass, headers = {} }) {
  const error = assertError(reply, { status, code, message });
  const attempts = assertPath(play, reply, path);
  assert.deepEqual(error.metadata.routing.map(({ provider, succeeded }) => [provider, succeeded]), attempts.map(({ provider }) => [provider, false]));
  for (const [name, value] of Object.entries(headers)) assert.equal(reply.headers[name], value, name);
  await assertRow(play, reply, {
    status, error_class: errorClass, attempts: attempts.length, trail: trailText(attempts), prompt_tokens: 0, completion_tokens: 0,
  });
}

/**
 * The client has the first `said` tokens and an error event behind them, nothing says that the answer is whole, and it is
 * booked as failed, with what came. `torn`: an event before the last one is none, since the provider broke it off.
 */
export async function assertPartial(play, reply, { path, said, message, errorClass, torn = false }) {
  const { request, records } = play;
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.complete, true, 'HTTP ended in good order');
  const events = dataOf(reply.text);
  const told = readStream(torn ? reply.text.replace(`data: ${events.at(-2)}\n\n`, '') : reply.text);
  assert.equal(told.content, storyTokens(request).slice(0, said).join(''));
  assert.ok(told.error, `no error event in ${reply.text.slice(-400)}`);
  assert.deepEqual([told.finishReasons, told.dones], [[], 0]);
  assert.ok(JSON.parse(told.last).error, 'the error is the last event');
  assert.equal(reply.text.split('"error":').length, 2, 'it is told once');
  if (message) assert.match(told.error.message, message);
  assert.ok(reply.text.endsWith('\n\n'), 'the error event is complete');
  const attempts = parsePath(path, records);
  assert.deepEqual(records.map(({ provider }) => provider), attempts.map(({ provider }) => provider), 'what the providers saw');
  const row = await assertRow(play, reply, {
    status: 200, error_class: errorClass ?? attempts.at(-1).outcome, attempts: attempts.length, trail: trailText(attempts), estimated: 1,
  });
  assert.ok(row.completion_tokens > 0 && row.prompt_tokens > 0, 'what came is accounted');
}

/**
 * The client has the whole story in one answer, of which each provider of `parts` wrote so many tokens: `a:40 b:20`. The
 * rest of `expected` is of the row.
 */
export async function assertResumed(play, reply, { path, parts, ...expected }) {
  const { request, records } = play;
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.complete, true);
  const told = readStream(reply.text);
  assert.equal(told.error, undefined, `${(await play.row(reply)).trail} ${reply.text.slice(-600)}`);
  assert.deepEqual([told.content, told.finishReasons, told.dones, told.last], [storyOf(request), ['stop'], 1, '[DONE]']);
  const attempts = parsePath(path, records);
  assert.deepEqual(records.map(({ provider }) => provider), attempts.map(({ provider }) => provider), 'what the providers saw');
  assert.deepEqual([...new Set(told.chunks.map(({ id }) => id))], [idOf(attempts[0].provider)], 'one answer has one id');
  assert.deepEqual([...new Set(told.chunks.map(({ created }) => created))], [CREATED]);
  assert.deepEqual(writersOf(told.chunks), parts.split(' ').map((part) => {
    const [letter, tokens] = part.split(':');
    return [ownName(parsePath(`${letter}=`, records)[0].provider), Number(tokens)];
  }), 'each chunk names the model that wrote it');
  const last = records.at(-1);
  const row = await assertRow(play, reply, {
    provider: attempts.at(-1).provider, status: 200, error_class: null, attempts: attempts.length, trail: trailText(attempts), estimated: 1, ...expected,
  });
  assert.ok(row.prompt_tokens > last.usage.prompt_tokens && row.completion_tokens > last.usage.completion_tokens, 'both are billed');
  return { told, row };
}

/** The models of a stream's chunks in order, and how many tokens of text each wrote. */
function writersOf(chunks) {
  const writers = [];
  for (const { model, choices } of chunks.filter(({ choices: [choice] }) => choice?.delta.content)) {
    if (writers.at(-1)?.[0] !== model) writers.push([model, 0]);
    writers.at(-1)[1] += choices.length;
  }
  return writers;
}

/** Clocks of two processes are compared, each of which tells whole milliseconds. */
const CLOCKS_MS = 5;

/** At least so many milliseconds lie between attempt `n` and the one after it. */
export function assertGap(play, n, atLeastMs) {
  const [one, next] = play.records.slice(n - 1);
  assert.ok(next.at - one.at >= atLeastMs - CLOCKS_MS, `${next.at - one.at} ms between the attempts, not ${atLeastMs}`);
}
