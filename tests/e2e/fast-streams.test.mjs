// Rewritten streams that come fast: the gateway lets them pile up for a moment and takes many chunks at a time. Whatever
// happens to such a stream must look as it does chunk by chunk, and what piles up must have a bound.

import assert from 'node:assert/strict';
import http from 'node:http';
import { buffer, text as streamText } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import zlib from 'node:zlib';
import { GATEWAY_KEY, poll } from './harness/gateway.mjs';
import { ask, OPENAI_MODEL, SHARED_MODEL } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { readStream } from './harness/sse.mjs';
import { EVENT_STREAM, every, multiLine, singleBytes, stream, tokenStream } from './upstream/behaviours.mjs';
import { chunk, tokens, USAGE } from './upstream/payloads.mjs';
import {
  comment, destroyed, done, endOfBody, errorEvent, finish, gate, hold, pause, raw, reset, role, silence, text, trailingUsage,
} from './upstream/steps.mjs';

const MANY = tokens(300);
/** A token each millisecond, as the fastest providers write. */
const fast = (content) => content.flatMap((token) => [text(token), pause(1)]);
const ending = [finish('stop'), trailingUsage(USAGE), done()];
/** A token's event as a chunk of HTTP, to be written together with others. */
const inHttp = (request, token) => {
  const event = Buffer.from(`data: ${JSON.stringify(chunk(request, { delta: { content: token } }))}\n\n`);
  return Buffer.concat([Buffer.from(`${event.length.toString(16)}\r\n`), event, Buffer.from('\r\n')]);
};
const streamed = (fields = {}) => ask({ model: OPENAI_MODEL, stream: true, ...fields });

describe('a fast stream that is rewritten', () => {
  const scene = setScene({ providers: ['openai', 'groq'], isolates: 32, vars: { STREAM_IDLE_TIMEOUT_MS: '1500' } });

  /** A stream of these tokens in gzip's format, each of them as soon as it is there. */
  const compressed = (content) => async (exchange) => {
    const gzip = zlib.createGzip();
    const flushed = async (json) => {
      gzip.write(`data: ${typeof json === 'string' ? json : JSON.stringify(chunk(exchange.json, json))}\n\n`);
      await new Promise((resolve) => gzip.flush(zlib.constants.Z_SYNC_FLUSH, resolve));
      await exchange.chunk(gzip.read());
    };
    await exchange.start(200, { ...EVENT_STREAM, 'content-encoding': 'gzip' });
    for (const token of content) await flushed({ delta: { content: token } });
    for (const last of [{ finish_reason: 'stop' }, { choices: [], usage: USAGE }, '[DONE]']) await flushed(last);
    gzip.end();
    await exchange.chunk(await buffer(gzip));
    await exchange.finish();
  };

  async function assertWhole(reply, content) {
    const told = readStream(reply.text);
    assert.deepEqual([told.content, told.finishReasons, told.dones, told.usage], [content.join(''), ['stop'], 1, undefined]);
    assert.ok(told.chunks.every(({ choices }) => choices.length === 1), 'no usage chunk');
    const row = await scene.gateway.row(reply.headers['x-request-id']);
    assert.deepEqual([row.error_class, row.completion_tokens, row.estimated], [null, USAGE.completion_tokens, 0]);
  }

  async function assertCut(reply, content, errorClass = 'stream_cut') {
    const told = readStream(reply.text);
    assert.deepEqual([told.content, told.finishReasons, told.dones], [content.join(''), [], 0]);
    assert.ok(told.error, `no error event in ${reply.text.slice(-300)}`);
    assert.equal((await scene.gateway.row(reply.headers['x-request-id'])).error_class, errorClass);
  }

  const shapes = {
    'a token a millisecond': stream([role(), ...fast(MANY), ...ending]),
    'all at once': tokenStream({ content: MANY }),
    'every byte on its own': tokenStream({ content: tokens(40), pieces: singleBytes }),
    'split in the middle of characters and line ends': tokenStream({ content: MANY, pieces: every(7), eol: '\r\n' }),
    'data over several lines': tokenStream({ content: MANY, layout: multiLine }),
    'comments between': stream([role(), ...fast(MANY).flatMap((step) => [step, comment()]), ...ending]),
    'pauses between bursts': stream([role(), text(...MANY.slice(0, 100)), pause(60), ...fast(MANY.slice(100, 200)), pause(60), text(...MANY.slice(200)), ...ending]),
  };
  for (const [name, behaviour] of Object.entries(shapes)) {
    test(`is whole: ${name}`, async () => {
      scene.upstream.always('openai', behaviour);
      await assertWhole(await scene.client.chat(streamed()), name === 'every byte on its own' ? tokens(40) : MANY);
    });
  }

  test('ends at its [DONE], though the connection stays open', async () => {
    scene.upstream.always('openai', stream([role(), ...fast(MANY), ...ending, silence()]));
    await assertWhole(await scene.client.chat(streamed()), MANY);
    await scene.upstream.aborted('openai');
  });

  // JSON, so that nobody is asked to go on with it.
  const json = streamed({ response_format: { type: 'json_object' } });
  for (const [name, steps] of Object.entries({
    'its connection was closed': [destroyed()],
    'HTTP ended it': [endOfBody()],
    'the provider told of an error': [errorEvent('overloaded'), text('more'), done()],
    'an event was no chunk': [raw('data: {"id":"x","choices":[{"index":0,"delta":{"content":"to\n\n'), text('more'), ...ending],
    'it was cut within an event': [raw('data: {"id":"x","choices":[{"index":0,"del'), destroyed()],
  })) {
    test(`has every token and an error event where ${name}`, async () => {
      scene.upstream.always('openai', stream([role(), ...fast(MANY), ...steps]));
      await assertCut(await scene.client.chat(json), MANY);
    });
  }

  test('has an error event where its connection was reset', async () => {
    const seen = gate();
    scene.upstream.always('openai', stream([role(), ...fast(MANY), hold(seen), reset()]));
    const connection = await scene.client.openChat(json);
    await connection.untilBody(MANY.at(-1));
    seen.open();
    await assertCut(await connection.finished(), MANY);
  });

  test('has an error event where it stalls', async () => {
    scene.upstream.always('openai', stream([role(), ...fast(MANY), silence()]));
    await assertCut(await scene.client.chat(json), MANY);
    await scene.upstream.aborted('openai');
  });

  test('holds no token back while its model pauses', async () => {
    const onward = gate();
    scene.upstream.always('openai', stream([role(), ...fast(MANY), hold(onward), text('the end'), ...ending]));
    const connection = await scene.client.openChat(streamed());
    await connection.untilBody(MANY.at(-1));
    onward.open();
    await assertWhole(await connection.finished(), [...MANY, 'the end']);
  });

  test('is taken many chunks at a time', async () => {
    const atOnce = ({ exchange, request }) => exchange.write(Buffer.concat(MANY.map((token) => inHttp(request, token))));
    scene.upstream.always('openai', stream([role(), atOnce, ...ending]));
    const reply = await scene.client.chat(streamed());
    await assertWhole(reply, MANY);
    assert.ok(reply.chunks < MANY.length / 2, `${reply.chunks} chunks of HTTP`);
  });

  test('is whole when it comes compressed', async () => {
    scene.upstream.always('openai', compressed(MANY));
    await assertWhole(await scene.client.chat(streamed()), MANY);
  });

  test('is whole whatever its length is, where reading ahead begins and ends', async () => {
    for (let length = 8; length < 40; length += 1) {
      scene.upstream.always('openai', tokenStream({ content: tokens(length) }));
      await assertWhole(await scene.client.chat(streamed()), tokens(length));
    }
  });

  test('may have a chunk that is larger than all buffers', async () => {
    const content = [...MANY, 'x'.repeat(200_000), ...MANY];
    scene.upstream.always('openai', stream([role(), ...fast(MANY), text('x'.repeat(200_000)), ...fast(MANY), ...ending]));
    await assertWhole(await scene.client.chat(streamed()), content);
  });

  test('goes on with another provider that is as fast', async () => {
    scene.upstream.always('openai', stream([role(), ...fast(MANY.slice(0, 100)), destroyed()]));
    scene.upstream.always('groq', stream([role(), ...fast(MANY), finish('stop', USAGE), done()]));
    const reply = await scene.client.chat(streamed({ model: `openai/${OPENAI_MODEL}`, models: [`groq/${SHARED_MODEL}`], temperature: 0 }));
    const told = readStream(reply.text);
    assert.deepEqual([told.content, told.finishReasons, told.dones, told.error], [MANY.join(''), ['stop'], 1, undefined]);
    assert.equal(scene.upstream.requests('groq').length, 1);
  });

  // What is read ahead goes to a decompressor that takes it for a file's name, which ends with a zero byte.
  test('may have a zero byte in a comment, and is not slower behind it', async () => {
    const begin = performance.now();
    let wroteMs = 0;
    const stop = () => { wroteMs = performance.now() - begin; };
    scene.upstream.always('openai', stream([role(), ...fast(MANY), raw(': a\0b\0\n\n'), ...fast(MANY), stop, ...ending]));
    const reply = await scene.client.chat(streamed());
    const tookMs = performance.now() - begin;
    await assertWhole(reply, [...MANY, ...MANY]);
    assert.ok(tookMs < 3 * wroteMs, `${tookMs} ms for what the provider wrote in ${wroteMs} ms`);
  });

  for (const how of ['leave', 'hangUp']) {
    test(`is given up when its client leaves (${how})`, async () => {
      scene.upstream.always('openai', stream([role(), ...fast(tokens(5000)), silence()]));
      const connection = await scene.client.openChat(streamed());
      await connection.untilBody(tokens(100).at(-1));
      connection[how]();
      await scene.upstream.aborted('openai');
      const row = await scene.gateway.row(connection.headers['x-request-id']);
      assert.deepEqual([row.status, row.error_class], [200, 'client_closed']);
    });
  }
});

describe('a client that does not read', () => {
  const scene = setScene({ providers: ['openai'] });
  /** What may be on its way: sockets of the kernel hold a few MB each, and 16 ms of what a provider can write on loopback. */
  const BOUND_BYTES = 64 * 1024 * 1024;
  const CONTENT = 'x'.repeat(1200);

  /** Writes as fast as it is read until it is told to stop. */
  const flood = (counted) => async ({ exchange, request }) => {
    const piece = inHttp(request, CONTENT);
    while (!counted.enough && !exchange.isOver && counted.bytes < 2 * BOUND_BYTES) {
      counted.events += 1;
      counted.bytes += piece.length;
      await exchange.write(piece);
    }
  };

  /** Asks, and resolves with an answer of which nothing is read yet. */
  const openReading = (url) => new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${GATEWAY_KEY}`, 'content-type': 'application/json' };
    const request = http.request(`${url}/v1/chat/completions`, { method: 'POST', headers }, resolve);
    request.on('error', reject);
    request.end(JSON.stringify(streamed()));
  });

  test('holds its provider up, and gets all of it in the end', async () => {
    const counted = { events: 0, bytes: 0, enough: false };
    scene.upstream.always('openai', stream([role(), flood(counted), ...ending]));
    const reading = await openReading(scene.client.url);
    let before = -1;
    const isHeldUp = async () => {
      const held = counted.bytes === before;
      before = counted.bytes;
      await pause(100)();
      return held;
    };
    await poll(isHeldUp, 'provider that is held up');
    assert.ok(counted.bytes < BOUND_BYTES, `${counted.bytes} bytes were taken from the provider`);
    counted.enough = true;
    const told = readStream(await streamText(reading));
    assert.deepEqual([told.content.length, told.finishReasons, told.dones], [counted.events * CONTENT.length, ['stop'], 1]);
  });
});
