// What Chat Completions refuse, as far as their documentation says so (platform.openai.com/docs/api-reference/chat, and
// openrouter.ai/docs/api-reference/chat-completion for `reasoning` and `provider`). Pure: `fault(record)` is the reason, or null.

import { errorBody } from './payloads.mjs';

/** What a request may hold at its top; whatever is the gateway's own must not be there. */
const TOP = new Set([
  'model', 'messages', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'stop', 'seed', 'n',
  'tools', 'tool_choice', 'parallel_tool_calls', 'response_format', 'reasoning', 'reasoning_effort', 'user', 'usage', 'provider',
]);
const MESSAGE = {
  system: ['content', 'name'],
  developer: ['content', 'name'],
  user: ['content', 'name'],
  assistant: ['content', 'name', 'tool_calls', 'refusal', 'reasoning', 'reasoning_details'],
  tool: ['content', 'tool_call_id'],
};

class Fault extends Error {}
const must = (condition, message) => { if (!condition) throw new Fault(message); };
const only = (object, allowed, at) => {
  for (const key of Object.keys(object)) must(allowed.has(key), `Unrecognized request argument supplied: ${at}${key}`);
};

/** @returns the refusal `{status, body}` of this request, or null. */
export function fault(record) {
  try {
    check(record);
    return null;
  } catch (error) {
    if (error instanceof Fault) return { status: 400, body: errorBody(error.message) };
    throw error;
  }
}

function check({ method, path, headers, json }) {
  must(method === 'POST' && path === '/v1/chat/completions', `Unknown request URL: ${method} ${path}`);
  must(/^Bearer \S+$/.test(headers.authorization ?? '') && !headers['x-api-key'], 'You did not provide an API key');
  must(/^application\/json/.test(headers['content-type'] ?? ''), 'you must send JSON');
  must(json !== undefined && typeof json === 'object', 'we could not parse the JSON body of your request');
  only(json, TOP, '');
  must(typeof json.model === 'string', 'you must provide a model parameter');
  must(Array.isArray(json.messages) && json.messages.length > 0, "'messages' is too short");
  must(json.stream_options === undefined || json.stream === true, "'stream_options' is only allowed when 'stream' is enabled");
  for (const { type, function: { name, parameters } = {} } of json.tools ?? []) {
    must(type === 'function' && /^[\w-]{1,64}$/.test(name ?? ''), `tools: ${name}`);
    must(parameters === undefined || parameters.type === 'object', 'tools: the schema of a function must be an object');
  }
  must(json.tool_choice === undefined || json.tools?.length > 0, "'tool_choice' is only allowed when 'tools' are specified");
  const format = json.response_format;
  must(format?.type !== 'json_schema' || (format.json_schema?.name && format.json_schema.schema?.type === 'object'), 'response_format: no schema');
  conversation(json.messages);
}

function conversation(messages) {
  let open = [];
  messages.forEach((message, i) => {
    const at = `messages[${i}].`;
    must(message.role in MESSAGE, `${at}role: ${message.role}`);
    only(message, new Set(['role', ...MESSAGE[message.role]]), at);
    content(message, at);
    if (message.role === 'tool') {
      must(open.includes(message.tool_call_id), "messages with role 'tool' must be a response to a preceding message with 'tool_calls'");
      open = open.filter((id) => id !== message.tool_call_id);
      return;
    }
    must(open.length === 0, `An assistant message with 'tool_calls' must be followed by tool messages responding to each: ${open}`);
    for (const { id, type, function: { name, arguments: input } = {} } of message.tool_calls ?? []) {
      must(id && type === 'function' && name && typeof input === 'string', `${at}tool_calls`);
      must(parses(input), `${at}tool_calls: the arguments are no JSON`);
      open.push(id);
    }
  });
  must(open.length === 0, 'the last message has tool calls without results');
}

function content({ role, content: said, tool_calls }, at) {
  if (role === 'assistant' && tool_calls?.length > 0 && (said === null || said === undefined)) return;
  must(typeof said === 'string' || (Array.isArray(said) && said.length > 0), `${at}content: must be a string or an array`);
  for (const part of Array.isArray(said) ? said : []) {
    must(part.type === 'text' || (part.type === 'image_url' && role === 'user'), `${at}content: ${part.type}`);
    must(part.type !== 'text' || typeof part.text === 'string', `${at}content.text`);
    must(part.type !== 'image_url' || /^(https:|data:image\/\w+;base64,[A-Za-z0-9+/=]+$)/.test(part.image_url?.url), `${at}content.image_url`);
  }
}

function parses(text) {
  try {
    return JSON.parse(text) !== null;
  } catch {
    return false;
  }
}
