// What is asked of the workers. Each load is large enough to use dozens of ticks of CPU.

const QUESTION_BYTES = 1024;
const CONVERSATION_BYTES = 200 * 1024;
const IMAGE_BYTES = 8 * 1024 * 1024;
/** Streams at a time. */
const STREAMS_AT_A_TIME = 10;
/** What the native relay can carry, and what must be rewritten: its usage chunk is taken out for a client that did not ask. */
export const MODELS = { native: 'groq/gpt-oss-120b', rewritten: 'openai/gpt-4o-mini' };

const user = (content) => [{ role: 'user', content }];

/** A question of so many bytes. */
function text(bytes) {
  const question = { model: MODELS.native, messages: user('') };
  question.messages[0].content = 'x'.repeat(bytes - JSON.stringify(question).length);
  return question;
}

/** A conversation of many messages. */
function conversation(bytes) {
  const messages = [];
  for (let at = 0; at * 2048 < bytes; at += 1) messages.push({ role: at % 2 === 0 ? 'user' : 'assistant', content: 'word '.repeat(400) });
  return { model: MODELS.native, messages: [...messages, ...user('And now?')] };
}

const image = (bytes) => ({
  model: MODELS.rewritten,
  messages: user([{ type: 'text', text: 'What is this?' }, { type: 'image_url', image_url: { url: `data:image/png;base64,${'QUJD'.repeat(bytes / 4)}` } }]),
});

const request = (name, question, requests, concurrency) => ({
  name, unit: `CPU µs per request: ${name}`, stream: false, question, requests, concurrency, per: requests,
});

function stream(name, model, chunks, streams, usage) {
  const question = { ...text(QUESTION_BYTES), model, stream: true, max_tokens: chunks, ...(usage ? { stream_options: { include_usage: true } } : {}) };
  return { name, unit: `CPU µs per chunk: ${name}`, stream: true, question, requests: streams, concurrency: STREAMS_AT_A_TIME, per: streams * chunks };
}

/** One at a time each request wakes workerd from its sleep; many at a time it takes several at each waking. */
export const MEASURES = [
  request('1 KB, 1 at a time', text(QUESTION_BYTES), 2000, 1),
  request('1 KB, 8 at a time', text(QUESTION_BYTES), 2000, 8),
  request('1 KB, 64 at a time', text(QUESTION_BYTES), 2000, 64),
  request('200 KB conversation, 8 at a time', conversation(CONVERSATION_BYTES), 400, 8),
  request('8 MB with an image, 4 at a time', image(IMAGE_BYTES), 16, 4),
  stream('50 chunks, native', MODELS.native, 50, 400, false),
  stream('500 chunks, native', MODELS.native, 500, 80, false),
  stream('500 chunks, native, include_usage', MODELS.native, 500, 80, true),
  stream('5000 chunks, native', MODELS.native, 5000, 10, false),
  stream('5000 chunks, native, include_usage', MODELS.native, 5000, 10, true),
  stream('500 chunks, rewritten', MODELS.rewritten, 500, 80, false),
];
