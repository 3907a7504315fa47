// An HTTP/1.1 client on a raw socket: it shows the exact bytes of an answer, can lie about its own request and can leave
// in the middle. It reuses no connection and repairs nothing.

import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { TEST_DEADLINE_MS } from '../upstream/server.mjs';
import { parseHeaders } from '../upstream/http.mjs';

const HEAD_END = '\r\n\r\n';
/** A chunk's size in hexadecimal, with the line ends around it and behind a last one. */
const LONGEST_SIZE = 32;
/** As much of an answer as a failed test shows. */
const SHOWN_BYTES = 4_000;

/** Sends one request, and waits for nothing. */
export const begin = (url, request) => new Connection(url, request);

/** Sends one request; resolves with the connection once the answer's head is there. */
export async function open(url, request) {
  const connection = begin(url, request);
  await connection.until(() => connection.status !== undefined, 'the head of an answer');
  return connection;
}

/** Sends one request; resolves with the whole answer: `{status, headers, body, text, json, complete, head, chunks}`. */
export async function send(url, request) {
  const connection = await open(url, request);
  await connection.until(() => connection.complete || connection.closed, 'the end of an answer');
  connection.leave();
  return connection.answer();
}

class Connection {
  #socket;
  /** What came and is not read yet: of the head, or of one chunk's frame. */
  #unread = Buffer.alloc(0);
  #parts = [];
  #bodyLength = 0;
  #chunkLeft = 0;
  #changes = new EventEmitter();
  #method;
  /** The answer ended as HTTP says: the last chunk, or as many bytes as Content-Length promised. */
  complete = false;
  /** How many chunks of HTTP the body came in, where it came so: how often the worker wrote. */
  chunks = 0;
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
      if (this.closed) throw new Error(`the connection closed before ${what}; got: ${this.#shown()}`);
      await once(this.#changes, 'change', { signal: deadline }).catch(() => {
        throw new Error(`no ${what} in time; got: ${this.#shown()}`);
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

  /** Reads nothing more until `readOn`: what comes fills the kernel's buffers, then the gateway's. */
  stopReading() {
    this.#socket.pause();
  }

  readOn() {
    this.#socket.resume();
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

  /** The bytes of the body so far. */
  get body() {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0] ?? Buffer.alloc(0);
  }

  answer() {
    const { status, headers, head, body, complete, chunks } = this;
    const text = body.toString('utf8');
    return { status, headers, head, body, text, complete, chunks, get json() { return JSON.parse(text); } };
  }

  #shown() {
    return [this.head ?? '', this.text.slice(0, SHOWN_BYTES), this.#unread.toString('latin1', 0, SHOWN_BYTES)].join('\n');
  }

  #received(data) {
    this.#unread = this.#unread.length > 0 ? Buffer.concat([this.#unread, data]) : data;
    if (this.status === undefined) this.#readHead();
    if (this.status !== undefined) this.#readBody();
    this.#changes.emit('change');
  }

  #readHead() {
    const end = this.#unread.indexOf(HEAD_END);
    if (end < 0) return;
    this.head = this.#unread.toString('latin1', 0, end);
    const [statusLine, ...lines] = this.head.split('\r\n');
    this.headers = parseHeaders(lines);
    this.#unread = this.#unread.subarray(end + HEAD_END.length);
    this.status = Number(statusLine.split(' ')[1]);
  }

  #readBody() {
    const { transfer, length } = this.#framing();
    if (transfer === 'chunked') {
      while (!this.complete && this.#readChunk());
    } else {
      this.#take(this.#unread.length);
      this.complete = this.#bodyLength >= length;
    }
  }

  #framing() {
    const empty = this.#method === 'HEAD' || [204, 304].includes(this.status);
    return { transfer: this.headers['transfer-encoding'], length: empty ? 0 : Number(this.headers['content-length'] ?? NaN) };
  }

  /** Reads on in the chunk that is coming; false where nothing more of it is there. */
  #readChunk() {
    if (this.#chunkLeft === 0) {
      // Behind a chunk stands a line end, and then the size of the next one.
      const size = /^(?:\r\n)?([0-9a-f]+)\r\n(\r\n)?/i.exec(this.#unread.toString('latin1', 0, LONGEST_SIZE));
      const isLast = size !== null && Number.parseInt(size[1], 16) === 0;
      if (size === null || (isLast && size[2] === undefined)) return false;
      this.#unread = this.#unread.subarray(size[0].length - (isLast ? 0 : size[2]?.length ?? 0));
      this.#chunkLeft = Number.parseInt(size[1], 16);
      this.complete = isLast;
      this.chunks += isLast ? 0 : 1;
      return !isLast;
    }
    const taken = this.#take(this.#chunkLeft);
    this.#chunkLeft -= taken;
    return taken > 0;
  }

  /** Takes so many bytes of the body, if they are there. */
  #take(bytes) {
    const part = this.#unread.subarray(0, bytes);
    this.#unread = this.#unread.subarray(part.length);
    this.#bodyLength += part.length;
    this.#parts.push(part);
    return part.length;
  }
}
