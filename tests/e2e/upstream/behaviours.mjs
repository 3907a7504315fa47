// What a provider does with one request. A behaviour is `(exchange) => Promise | void`; the healthy ones are made of
// `payloads.mjs` and `steps.mjs`, the sick ones break the socket at a chosen place.

import { completion, errorBody, tokens, USAGE } from './payloads.mjs';
import { done, finish, role, text, trailingUsage } from './steps.mjs';

export const JSON_TYPE = { 'content-type': 'application/json' };
export const EVENT_STREAM = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

/** These send a stream's usage with the finish reason, unasked; the others in a trailing chunk, when asked. */
const USAGE_IN_LAST_CHOICE = new Set(['groq', 'cerebras', 'alpha', 'gamma']);
export const usageInLastChoice = (provider) => USAGE_IN_LAST_CHOICE.has(provider);

/** A healthy provider: a stream when the request asks for one, else one JSON answer. */
export function chat({ content = ['Hello', ' there'], usage = USAGE, ...options } = {}) {
  const whole = answer({ content: content.join(''), usage, ...options });
  const streamed = tokenStream({ content, usage });
  return (exchange) => (exchange.json?.stream ? streamed(exchange) : whole(exchange));
}

/** One JSON completion: `content`, `message`, `finish_reason`, `usage`, `extra` (top-level fields), `headers`. */
export function answer({ headers = {}, ...fields } = {}) {
  return (exchange) =>
    exchange.respond(200, { ...JSON_TYPE, ...headers }, JSON.stringify(completion(exchange.json, fields)));
}

/** A complete stream of text, with the usage where this provider puts it: `in_last_choice`, `trailing` or `none`. */
export function tokenStream({ content = tokens(5), usage = USAGE, usageAt, ...options } = {}) {
  return (exchange) => {
    const place = usageAt ?? (usageInLastChoice(exchange.record.provider) ? 'in_last_choice' : 'trailing');
    return stream([
      role(),
      text(...content),
      finish('stop', place === 'in_last_choice' ? usage : undefined),
      ...(place === 'trailing' ? [trailingUsage(usage)] : []),
      done(),
    ], options)(exchange);
  };
}

/**
 * A stream of the given steps. `eol` is the line end; `layout` how an event's JSON stands in `data:` lines (`oneLine`,
 * `multiLine`); `pieces` cuts what is written into separate writes and HTTP chunks (`whole`, `singleBytes`, `every(n)`).
 */
export function stream(steps, { status = 200, headers = EVENT_STREAM, eol = '\n', layout = oneLine, pieces = whole } = {}) {
  return async (exchange) => {
    const raw = async (bytes) => {
      for (const piece of pieces(Buffer.from(bytes))) {
        await exchange.chunk(piece);
        if (pieces !== whole) await nextTurn();
      }
    };
    const data = (value) => raw(`data: ${value}${eol}${eol}`);
    const event = (json) => raw(`${layout(json).map((line) => `data: ${line}${eol}`).join('')}${eol}`);
    await exchange.start(status, headers);
    for (const step of steps) {
      if (exchange.isOver) return;
      await step({ exchange, request: exchange.json, eol, raw, data, event });
    }
    if (!exchange.isOver) await exchange.finish();
  };
}

/** A whole answer with this status; an object as `body` is sent as JSON, text as it is. */
export function status(code, body = errorBody(`scripted ${code}`), headers = {}) {
  const isText = typeof body === 'string';
  return (exchange) =>
    exchange.respond(code, { ...(isText ? {} : JSON_TYPE), ...headers }, isText ? body : JSON.stringify(body));
}

export const rateLimited = (headers = {}) =>
  status(429, errorBody('Rate limit reached, slow down', { type: 'requests', code: 'rate_limit_exceeded' }), headers);

export const badKey = (message = 'Incorrect API key provided') =>
  status(401, errorBody(message, { code: 'invalid_api_key' }));

export const modelNotFound = () =>
  status(404, errorBody('The model does not exist', { param: 'model', code: 'model_not_found' }));

export const contextTooLong = () => status(400, errorBody(
  "This model's maximum context length is 8192 tokens. Please reduce the length of the messages.",
  { param: 'messages', code: 'context_length_exceeded' },
));

export const contentFiltered = () => status(400, errorBody(
  'The response was filtered due to the prompt triggering a content policy',
  { param: 'prompt', code: 'content_filter' },
));

export const html = (code = 200) =>
  status(code, '<!doctype html><html><body><h1>Bad gateway</h1></body></html>', { 'content-type': 'text/html' });

export const emptyBody = (headers = JSON_TYPE) => status(200, '', headers);

export const redirect = (location) => status(302, '', { location });

/** The connection is reset before any byte of an answer. */
export const resetConnection = () => (exchange) => exchange.reset();

/** The request is accepted and never answered. */
export const neverAnswer = () => (exchange) => exchange.gone;

/** The headers of a stream at once, then nothing. */
export const headersThenSilence = () => stream([(s) => s.exchange.gone]);

/** A healthy JSON answer whose `content` has `size` bytes. */
export const largeAnswer = (size) => answer({ content: 'x'.repeat(size) });

/** Waits for the gate of `steps.mjs`, then does what the other behaviour does. */
export const afterGate = ({ opened }, behaviour) => async (exchange) => {
  await Promise.race([opened, exchange.gone]);
  if (!exchange.isOver) await behaviour(exchange);
};

export const oneLine = (json) => [JSON.stringify(json)];
export const multiLine = (json) => JSON.stringify(json, null, 1).split('\n');

export const whole = (bytes) => [bytes];
export const every = (n) => (bytes) =>
  Array.from({ length: Math.ceil(bytes.length / n) }, (_, i) => bytes.subarray(i * n, (i + 1) * n));
export const singleBytes = every(1);

/** Lets the kernel send a piece on its own before the next one is written. */
const nextTurn = () => new Promise(setImmediate);
