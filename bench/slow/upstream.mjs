// A provider that streams as fast as it is read, a process of its own: so many chunks as the request allows tokens. Tells its parent
// its port at first and, whenever it is asked, how many bytes of answers the kernel or the gateway took from it.

import http from 'node:http';
import { endOf, LONG, longChunk, tokenChunk } from '../chunks.mjs';

/** Chunks in one write: a model that has a burst, and few calls here. */
const BURST = 10;

let written = 0;

const server = http.createServer(async (request, response) => {
  const body = [];
  for await (const part of request) body.push(part);
  const question = JSON.parse(Buffer.concat(body));
  const chunks = question.max_tokens ?? question.max_completion_tokens;
  const chunk = question.seed === LONG ? longChunk : tokenChunk;
  const { socket } = response;
  let moved = () => {};
  for (const event of ['drain', 'close']) response.on(event, () => moved());
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const count = () => {
    written += socket.bytesWritten - socket.writableLength - (socket.counted ?? 0);
    socket.counted = socket.bytesWritten - socket.writableLength;
  };
  for (let sent = 0; sent < chunks; sent += BURST) {
    const free = response.write(chunk.repeat(Math.min(BURST, chunks - sent)));
    count();
    if (!free) await new Promise((resolve) => { moved = resolve; });
    if (response.destroyed) return;
  }
  response.end(endOf(chunks, request.url, question.stream_options?.include_usage), count);
});
process.on('message', () => process.send({ written }));
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
