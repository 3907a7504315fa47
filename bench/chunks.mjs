// What the providers of the benchmark say.

const ANSWER_BYTES = 1024;
/** Where the path has this, usage comes in a chunk of its own; otherwise with the last choice. */
const TRAILING = '/trailing/';
const DONE = 'data: [DONE]\n\n';

const head = { id: 'chatcmpl-bench', created: 1_790_000_000, model: 'openai/gpt-oss-120b' };
const usageOf = (chunks) => ({ prompt_tokens: 200, completion_tokens: chunks, total_tokens: 200 + chunks });
const event = (fields) => `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...fields })}\n\n`;

/** A whole answer. */
export const answer = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(ANSWER_BYTES - 300) }, finish_reason: 'stop' }],
  usage: usageOf(200),
});

/** One chunk of a stream. */
export const tokenChunk = event({ choices: [{ index: 0, delta: { content: ' token' }, finish_reason: null }] });

/** The seed of a request that asks for long chunks. */
export const LONG = 4000;
/** Kernels keep 8 MB of a stream on its way through a gateway when they may; 5000 of these are 20 MB. */
export const longChunk = event({ choices: [{ index: 0, delta: { content: ' token'.repeat(LONG / 6) }, finish_reason: null }] });

/** What comes behind so many chunks at this path, where the request asked for usage or not. */
export function endOf(chunks, path, asked) {
  const stop = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
  if (!path.startsWith(TRAILING)) return `${event({ ...stop, usage: usageOf(chunks) })}${DONE}`;
  return `${event(stop)}${asked ? event({ choices: [], usage: usageOf(chunks) }) : ''}${DONE}`;
}
