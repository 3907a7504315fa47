// Requests that the tests share, and what every error reply must look like.

import assert from 'node:assert/strict';

/** Served by groq, cerebras, sambanova, nvidia, together, fireworks and openrouter. */
export const SHARED_MODEL = 'gpt-oss-120b';
/** Served by openai alone. */
export const OPENAI_MODEL = 'gpt-4o-mini';

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const ONE_PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export const user = (content) => ({ role: 'user', content });

/** A plain question; `fields` are added to it or replace what is there. */
export const ask = (fields = {}) => ({ model: SHARED_MODEL, messages: [user('Say hello.')], ...fields });

/** A question that goes to these providers in this order and to no other. */
export const askInOrder = (providers, fields = {}) =>
  ask({ provider: { order: providers, only: providers }, ...fields });

export const IMAGE_MESSAGE = user([
  { type: 'text', text: 'What is this?' },
  { type: 'image_url', image_url: { url: `data:image/png;base64,${ONE_PIXEL}`, detail: 'low' } },
]);

export const WEATHER_TOOL = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
    strict: true,
  },
};

export const ANSWER_SCHEMA = {
  type: 'json_schema',
  json_schema: {
    name: 'answer',
    strict: true,
    schema: { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'], additionalProperties: false },
  },
};

/** Checks status and shape of an error reply; `code`, `param` and `message` (a RegExp) where the test cares. */
export function assertError(reply, { status, code, param, message }) {
  assert.equal(reply.status, status, reply.text);
  assert.match(reply.headers['content-type'], /^application\/json/);
  assert.match(reply.headers['x-request-id'], UUID);
  assert.equal(reply.headers['x-gateway-request-id'], reply.headers['x-request-id']);
  const { error } = reply.json;
  assert.equal(typeof error.message, 'string', reply.text);
  assert.ok(error.message.length > 0, 'an error says what to do');
  assert.equal(typeof error.type, 'string', reply.text);
  assert.ok('param' in error && 'code' in error, `an OpenAI error has param and code: ${reply.text}`);
  if (code !== undefined) assert.equal(error.code, code, reply.text);
  if (param !== undefined) assert.equal(error.param, param, reply.text);
  if (message !== undefined) assert.match(error.message, message);
  return error;
}

/** The trail as pairs: `[['groq', '429'], ['cerebras', '200']]`. */
export function trailOf(reply) {
  return reply.headers['x-gateway-trail'].split('; ').map((part) => {
    const [target, outcome] = part.split('=');
    return [target.split('/')[0], outcome];
  });
}

/** The text of a number in raw JSON, so that no float stands between the test and the bytes. */
export function rawNumber(text, field) {
  const found = text.match(new RegExp(`"${field}"\\s*:\\s*(-?[0-9.eE+-]+|null)`));
  assert.ok(found, `${field} is missing in ${text}`);
  return found[1];
}
