// The client of the benchmark, a process of its own: sends so many requests over so many kept connections, reads every
// answer to its end and tells its parent how it went. Anything but whole answers is counted as failed.

import http from 'node:http';

function once(agent, { url, headers, body, stream }) {
  return new Promise((resolve) => {
    const request = http.request(url, { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', () => resolve(false));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        const whole = stream ? text.endsWith('data: [DONE]\n\n') : text.includes('"finish_reason":"stop"');
        resolve(response.statusCode === 200 && whole);
      });
    });
    request.on('error', () => resolve(false));
    request.end(body);
  });
}

process.on('message', async ({ requests, concurrency, ...request }) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency });
  let left = requests;
  let failed = 0;
  const started = performance.now();
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      if (!(await once(agent, request))) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  agent.destroy();
  process.send({ failed, ms: performance.now() - started });
});
