// The provider of the benchmark, a process of its own so that its work is nobody's: answers every POST with a short
// completion, or with a stream when the request asks for one: as many chunks as it allows tokens, at a fixed pace. Usage comes
// with the last choice, or in a chunk of its own where the path says so. Tells its parent its port.

import http from 'node:http';

const [paceMs] = process.argv.slice(2).map(Number);
const ANSWER_BYTES = 1024;
const TRAILING = '/trailing/';

const head = { id: 'chatcmpl-bench', created: 1_790_000_000, model: 'openai/gpt-oss-120b' };
const usageOf = (chunks) => ({ prompt_tokens: 200, completion_tokens: chunks, total_tokens: 200 + chunks });
const answer = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(ANSWER_BYTES - 300) }, finish_reason: 'stop' }],
  usage: usageOf(200),
});
const event = (fields) => `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...fields })}\n\n`;
const token = event({ choices: [{ index: 0, delta: { content: ' token' }, finish_reason: null }] });
const DONE = 'data: [DONE]\n\n';

function end(chunks, trailing, asked) {
  const stop = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
  if (!trailing) return `${event({ ...stop, usage: usageOf(chunks) })}${DONE}`;
  return `${event(stop)}${asked ? event({ choices: [], usage: usageOf(chunks) }) : ''}${DONE}`;
}

const server = http.createServer(async (request, response) => {
  const body = [];
  for await (const part of request) body.push(part);
  const question = JSON.parse(Buffer.concat(body));
  if (!question.stream) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
    response.end(answer);
    return;
  }
  const chunks = question.max_tokens ?? question.max_completion_tokens;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let left = chunks;
  const timer = setInterval(() => {
    response.write(token);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    response.end(end(chunks, request.url.startsWith(TRAILING), question.stream_options?.include_usage));
  }, paceMs);
  response.on('close', () => clearInterval(timer));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
