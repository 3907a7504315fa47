// An upstream that speaks Anthropic's Messages: it refuses what `anthropic-rules.mjs` does not allow, and answers with blocks.
// The shapes are those of platform.claude.com/docs/en/api/messages and /build-with-claude/streaming.

import { fault } from './anthropic-rules.mjs';
import { EVENT_STREAM, JSON_TYPE } from './behaviours.mjs';

export const MESSAGE_ID = 'msg_upstream';
export const MESSAGE_USAGE = { input_tokens: 9, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 5 };

/** Every signature that was issued, with the thought that it belongs to. */
const issued = new Map();

export const textBlock = (...pieces) => ({ type: 'text', pieces, text: pieces.join('') });
export const toolUse = (id, name, input) => ({ type: 'tool_use', id, name, input });
/** A thought, and a signature that is good for it alone. */
export function thought(...pieces) {
  const thinking = pieces.join('');
  const signature = `sig/${Buffer.from(thinking).toString('base64')}=${issued.size}`;
  issued.set(signature, thinking);
  return { type: 'thinking', pieces, thinking, signature };
}
export const redacted = (data) => ({ type: 'redacted_thinking', data });

/**
 * A healthy provider: a stream where the request asks for one. `then(events)` may change the events of a stream, each
 * `{type, ...}`; what is no such object is a step `(exchange) => Promise`.
 */
export function messages(content = [textBlock('Hello', ' there')], { stop_reason, stop_details = null, usage = MESSAGE_USAGE, then = (events) => events } = {}) {
  const reason = stop_reason ?? (content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn');
  return async (exchange) => {
    const refused = fault(exchange.record, issued);
    if (refused) return exchange.respond(refused.status, JSON_TYPE, JSON.stringify(refused.body));
    const end = { stop_reason: reason, stop_sequence: null, stop_details };
    if (!exchange.json.stream) {
      return exchange.respond(200, JSON_TYPE, JSON.stringify({ ...message(exchange.json), content: content.map(whole), ...end, usage }));
    }
    await exchange.start(200, EVENT_STREAM);
    for (const event of then(events(exchange.json, content, end, usage))) {
      if (exchange.isOver) return undefined;
      if (typeof event === 'function') await event(exchange);
      else await exchange.chunk(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    return exchange.isOver ? undefined : exchange.finish();
  };
}

/** An error as Anthropic writes it. */
export const errorOf = (type, message) => ({ type: 'error', error: { type, message }, request_id: 'req_upstream' });
export const refuses = (status, type, message) => (exchange) =>
  exchange.respond(status, JSON_TYPE, JSON.stringify(errorOf(type, message)));
export const OVERLOADED = errorOf('overloaded_error', 'Overloaded');

const message = ({ model }) => ({ id: MESSAGE_ID, type: 'message', role: 'assistant', model, content: [] });
const whole = ({ pieces: _, ...block }) => block;

function events(request, content, end, usage) {
  const begun = { ...usage, output_tokens: 1 };
  return [
    { type: 'message_start', message: { ...message(request), stop_reason: null, stop_sequence: null, usage: begun } },
    { type: 'ping' },
    ...content.flatMap((block, index) => [
      { type: 'content_block_start', index, content_block: begin(block) },
      ...deltas(block).map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: end, usage },
    { type: 'message_stop' },
  ];
}

function begin(block) {
  switch (block.type) {
    case 'text': return { type: 'text', text: '' };
    case 'thinking': return { type: 'thinking', thinking: '', signature: '' };
    case 'tool_use': return { ...block, input: {} };
    default: return whole(block);
  }
}

function deltas(block) {
  switch (block.type) {
    case 'text': return [
      ...(block.citations ?? []).map((citation) => ({ type: 'citations_delta', citation })),
      ...block.pieces.map((text) => ({ type: 'text_delta', text })),
    ];
    case 'thinking': return [
      ...block.pieces.map((thinking) => ({ type: 'thinking_delta', thinking })),
      { type: 'signature_delta', signature: block.signature },
    ];
    case 'tool_use': return inputPieces(block.input).map((partial_json) => ({ type: 'input_json_delta', partial_json }));
    default: return [];
  }
}

/** An empty piece first, as Anthropic does, then the input in two; nothing but the empty piece where there is no input. */
function inputPieces(input) {
  const json = JSON.stringify(input);
  return json === '{}' ? [''] : ['', json.slice(0, 4), json.slice(4)];
}
