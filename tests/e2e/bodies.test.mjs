// Bodies of all lengths: one is read in one piece or through a window, and scanned by vectors. Whatever the length and
// wherever something stands in it, the provider gets it byte for byte, and what is wrong is refused.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { ask, askInOrder, assertError, trailOf, user } from './harness/requests.mjs';
import { setScene } from './harness/scene.mjs';
import { builtModules } from './harness/bundle.mjs';
import { heldBytes, INSPECTED, withWatch } from '../../bench/held.mjs';
import { neverAnswer } from './upstream/behaviours.mjs';
import { begin, send } from './harness/wire.mjs';
import { GATEWAY_KEY, poll } from './harness/gateway.mjs';

/** Lengths around those at which `edge/body.rs` and `edge/fetch.rs` change their ways. */
const KB = 1024;
const LENGTHS = [64 * KB - 1, 64 * KB, 64 * KB + 1, 256 * KB - 1, 256 * KB, 256 * KB + 1, 512 * KB - 1, 512 * KB, 3000 * KB + 7];

/** A question of exactly so many bytes, no two parts of it alike. */
function long(bytes) {
  const numbers = Array.from({ length: bytes / 8 }, (_, i) => String(i).padStart(8, '.')).join('');
  const empty = JSON.stringify(ask({ messages: [user('é')] }));
  const filled = JSON.stringify(ask({ messages: [user(`é${numbers.slice(0, bytes - Buffer.byteLength(empty))}`)] }));
  return `${filled}${' '.repeat(bytes - Buffer.byteLength(filled))}`;
}

/** The same in HTTP's chunks, none of a length that fits a window. */
function inChunks(text) {
  const bytes = Buffer.from(text);
  const parts = [];
  for (let at = 0; at < bytes.length; at += 50_001) {
    const part = bytes.subarray(at, at + 50_001);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

describe('a body', () => {
  const scene = setScene({ providers: ['groq'], isolates: 1 });
  const chunked = (body) => scene.client.send({
    method: 'POST', path: '/v1/chat/completions', headers: { 'transfer-encoding': 'chunked', 'content-length': null }, body,
  });
  const sent = () => scene.upstream.requests('groq').at(-1).json.messages;

  for (const length of LENGTHS) {
    test(`of ${length} bytes reaches the provider whole, whether its length is told or not`, async () => {
      const body = long(length);
      assert.equal(Buffer.byteLength(body), length);
      for (const reply of [await scene.client.chat(body), await chunked(inChunks(body))]) {
        assert.equal(reply.status, 200, reply.text);
        assert.deepEqual(sent(), JSON.parse(body).messages);
      }
    });

    test(`of ${length} bytes that is wrong at its end is refused, and takes nothing with it`, async () => {
      const body = Buffer.from(long(length));
      body[body.lastIndexOf('"')] = 0xff;
      assertError(await scene.client.chat(body), { status: 400 });
      assertError(await chunked(inChunks(long(length).slice(0, -length / 2))), { status: 400 });
      const lie = { authorization: `Bearer ${GATEWAY_KEY}`, 'content-length': String(length + 1) };
      const broken = { method: 'POST', path: '/v1/chat/completions', headers: lie, body: long(length), halfClose: true };
      const reply = await send(scene.client.url, broken).catch(() => null);
      if (reply !== null) assert.ok(reply.status >= 400 && reply.status < 600, reply.head);
      assert.deepEqual(scene.upstream.requests(), [], 'nothing of it reached the provider');
      assert.equal((await scene.client.chat(long(length))).status, 200);
    });
  }

  /** More than two blocks of vectors, at every alignment. */
  const places = Array.from({ length: 80 }, (_, i) => i);
  const at = (place, special) => `${'x'.repeat(place)}${special}${'y'.repeat(79 - place)}`;

  test('may have an escape or a letter of any length anywhere in a string', async () => {
    const texts = ['\\"', '\\\\', '\\n', '\\u00e9', 'é', '€', '🙂', '\u007f', '\u0080'].flatMap((special) => places.map((place) => at(place, special)));
    const messages = texts.map((text) => `{"role":"user","content":"${text}"}`).join(',');
    const reply = await scene.client.chat(`{"model":"gpt-oss-120b","messages":[${messages}]}`);
    assert.equal(reply.status, 200, reply.text);
    assert.ok(scene.upstream.requests('groq')[0].text.includes(`"messages":[${messages}]`), 'byte for byte');
  });

  test('is refused for a control character or the end of a string anywhere', async () => {
    for (const place of places) {
      for (const special of ['\u0000', '\n', '\u001f', '"']) {
        const reply = await scene.client.chat(`{"model":"gpt-oss-120b","messages":[{"role":"user","content":"${at(place, special)}"}]}`);
        assert.equal(reply.status, 400, `${JSON.stringify(special)} at ${place}`);
      }
    }
    assert.deepEqual(scene.upstream.requests(), []);
  });
});

describe('a long body that a provider does not take to its end', () => {
  let behaviour;
  const sockets = [];
  const provider = net.createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => behaviour(socket));
  });
  before(async () => {
    await once(provider.listen(0, '127.0.0.1'), 'listening');
  });
  after(() => {
    provider.close();
    sockets.forEach((socket) => socket.destroy());
  });
  const vars = () => ({ GROQ_BASE_URL: `http://127.0.0.1:${provider.address().port}/v1`, REASONING_REQUEST_TIMEOUT_MS: '3000', REASONING_FIRST_TOKEN_TIMEOUT_MS: '3000' });
  const scene = setScene({ providers: ['groq', 'cerebras'], vars, isolates: 12 });
  const messages = [user('0123456789'.repeat(600 * KB))];
  const refusal = 'HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nbusy';

  const behaviours = {
    'because it refuses it and hangs up': [(socket) => socket.end(refusal), /^(503|connect)$/],
    'because it refuses it and reads no more': [(socket) => socket.pause().write(refusal), /^503$/],
    'because it breaks off': [(socket) => socket.destroy(), /^connect$/],
    'because it reads no more': [(socket) => socket.pause(), /^timeout$/],
  };
  for (const [name, [act, outcome]] of Object.entries(behaviours)) {
    for (const stream of [false, true]) {
      test(`${name} goes whole to the next one${stream ? ', streamed' : ''}`, async () => {
        behaviour = act;
        const reply = await scene.client.chat(askInOrder(['groq', 'cerebras'], { messages, stream }));
        assert.equal(reply.status, 200, reply.text.slice(0, 300));
        const [[first, how], second] = trailOf(reply);
        assert.deepEqual([first, second], ['groq', ['cerebras', '200']]);
        assert.match(how, outcome);
        assert.deepEqual(scene.upstream.requests('cerebras')[0].json.messages, messages);
      });
    }
  }

  test('because it refuses it and reads no more is told by what it said', async () => {
    const said = JSON.stringify({ error: { message: 'This is too long for me.', type: 'invalid_request_error', code: 'context_length_exceeded' } });
    behaviour = (socket) => socket.pause().write(`HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${said.length}\r\n\r\n${said}`);
    const reply = await scene.client.chat(askInOrder(['groq'], { messages }));
    assertError(reply, { status: 400, code: 'context_length_exceeded' });
  });

  test('because its client leaves is given up, and has a row', async () => {
    const project = 'left-in-an-upload';
    let connection;
    behaviour = (socket) => {
      socket.pause();
      connection.leave();
    };
    connection = scene.client.beginChat(askInOrder(['groq', 'cerebras'], { messages, project_id: project }));
    const { status, error_class, trail } = await scene.gateway.rowOfProject(project);
    assert.deepEqual([status, error_class, trail], [499, 'client_closed', 'groq/gpt-oss-120b=client_closed']);
    assert.deepEqual(scene.upstream.counts(), {}, 'nobody else was asked');
  });

  describe('while another one is asked as well', () => {
    const hedging = setScene({ providers: ['groq', 'cerebras'], vars: () => ({ ...vars(), HEDGE_AFTER_MS: '200', HEDGE_MAX_USD: '1000' }), isolates: 1 });
    test('goes whole to that one', async () => {
      behaviour = behaviours['because it reads no more'][0];
      const reply = await hedging.client.chat(askInOrder(['groq', 'cerebras'], { messages, stream: true, reasoning_effort: 'low' }));
      assert.deepEqual([reply.status, trailOf(reply)], [200, [['groq', 'hedged'], ['cerebras', '200']]]);
      assert.deepEqual(hedging.upstream.requests('cerebras')[0].json.messages, messages);
    });
  });
});

describe('what the isolate holds of bodies', () => {
  const MB = KB * KB;
  const COUNTED = 6400 * KB;
  const vars = { MAX_BODY_BYTES: String(COUNTED), INFLIGHT_BYTES_MAX: String(COUNTED) };
  const watched = { providers: ['groq'], modules: withWatch(builtModules()), ...INSPECTED };
  const held = ({ client, gateway }) => heldBytes(client.url, gateway.inspectorUrl);

  describe('while clients upload slowly', () => {
    const scene = setScene({ ...watched, vars, isolates: 1 });
    /** How many of them use up what may be held, the header that tells a length or none, and what they send at first. */
    const uploads = {
      'and say how long theirs is': [80, { 'content-length': COUNTED / 80 }, '{'],
      'and do not say how long theirs is': [400, { 'transfer-encoding': 'chunked', 'content-length': null }, `4000\r\n${'{'.padEnd(16 * KB)}\r\n`],
    };
    for (const [name, [clients, length, body]] of Object.entries(uploads)) {
      test(`${name}, is in proportion to what is counted`, async () => {
        const before = await held(scene);
        const headers = { authorization: `Bearer ${GATEWAY_KEY}`, ...length };
        // One more than there is room for.
        const all = Array.from({ length: clients + 1 }, () => begin(scene.client.url, { method: 'POST', path: '/v1/chat/completions', headers, body }));
        await poll(() => all.some(({ status }) => status === 503), 'refusal because all others are being read');
        const grown = (await held(scene)) - before;
        all.forEach((one) => one.leave());
        assert.ok(grown < 3 * COUNTED, `${grown} bytes of ${COUNTED}`);
        await poll(async () => (await scene.client.chat(ask())).status === 200, 'room again');
      });
    }
  });

  describe('while a provider thinks', () => {
    const BODY = 8 * MB;
    const scene = setScene({ ...watched, vars: { INFLIGHT_BYTES_MAX: String(6 * BODY) }, isolates: 1 });
    test('is each of them once, and no copy of it for the provider', async () => {
      scene.upstream.always('groq', neverAnswer());
      const before = await held(scene);
      const waiting = [];
      for (let i = 1; i <= 4; i += 1) {
        waiting.push(scene.client.beginChat(ask({ messages: [user('x'.repeat(BODY))] })));
        await poll(() => scene.upstream.requests('groq').length === i, 'the body at the provider');
      }
      const grown = (await held(scene)) - before;
      waiting.forEach((one) => one.leave());
      assert.ok(grown < 5 * BODY, `${grown / MB} MB`);
    });
  });
});
