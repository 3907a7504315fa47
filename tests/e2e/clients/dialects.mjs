// The same answers, faults and requests in the words of two dialects. An answer is
//   {thought?: [piece], text?: [piece], calls?: [{id, name, input}], usage?: {input, output, reasoning}}.

import { fault as openaiFault } from '../upstream/openai-rules.mjs';
import { messages, OVERLOADED, refuses, textBlock, thought as signed, toolUse } from '../upstream/anthropic.mjs';
import { JSON_TYPE, status, stream } from '../upstream/behaviours.mjs';
import { completion, errorBody } from '../upstream/payloads.mjs';
import { destroyed, done, errorEvent, event, finish, role, text, toolCallDeltas, trailingUsage } from '../upstream/steps.mjs';

const USAGE = { input: 9, output: 5, reasoning: 0 };

/** What a dialect's `sees` makes of a request: what the model is told, whatever it is called. */
const seen = (fields) => ({ system: '', turns: [], tools: {}, effort: undefined, schema: undefined, ...fields });
/** One turn: `calls` as `{id, name, input}`, `results` as `{id, text}`, `thoughts` as `{text, signature}`. */
const turn = (role, fields) => ({ role, text: '', images: [], calls: [], results: [], thoughts: [], ...fields });

// --- OpenAI's, at a provider that returns signed thoughts ---------------------------------------------------------------------

const kept = (behaviour) => (exchange) => {
  const refused = openaiFault(exchange.record);
  return refused ? exchange.respond(refused.status, JSON_TYPE, JSON.stringify(refused.body)) : behaviour(exchange);
};
const usageOf = ({ input, output, reasoning } = USAGE) =>
  ({ prompt_tokens: input, completion_tokens: output, total_tokens: input + output, completion_tokens_details: { reasoning_tokens: reasoning } });
const detail = (fields) => ({ type: 'reasoning.text', ...fields, format: 'anthropic-claude-v1', index: 0 });

function openaiReply({ thought = [], text: pieces = [], calls = [], usage, images }) {
  const content = pieces.join('') || null;
  const { thinking, signature } = thought.length > 0 ? signed(...thought) : {};
  const message = {
    ...(thinking ? { reasoning: thinking, reasoning_details: [detail({ text: thinking, signature })] } : {}),
    ...(calls.length > 0 ? { tool_calls: calls.map(openaiCall) } : {}),
    ...(images ? { images } : {}),
  };
  return (exchange) => exchange.respond(200, JSON_TYPE, JSON.stringify(
    completion(exchange.json, { content, message, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop', usage: usageOf(usage) })));
}

const delta = (fields) => event({ id: 'gen-1', object: 'chat.completion.chunk', created: 1, choices: [{ index: 0, delta: fields, finish_reason: null }] });

function openaiSteps({ thought = [], text: pieces = [], calls = [], images }, cut = false) {
  const { signature } = thought.length > 0 ? signed(...thought) : {};
  return [
    role(),
    ...thought.map((piece) => delta({ reasoning: piece, reasoning_details: [detail({ text: piece })] })),
    ...(signature ? [delta({ reasoning: null, reasoning_details: [detail({ signature })] })] : []),
    text(...pieces),
    ...(images ? [delta({ content: '', images })] : []),
    ...calls.map(({ id, name, input }, index) => {
      const json = JSON.stringify(input);
      return toolCallDeltas(name, cut ? [json.slice(0, 3)] : [json.slice(0, 3), json.slice(3)], { id, index });
    }),
  ];
}

const openaiCall = ({ id, name, input }) => ({ id, type: 'function', function: { name, arguments: JSON.stringify(input) } });
const partsOf = (content) => (typeof content === 'string' ? [{ type: 'text', text: content }] : content ?? []);
const textOf = (content) => partsOf(content).filter(({ type }) => type === 'text').map(({ text: said }) => said).join('');

function openaiTurn({ role: who, content, tool_calls: calls = [], tool_call_id: id, reasoning_details: details = [] }) {
  if (who === 'tool') return turn('user', { results: [{ id, text: textOf(content) }] });
  return turn(who, {
    text: textOf(content),
    images: partsOf(content).filter(({ type }) => type === 'image_url').map(({ image_url: { url } }) => url),
    calls: (calls ?? []).map((call) => ({ id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) })),
    thoughts: details.filter(({ text: said }) => said !== undefined).map(({ text: said, signature }) => ({ text: said, signature })),
  });
}

export const openai = {
  name: 'OpenAI',
  provider: 'openrouter',
  says: (answer) => kept((exchange) => {
    if (!exchange.json.stream) return openaiReply(answer)(exchange);
    const steps = [...openaiSteps(answer), finish(answer.calls?.length > 0 ? 'tool_calls' : 'stop'), trailingUsage(usageOf(answer.usage)), done()];
    return stream(steps)(exchange);
  }),
  fails: () => kept(status(500, errorBody('Internal server error', { type: 'server_error' }))),
  /** As the first event of a stream. */
  overloaded: () => kept((exchange) =>
    (exchange.json.stream ? stream([errorEvent('Overloaded', { type: 'server_error', code: 'overloaded' })]) : status(503))(exchange)),
  /** Goes away behind what it said, in the middle of its calls. */
  cutAfter: (answer) => kept((exchange) => (exchange.json.stream
    ? stream([...openaiSteps(answer, true), destroyed()])(exchange)
    : cutReply(exchange, completion(exchange.json, { content: answer.text?.join('') })))),
  sees(json) {
    const [first] = json.messages;
    const hasSystem = first.role === 'system';
    return seen({
      system: hasSystem ? textOf(first.content) : '',
      turns: merged((hasSystem ? json.messages.slice(1) : json.messages).map(openaiTurn)),
      tools: Object.fromEntries((json.tools ?? []).map(({ function: { name, parameters } }) => [name, parameters])),
      effort: json.reasoning?.effort ?? json.reasoning_effort,
      schema: json.response_format?.json_schema.schema,
    });
  },
};

// --- Anthropic's --------------------------------------------------------------------------------------------------------------

const blocks = ({ thought = [], text: pieces = [], calls = [] }) => [
  ...(thought.length > 0 ? [signed(...thought)] : []),
  ...(pieces.length > 0 ? [textBlock(...pieces)] : []),
  ...calls.map(({ id, name, input }) => toolUse(id, name, input)),
];
const messageUsage = ({ input, output, reasoning } = USAGE) => ({
  input_tokens: input, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: output,
  output_tokens_details: { thinking_tokens: reasoning },
});
const address = ({ type, url, media_type, data }) => (type === 'url' ? url : `data:${media_type};base64,${data}`);

function messageTurn({ role: who, content }) {
  const list = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const of = (kind) => list.filter(({ type }) => type === kind);
  return turn(who, {
    text: textOf(list),
    images: of('image').map(({ source }) => address(source)),
    calls: of('tool_use').map(({ id, name, input }) => ({ id, name, input })),
    results: of('tool_result').map(({ tool_use_id: id, content: result }) => ({ id, text: textOf(result) })),
    thoughts: of('thinking').map(({ thinking, signature }) => ({ text: thinking, signature })),
  });
}

export const anthropic = {
  name: 'Anthropic',
  provider: 'anthropic',
  says: (answer) => messages(blocks(answer), { usage: messageUsage(answer.usage) }),
  fails: () => refuses(500, 'api_error', 'Internal server error'),
  overloaded: () => (exchange) =>
    (exchange.json.stream ? messages([], { then: () => [OVERLOADED] }) : refuses(529, 'overloaded_error', 'Overloaded'))(exchange),
  cutAfter: (answer) => (exchange) => (exchange.json.stream
    ? messages(blocks(answer), { then: (events) => [...events.slice(0, answer.calls ? -4 : -3), (cut) => cut.destroy()] })(exchange)
    : cutReply(exchange, { type: 'message', role: 'assistant', content: blocks(answer) })),
  sees(json) {
    return seen({
      system: textOf(json.system),
      turns: json.messages.map(messageTurn),
      tools: Object.fromEntries((json.tools ?? []).map(({ name, input_schema: schema }) => [name, schema])),
      effort: json.thinking?.type === 'enabled' ? json.thinking.budget_tokens : json.output_config?.effort,
      schema: json.output_config?.format?.schema,
    });
  },
};

export const DIALECTS = [openai, anthropic];

/** Half of a whole reply, whose connection closes then. */
async function cutReply(exchange, reply) {
  const body = JSON.stringify(reply);
  await exchange.respondPartly(200, JSON_TYPE, body, Math.floor(Buffer.byteLength(body) / 2));
  exchange.destroy();
}

/** Messages of the same side as one turn, as Anthropic has them: each result of a tool is a message of its own at OpenAI. */
function merged(turns) {
  const out = [];
  for (const next of turns) {
    const last = out.at(-1);
    if (last?.role !== next.role) out.push(next);
    else for (const [key, value] of Object.entries(next)) if (key !== 'role') last[key] = Array.isArray(value) ? [...last[key], ...value] : last[key] + value;
  }
  return out;
}
