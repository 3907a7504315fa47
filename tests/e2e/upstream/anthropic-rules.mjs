// What Anthropic's Messages refuse, as far as its documentation says so (platform.claude.com/docs/en/api/messages, /api/errors,
// /build-with-claude/thinking, /agents-and-tools/tool-use/overview). Pure: `fault(record, memory)` is the reason, or null.

/** What a request may hold at its top. */
const TOP = new Set([
  'model', 'messages', 'max_tokens', 'system', 'stream', 'stop_sequences', 'temperature', 'top_p', 'top_k', 'tools', 'tool_choice',
  'metadata', 'thinking', 'output_config', 'service_tier', 'cache_control', 'inference_geo', 'container',
]);

/** What a block of each kind must and may hold, and whose it is. */
const BLOCKS = {
  text: { by: ['user', 'assistant', 'system'], must: ['text'], may: ['citations'] },
  image: { by: ['user'], must: ['source'] },
  document: { by: ['user'], must: ['source'], may: ['title', 'context', 'citations'] },
  tool_use: { by: ['assistant'], must: ['id', 'name', 'input'] },
  tool_result: { by: ['user'], must: ['tool_use_id'], may: ['content', 'is_error'] },
  thinking: { by: ['assistant'], must: ['thinking', 'signature'] },
  redacted_thinking: { by: ['assistant'], must: ['data'] },
};

const SOURCES = {
  base64: ['type', 'media_type', 'data'],
  url: ['type', 'url'],
};

const TOOL_KEYS = new Set(['name', 'description', 'input_schema', 'cache_control', 'strict', 'type']);

/** These refuse any sampling parameter. */
const NO_SAMPLING = /^claude-(opus-4-[78]|opus-5|sonnet-5|fable-5)/;

/** These take what the system says in the middle of the conversation. */
const SYSTEM_TURNS = /^claude-(opus-4-8|opus-5|sonnet-5-5|fable-5)/;

class Fault extends Error {
  constructor(status, type, message) {
    super(message);
    this.status = status;
    this.body = { type: 'error', error: { type, message }, request_id: 'req_upstream' };
  }
}

const invalid = (message) => { throw new Fault(400, 'invalid_request_error', message); };
const must = (condition, message) => { if (!condition) invalid(message); };
const only = (object, allowed, at) => {
  for (const key of Object.keys(object)) must(allowed.has(key), `${at}${key}: Extra inputs are not permitted`);
};

/** @returns the refusal `{status, body}` of this request, or null. `signatures` maps each signature that was issued to its thought. */
export function fault(record, signatures = new Map()) {
  try {
    headers(record);
    body(record.json, signatures);
    return null;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

function headers({ method, path, headers: sent }) {
  if (method !== 'POST' || path !== '/v1/messages') throw new Fault(404, 'not_found_error', 'Not found');
  if (!sent['x-api-key'] || sent.authorization) throw new Fault(401, 'authentication_error', 'x-api-key header is required');
  must(sent['anthropic-version'] === '2023-06-01' || sent['anthropic-version'] === '2026-10-21', 'anthropic-version: header is required');
  must(/^application\/json/.test(sent['content-type'] ?? ''), 'content-type: must be application/json');
}

function body(json, signatures) {
  must(json !== undefined && typeof json === 'object', 'The request body is not valid JSON');
  only(json, TOP, '');
  must(typeof json.model === 'string', 'model: Field required');
  must(Number.isInteger(json.max_tokens) && json.max_tokens > 0, 'max_tokens: Field required');
  must(Array.isArray(json.messages) && json.messages.length > 0, 'messages: at least one message is required');
  if (Array.isArray(json.system)) json.system.forEach((block, i) => must(block.type === 'text' && block.text, `system.${i}: must be text`));
  else must(json.system === undefined || typeof json.system === 'string', 'system: must be a string or an array');
  sampling(json);
  thinking(json);
  tools(json);
  conversation(json, signatures);
  if (json.thinking?.type === 'enabled') beginsWithThought(json.messages);
}

function sampling({ model, temperature, top_p, top_k }) {
  const any = [temperature, top_p, top_k].some((value) => value !== undefined);
  must(!any || !NO_SAMPLING.test(model), 'temperature, top_p, top_k: not supported by this model');
  must(temperature === undefined || (temperature >= 0 && temperature <= 1), 'temperature: range: 0..1');
  must(temperature === undefined || top_p === undefined, '`temperature` and `top_p` cannot both be specified for this model');
}

function thinking({ thinking: config, max_tokens, temperature, top_k, tool_choice }) {
  if (config === undefined) return;
  must(['enabled', 'adaptive', 'disabled', 'between_tools'].includes(config.type), 'thinking.type: unknown');
  if (config.type === 'enabled') {
    must(config.budget_tokens >= 1024, 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024');
    must(config.budget_tokens < max_tokens, '`max_tokens` must be greater than `thinking.budget_tokens`');
  }
  if (config.type === 'disabled') return;
  must(temperature === undefined || temperature === 1, '`temperature` may only be set to 1 when thinking is enabled');
  must(top_k === undefined, '`top_k` must be unset when thinking is enabled');
  must(!['any', 'tool'].includes(tool_choice?.type), 'Thinking may not be enabled when tool_choice forces tool use.');
}

function tools({ tools: list, tool_choice }) {
  (list ?? []).forEach((tool, i) => {
    if (tool.type !== undefined && tool.type !== 'custom') return;
    only(tool, TOOL_KEYS, `tools.${i}.`);
    must(/^[a-zA-Z0-9_-]{1,128}$/.test(tool.name ?? ''), `tools.${i}.name: String should match pattern`);
    must(tool.input_schema?.type === 'object', `tools.${i}.input_schema.type: Field required`);
  });
  must(tool_choice === undefined || ['auto', 'any', 'tool', 'none'].includes(tool_choice.type), 'tool_choice: unknown');
  must(tool_choice === undefined || list?.length > 0, 'tool_choice: may only be specified while providing tools');
}

/** Source: platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages. */
function systemTurn(model, messages, i) {
  must(SYSTEM_TURNS.test(model), "role 'system' is not supported on this model");
  must(i > 0, "messages.0: use the top-level 'system' parameter for the initial system prompt");
  must(messages[i - 1].role === 'user', `messages.${i}: a system message must follow a user message`);
  must((messages[i + 1]?.role ?? 'assistant') === 'assistant', `messages.${i}: a system message must be the last or before an assistant message`);
  messages[i].content.forEach((block, n) => checkBlock(block, 'system', `messages.${i}.content.${n}.`));
}

function conversation({ model, messages }, signatures) {
  let open = [];
  messages.forEach((message, i) => {
    const at = `messages.${i}.`;
    only(message, new Set(['role', 'content']), at);
    must(['user', 'assistant', 'system'].includes(message.role), `${at}role: Input should be "user" or "assistant"`);
    if (message.role === 'system') return systemTurn(model, messages, i);
    must(i === 0 || message.role !== messages[i - 1].role, 'messages: roles must alternate between "user" and "assistant"');
    const blocks = typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
    must(Array.isArray(blocks) && blocks.length > 0, `${at}content: must not be empty`);
    blocks.forEach((block, n) => checkBlock(block, message.role, `${at}content.${n}.`, signatures));
    const results = blocks.filter(({ type }) => type === 'tool_result').map(({ tool_use_id }) => tool_use_id);
    for (const id of open) must(results.includes(id), `${at}content.0: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${id}`);
    for (const id of results) must(open.includes(id), `${at}content: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}`);
    const firstOther = blocks.findIndex(({ type }) => type !== 'tool_result');
    must(results.length === 0 || firstOther < 0 || firstOther >= results.length, `${at}content: tool results come first`);
    open = blocks.filter(({ type }) => type === 'tool_use').map(({ id }) => id);
    must(new Set(open).size === open.length, `${at}content: \`tool_use\` ids must be unique`);
  });
  must(open.length === 0, 'messages: the last message has tool calls without results');
}

/** With a budget the turn that is being gone on with must begin with a thought; with adaptive thinking it need not. */
function beginsWithThought(messages) {
  const asked = messages.findLastIndex(({ role, content }) => role === 'user' && (typeof content === 'string' || content.every(({ type }) => type !== 'tool_result')));
  messages.slice(asked + 1).filter(({ role }) => role === 'assistant').forEach(({ content }, n) => {
    const [{ type }] = content;
    must(['thinking', 'redacted_thinking'].includes(type), `messages.${asked + 1 + 2 * n}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${type}\``);
  });
}

function checkBlock(block, role, at, signatures) {
  const rule = BLOCKS[block.type];
  must(rule !== undefined && rule.by.includes(role), `${at}type: a block of type ${block.type} is not allowed for ${role}`);
  only(block, new Set(['type', 'cache_control', ...rule.must, ...(rule.may ?? [])]), at);
  for (const key of rule.must) must(block[key] !== undefined, `${at}${block.type}.${key}: Field required`);
  if (block.type === 'text') must(block.text.trim() !== '', `${at}text: text content blocks must contain non-whitespace text`);
  if (block.type === 'tool_use') {
    must(/^[a-zA-Z0-9_-]+$/.test(block.id), `${at}tool_use.id: String should match pattern`);
    must(block.input !== null && typeof block.input === 'object', `${at}tool_use.input: Input should be a valid dictionary`);
  }
  if (block.type === 'image') {
    const keys = SOURCES[block.source.type];
    must(keys !== undefined, `${at}image.source.type: unknown`);
    only(block.source, new Set(keys), `${at}image.source.`);
    for (const key of keys) must(block.source[key], `${at}image.source.${key}: Field required`);
    must(!block.source.data?.startsWith('data:'), `${at}image.source.base64.data: must be base64`);
  }
  if (block.type === 'thinking') {
    must(signatures.get(block.signature) === block.thinking, `${at}thinking: Invalid \`signature\` in \`thinking\` block`);
  }
}
