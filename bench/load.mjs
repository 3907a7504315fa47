// The client of the benchmark, a process of its own: sends so many requests over so many kept connections, reads every
// answer to its end and tells its parent how it went. Anything but whole answers is counted as failed. It keeps of an
// answer only what it has to look at, so that long streams cost it little.

import http from 'node:http';

/** More than the end of any answer that is looked at. */
const TAIL_BYTES = 1024;
const ENDS = { stream: 'data: [DONE]\n\n', whole: '"finish_reason":"stop"' };

function once(agent, { url, headers, body, stream }) {
  return new Promise((resolve) => {
    const began = performance.now();
    const answer = { whole: false, bytes: 0, firstMs: 0, ms: 0 };
    const request = http.request(url, { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } }, (response) => {
      let tail = Buffer.alloc(0);
      response.on('data', (part) => {
        if (answer.bytes === 0) answer.firstMs = performance.now() - began;
        answer.bytes += part.length;
        tail = Buffer.concat([tail, part]).subarray(-TAIL_BYTES);
      });
      response.on('error', () => resolve(answer));
      response.on('end', () => {
        const text = tail.toString();
        answer.whole = response.statusCode === 200 && (stream ? text.endsWith(ENDS.stream) : text.includes(ENDS.whole));
        answer.ms = performance.now() - began;
        resolve(answer);
      });
    });
    request.on('error', () => resolve(answer));
    request.end(body);
  });
}

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const percentiles = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
};

process.on('message', async ({ requests, concurrency, ...request }) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency });
  let left = requests;
  const answers = [];
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      answers.push(await once(agent, request));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  agent.destroy();
  process.send({
    failed: answers.filter(({ whole }) => !whole).length,
    bytes: answers.reduce((sum, { bytes }) => sum + bytes, 0),
    latencyMs: percentiles(answers.map(({ ms }) => ms)),
    firstByteMs: percentiles(answers.map(({ firstMs }) => firstMs)),
  });
});
