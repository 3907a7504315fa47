// The parts that a scripted stream is made of. A step is `(stream) => Promise | void`; it writes something, waits for
// something or breaks something. See `behaviours.mjs` for the stream they run in.

import { chunk, errorBody } from './payloads.mjs';

/** The first chunk of most providers: a role and no content. */
export const role = () => (stream) => stream.event(chunk(stream.request, { delta: { role: 'assistant', content: '' } }));

/** One chunk for each token. */
export const text = (...tokens) => async (stream) => {
  for (const token of tokens) await stream.event(chunk(stream.request, { delta: { content: token } }));
};

/** Reasoning deltas under the provider's name for them: `reasoning` or `reasoning_content`. */
export const reasoning = (tokens, field = 'reasoning') => async (stream) => {
  for (const token of tokens) await stream.event(chunk(stream.request, { delta: { [field]: token } }));
};

/** A tool call in pieces, as OpenAI sends it: id and name first, then the arguments bit by bit. */
export const toolCallDeltas = (name, argumentParts, { id = 'call_1', index = 0 } = {}) => async (stream) => {
  const first = { index, id, type: 'function', function: { name, arguments: '' } };
  await stream.event(chunk(stream.request, { delta: { tool_calls: [first] } }));
  for (const part of argumentParts) {
    await stream.event(chunk(stream.request, { delta: { tool_calls: [{ index, function: { arguments: part } }] } }));
  }
};

/** The chunk with the finish reason; `usage` puts the tokens into it, as groq and cerebras do. */
export const finish = (finish_reason = 'stop', usage = undefined) => (stream) =>
  stream.event(chunk(stream.request, { finish_reason, ...(usage ? { usage } : {}) }));

/** The chunk without choices that OpenAI sends when `stream_options.include_usage` asks for it. */
export const trailingUsage = (usage) => (stream) =>
  stream.request?.stream_options?.include_usage ? stream.event(chunk(stream.request, { choices: [], usage })) : undefined;

export const done = () => (stream) => stream.data('[DONE]');

/** An error as an event of a stream that began with a 200. */
export const errorEvent = (message = 'the model crashed', fields = { type: 'server_error', code: 'internal_error' }) =>
  (stream) => stream.event(errorBody(message, fields));

/** Any JSON as one event. */
export const event = (json) => (stream) => stream.event(json);

export const comment = (words = 'keep-alive') => (stream) => stream.raw(`: ${words}${stream.eol}${stream.eol}`);

/** Bytes as they are. */
export const raw = (bytes) => (stream) => stream.raw(bytes);

/** Waits until the test opens the gate (`gate()`), or the client is gone. */
export const hold = ({ opened }) => (stream) => Promise.race([opened, stream.exchange.gone]);

/** Says nothing more until the client leaves. */
export const silence = () => (stream) => stream.exchange.gone;

/** Signs of life and nothing else, until the client leaves or so many milliseconds are over. `sign` is a step. */
export const pings = (sign = comment(), { forMs = Infinity, paceMs = 50 } = {}) => async (stream) => {
  const begun = performance.now();
  while (!stream.exchange.isOver && performance.now() - begun < forMs) {
    await sign(stream);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, paceMs)), stream.exchange.gone]);
  }
};

/** A pace, for load: a benchmark's stream has one, a test's stream has gates instead. */
export const pause = (ms) => () => new Promise((resolve) => setTimeout(resolve, ms));

/** A cut: the connection closes without the last chunk. */
export const destroyed = () => (stream) => stream.exchange.destroy();

/** A cut: the connection is reset. */
export const reset = () => (stream) => stream.exchange.reset();

/** A cut that HTTP cannot see: the body ends properly, whatever the stream was about to say. */
export const endOfBody = () => (stream) => stream.exchange.finish();

/** A gate for `hold`: `opened` resolves when `open()` is called. */
export function gate() {
  let open;
  const opened = new Promise((resolve) => { open = resolve; });
  return { opened, open };
}
