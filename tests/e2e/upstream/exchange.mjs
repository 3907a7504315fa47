// One request at the upstream and the raw socket that its answer goes to. Knows how to write an answer, and how to
// break one; what to write is up to a behaviour.

/** What the upstream remembers of a request, for assertions on what a provider saw. */
export class RequestRecord {
  constructor(provider, { method, target, headers, body }) {
    this.provider = provider;
    this.method = method;
    /** The path as sent, provider prefix included. */
    this.target = target;
    /** The path behind the provider's prefix: `/v1/chat/completions`. */
    this.path = target.replace(/^\/[^/]+/, '').replace(/\?.*$/, '');
    this.headers = headers;
    this.rawBody = body;
    this.text = body.toString('utf8');
    this.json = parseOrUndefined(this.text);
    /** Milliseconds, monotonic: for gaps between attempts. */
    this.at = performance.now();
    /** When the provider's answer ended or its client left; undefined before. */
    this.overAt = undefined;
    /** The provider wrote its answer to the end (or broke it off by itself). */
    this.ended = false;
    /** The client closed the connection before the answer ended. */
    this.aborted = false;
    /** The tokens of an answer that were said, and the usage that was told, where a behaviour counts them. */
    this.said = 0;
    this.usage = undefined;
    /** The bytes of the answer's body, as far as they were written. */
    this.sent = Buffer.alloc(0);
  }
}

export class Exchange {
  #socket;
  #markGone;
  #changed;

  constructor(socket, record, changed) {
    this.#socket = socket;
    this.#changed = changed;
    this.record = record;
    /** Resolves when the connection is gone, whoever closed it. */
    this.gone = new Promise((resolve) => { this.#markGone = resolve; });
  }

  get json() { return this.record.json; }
  get isOver() { return this.record.ended || this.record.aborted; }

  /** Called by the server when the socket closed. */
  socketClosed() {
    if (!this.record.ended) this.record.aborted = true;
    this.record.overAt ??= performance.now();
    this.#markGone();
    this.#changed();
  }

  /** Writes bytes as they are; resolves when the kernel took them or the client is gone. */
  async write(bytes) {
    if (this.isOver || this.#socket.destroyed || this.#socket.write(bytes)) return;
    await Promise.race([new Promise((resolve) => this.#socket.once('drain', resolve)), this.gone]);
  }

  /** A complete answer with a Content-Length. */
  async respond(status, headers, body) {
    const bytes = Buffer.from(body);
    await this.write(Buffer.concat([head(status, { ...headers, 'content-length': bytes.length }), bytes]));
    this.#end();
  }

  /** The head of an answer whose body comes in chunks. */
  async start(status, headers) {
    await this.write(head(status, { ...headers, 'transfer-encoding': 'chunked' }));
  }

  /** One chunk of the body, in one write. */
  async chunk(bytes) {
    const body = Buffer.from(bytes);
    if (body.length === 0 || this.isOver) return;
    this.record.sent = Buffer.concat([this.record.sent, body]);
    await this.write(Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]));
  }

  /** The last chunk: the body is complete as far as HTTP can tell. */
  async finish() {
    await this.write('0\r\n\r\n');
    this.#end();
  }

  /** Only a part of an answer whose head promises all of it. */
  async respondPartly(status, headers, body, bytes) {
    const whole = Buffer.from(body);
    await this.write(Buffer.concat([head(status, { ...headers, 'content-length': whole.length }), whole.subarray(0, bytes)]));
  }

  /** Closes the connection without the last chunk; what was written still arrives. */
  destroy() {
    this.#end();
    this.#socket.destroySoon();
  }

  /** Resets the connection (RST). */
  reset() {
    this.#end();
    this.#socket.resetAndDestroy();
  }

  #end() {
    if (this.isOver) return;
    this.record.ended = true;
    this.record.overAt = performance.now();
    this.#changed();
  }
}

function head(status, headers) {
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((v) => `${name}: ${v}`));
  return Buffer.from([`HTTP/1.1 ${status} Scripted`, ...lines, '', ''].join('\r\n'), 'latin1');
}

function parseOrUndefined(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
