// An HTTP/1.1 client on a raw socket: it shows the exact bytes of an answer, can lie about its own request and can leave
// in the middle. It reuses no connection and repairs nothing.

import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { TEST_DEADLINE_MS } from '../upstream/server.mjs';
import { parseHeaders } from '../upstream/http.mjs';

const HEAD_END = '\r\n\r\n';

/** Sends one request, and waits for nothing. */
export const begin = (url, request) => new Connection(url, request);

/** Sends one request; resolves with the connection once the answer's head is there. */
export async function open(url, request) {
  const connection = begin(url, request);
  await connection.until(() => connection.status !== undefined, 'the head of an answer');
  return connection;
}

/** Sends one request; resolves with the whole answer: `{status, headers, body, text, json, complete, head}`. */
export async function send(url, request) {
  const connection = await open(url, request);
  await connection.until(() => connection.complete || connection.closed, 'the end of an answer');
  connection.leave();
  return connection.answer();
}

class Connection {
  #socket;
  #bytes = Buffer.alloc(0);
  #bodyAt = 0;
  #changes = new EventEmitter();
  #method;
  /** The answer ended as HTTP says: the last chunk, or as many bytes as Content-Length promised. */
  complete = false;
  /** The connection is gone. */
  closed = false;

  constructor(url, { method = 'GET', path = '/', headers = {}, body = '', halfClose = false, signal } = {}) {
    const { hostname, port, host } = new URL(url);
    const bytes = Buffer.from(body);
    this.#method = method;
    this.#socket = net.connect(Number(port), hostname);
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (data) => this.#received(data));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.closed = true;
      this.#changes.emit('change');
    });
    const all = { host, connection: 'close', ...(bytes.length > 0 ? { 'content-length': bytes.length } : {}), ...headers };
    const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}`);
    this.#socket.write([`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
    this.#socket.write(bytes);
    if (halfClose) this.#socket.end();
    signal?.addEventListener('abort', () => this.leave());
  }

  /** Resolves when the condition holds; rejects when it still does not after the connection closed or the deadline. */
  async until(condition, what) {
    const deadline = AbortSignal.timeout(TEST_DEADLINE_MS);
    while (!condition()) {
      if (this.closed) throw new Error(`the connection closed before ${what}; got: ${this.#bytes.toString('latin1')}`);
      await once(this.#changes, 'change', { signal: deadline }).catch(() => {
        throw new Error(`no ${what} in time; got: ${this.#bytes.toString('latin1')}`);
      });
    }
  }

  /** Resolves when the body so far contains the words. */
  untilBody(words) {
    return this.until(() => this.text.includes(words), `${JSON.stringify(words)} in the body`);
  }

  /** Resolves with the whole answer when it ended. */
  async finished() {
    await this.until(() => this.complete || this.closed, 'the end of an answer');
    return this.answer();
  }

  /** Resets the connection, as a client does that is gone. */
  leave() {
    this.#socket.resetAndDestroy();
  }

  /** Closes the connection in good order, as a client does that has read enough. */
  hangUp() {
    this.#socket.destroy();
  }

  get text() {
    return this.body.toString('utf8');
  }

  answer() {
    const { status, headers, head, body, complete } = this;
    const text = body.toString('utf8');
    return { status, headers, head, body, text, complete, get json() { return JSON.parse(text); } };
  }

  #received(data) {
    this.#bytes = Buffer.concat([this.#bytes, data]);
    if (this.status === undefined) this.#readHead();
    if (this.status !== undefined) this.#readBody();
    this.#changes.emit('change');
  }

  #readHead() {
    const end = this.#bytes.indexOf(HEAD_END);
    if (end < 0) return;
    this.head = this.#bytes.toString('latin1', 0, end);
    const [statusLine, ...lines] = this.head.split('\r\n');
    this.headers = parseHeaders(lines);
    this.#bodyAt = end + HEAD_END.length;
    this.status = Number(statusLine.split(' ')[1]);
  }

  #readBody() {
    const wire = this.#bytes.subarray(this.#bodyAt);
    if (this.headers['transfer-encoding'] === 'chunked') {
      [this.body, this.complete] = decodeChunks(wire);
    } else {
      const length = this.#method === 'HEAD' || [204, 304].includes(this.status) ? 0 : Number(this.headers['content-length'] ?? NaN);
      this.body = wire;
      this.complete = wire.length >= length;
    }
  }
}

/** @returns the bytes of the chunks that are there, and whether the last chunk is among them. */
function decodeChunks(wire) {
  const parts = [];
  let at = 0;
  for (;;) {
    const lineEnd = wire.indexOf('\r\n', at);
    if (lineEnd < 0) return [Buffer.concat(parts), false];
    const size = Number.parseInt(wire.toString('latin1', at, lineEnd), 16);
    const from = lineEnd + 2;
    if (size === 0) return [Buffer.concat(parts), wire.length >= from + 2];
    parts.push(wire.subarray(from, Math.min(from + size, wire.length)));
    if (wire.length < from + size + 2) return [Buffer.concat(parts), false];
    at = from + size + 2;
  }
}
