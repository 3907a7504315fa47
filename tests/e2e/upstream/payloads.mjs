// OpenAI's JSON as providers send it: completions, chunks, errors. Pure.

export const COMPLETION_ID = 'chatcmpl-upstream';
export const CREATED = 1_790_000_000;

/** The usage of a short answer; tests that check money bring their own. */
export const USAGE = { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 };

export function completion(request, { content = 'Hello there', message = {}, finish_reason = 'stop', usage = USAGE, extra = {} } = {}) {
  return {
    id: COMPLETION_ID,
    object: 'chat.completion',
    created: CREATED,
    model: request?.model,
    choices: [{ index: 0, message: { role: 'assistant', content, ...message }, logprobs: null, finish_reason }],
    ...(usage === null ? {} : { usage }),
    ...extra,
  };
}

export function chunk(request, { delta = {}, finish_reason = null, choices, ...extra } = {}) {
  return {
    id: COMPLETION_ID,
    object: 'chat.completion.chunk',
    created: CREATED,
    model: request?.model,
    choices: choices ?? [{ index: 0, delta, logprobs: null, finish_reason }],
    ...extra,
  };
}

export function errorBody(message, { type = 'invalid_request_error', param = null, code = null, ...extra } = {}) {
  return { error: { message, type, param, code, ...extra } };
}

/** `n` tokens of text, each distinct, with characters of one to four bytes in UTF-8. */
export function tokens(n) {
  const words = ['alpha', ' beta', ' gämma', ' δέλτα', ' 漢字', ' 🦀'];
  return Array.from({ length: n }, (_, i) => `${words[i % words.length]}${i}`);
}

export function toolCall(name, args, id = 'call_1') {
  return { id, type: 'function', function: { name, arguments: JSON.stringify(args) } };
}
