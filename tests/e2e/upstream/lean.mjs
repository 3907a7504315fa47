// The chunks of a stream as lean servers write them, each as its JSON text. `by` is the id of the answer. Pure.

export const DONE = '[DONE]';
export const USAGE = '{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":4},"queue_time":0.01}';

const beginning = (by) => `{"id":"${by}","created":1790000000,"model":"m"`;

/** `more` is JSON of further members. */
const chunk = (by, delta, { reason, more = '' } = {}) =>
  `${beginning(by)},"choices":[{"index":0,"delta":${delta}${reason ? `,"finish_reason":"${reason}"` : ''}}]${more}}`;

export const role = (by) => chunk(by, '{"role":"assistant","content":""}');
export const content = (by, text) => chunk(by, `{"content":${JSON.stringify(text)}}`);
/** Every second one with its characters escaped, as Python's servers write them. */
export const contents = (by, texts) => texts.map((text, n) => (n % 2 === 0 ? content(by, text) : chunk(by, `{"content":${inAscii(text)}}`)));
export const finish = (by, more) => chunk(by, '{}', { reason: 'stop', more });
export const trailing = (by, usage = USAGE, more = '') => `${beginning(by)},"choices":[],"usage":${usage}${more}}`;

const inAscii = (text) => JSON.stringify(text).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A whole stream with its usage in the last choice, and one with it in a chunk of its own. */
export const inLastChoice = (by, texts) => [role(by), ...contents(by, texts), finish(by, `,"usage":${USAGE}`), DONE];
export const inTrailing = (by, texts) => [role(by), ...contents(by, texts), finish(by), trailing(by), DONE];
