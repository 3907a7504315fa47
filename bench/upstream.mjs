// The provider of the benchmark, a process of its own so that its work is nobody's: answers every POST with a short
// completion, or with a stream of CHUNKS chunks at a fixed pace when the request asks for one. Tells its parent its port.

import http from 'node:http';

const [chunks, paceMs] = process.argv.slice(2).map(Number);
const ANSWER_BYTES = 1024;

const head = { id: 'chatcmpl-bench', created: 1_790_000_000, model: 'openai/gpt-oss-120b' };
const usage = { prompt_tokens: 200, completion_tokens: chunks, total_tokens: 200 + chunks };
const answer = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(ANSWER_BYTES - 300) }, finish_reason: 'stop' }],
  usage,
});
const event = (fields) => `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...fields })}\n\n`;
const token = event({ choices: [{ index: 0, delta: { content: ' token' }, finish_reason: null }] });
const last = `${event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage })}data: [DONE]\n\n`;

const server = http.createServer(async (request, response) => {
  const body = [];
  for await (const part of request) body.push(part);
  if (!JSON.parse(Buffer.concat(body)).stream) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
    response.end(answer);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let left = chunks;
  const timer = setInterval(() => {
    response.write(token);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    response.end(last);
  }, paceMs);
  response.on('close', () => clearInterval(timer));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
