// The provider of the benchmark, a process of its own so that its work is nobody's: answers every POST with a short
// completion, or with a stream when the request asks for one: as many chunks as it allows tokens, at a fixed pace. Usage comes
// with the last choice, or in a chunk of its own where the path says so. Tells its parent its port.

import http from 'node:http';
import { answer, endOf, tokenChunk } from './chunks.mjs';

const [paceMs] = process.argv.slice(2).map(Number);

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
    response.write(tokenChunk);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    response.end(endOf(chunks, request.url, question.stream_options?.include_usage));
  }, paceMs);
  response.on('close', () => clearInterval(timer));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
