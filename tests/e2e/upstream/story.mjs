// An answer that is made of its own request: every provider tells the same text for the same question, so a test can say
// what is whole, whoever wrote which part of it. The model and the id in it say who that was.

import { completion, chunk } from './payloads.mjs';
import { JSON_TYPE, stream, usageInLastChoice } from './behaviours.mjs';

/** Tokens of a story whose question names no number of them. */
export const LENGTH = 60;

/** A question for a story of so many tokens. */
export const questionFor = (name, length = LENGTH) => (length === LENGTH ? name : `${name}, in ${length} tokens`);

const lengthFor = (request) => Number(/, in (\d+) tokens$/.exec(questionOf(request))?.[1] ?? LENGTH);

const WORDS = ['alpha', ' beta', ' gämma', ' δέλτα', ' 漢字', ' 🦀'];

/** The question of a request: its last message that is not an answer that was begun. */
export function questionOf({ messages }) {
  return messages.findLast(({ role }) => role === 'user').content;
}

/** The tokens that answer this request, each distinct, with characters of one to four bytes. */
export const storyTokens = (request) =>
  Array.from({ length: lengthFor(request) }, (_, i) => `${WORDS[i % WORDS.length]}${i}/${questionOf(request)}`);

/** The whole text that answers this request. */
export const storyOf = (request) => storyTokens(request).join('');

/** What a provider says that it used: a prompt of as many tokens as this conversation has and few others have. */
export function usageOf({ messages }, written) {
  const prompt = Buffer.from(JSON.stringify(messages)).reduce((hash, byte) => (hash * 31 + byte) % 9973, 7);
  return { prompt_tokens: prompt, completion_tokens: written, total_tokens: prompt + written };
}

/** The text so far, where the request ends with an answer that was begun. */
export const prefillOf = ({ messages }) => (messages.at(-1).role === 'assistant' ? messages.at(-1).content : '');

/**
 * A healthy provider that tells the story. An answer that was begun is continued after the text that is there, unless the
 * provider `restarts`; with `text` it tells that instead. In a stream the steps of `first` come before the first token, and
 * `then` replaces what comes behind `after` tokens; `done: false` leaves `[DONE]` out.
 */
export function story({ text, restarts = false, first = [], after = Infinity, then, done = true } = {}) {
  return (exchange) => {
    const { json: request, record } = exchange;
    const all = text ?? storyTokens(request);
    const written = restarts || text ? all : behind(all, prefillOf(request));
    const usage = usageOf(request, written.length);
    record.usage = usage;
    if (!request.stream) {
      record.said = written.length;
      return exchange.respond(200, JSON_TYPE, wholeStory(exchange, written.join(''), usage));
    }
    const say = (fields) => (stream) => stream.event({ ...chunk(request, fields), id: idOf(record.provider) });
    const tell = (content) => (stream) => {
      record.said += 1;
      return say({ delta: { content } })(stream);
    };
    const inLast = usageInLastChoice(record.provider);
    const end = [
      say({ finish_reason: 'stop', ...(inLast ? { usage } : {}) }),
      ...(!inLast && request.stream_options?.include_usage ? [say({ choices: [], usage })] : []),
      ...(done ? [(stream) => stream.data('[DONE]')] : []),
    ];
    return stream([
      say({ delta: { role: 'assistant', content: '' } }),
      ...first,
      ...written.slice(0, after).map(tell),
      ...(then ?? end),
    ])(exchange);
  };
}

/** The JSON of a whole answer. */
export const wholeStory = ({ json: request, record }, content = storyOf(request), usage = usageOf(request, lengthFor(request))) =>
  JSON.stringify(completion(request, { content, usage, extra: { id: idOf(record.provider) } }));

/** The id in all that a provider says. */
export const idOf = (provider) => `chatcmpl-${provider}`;

/** The tokens behind the text so far, which may end within a token. What is no beginning of the story is answered by none. */
function behind(all, begun) {
  const text = all.join('');
  if (!text.startsWith(begun)) return [`(this is no beginning of the story: ${begun.slice(-80)})`];
  let at = 0;
  return all.flatMap((token) => {
    at += token.length;
    if (at <= begun.length) return [];
    return [token.slice(-Math.min(token.length, at - begun.length))];
  });
}
