// A scriptable upstream on a raw socket that plays any number of providers: the first path segment names the provider
// (`http://127.0.0.1:PORT/groq/v1/chat/completions`). Each provider has a queue of behaviours, one per request, then a
// default. Every request is recorded, and whether its client left early.

import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { chat } from './behaviours.mjs';
import { Exchange, RequestRecord } from './exchange.mjs';
import { RequestReader } from './http.mjs';

/** No wait in a test may last longer; a wait that ends here is a failed test. */
export const TEST_DEADLINE_MS = 15_000;

export async function startUpstream({ port = 0 } = {}) {
  const upstream = new Upstream();
  await upstream.listen(port);
  return upstream;
}

class Upstream {
  #server = net.createServer((socket) => this.#serve(socket));
  #sockets = new Set();
  #queues = new Map();
  #defaults = new Map();
  #everywhere = chat();
  #records = [];
  #changes = new EventEmitter().setMaxListeners(0);

  async listen(port) {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** What `GROQ_BASE_URL` and its like are set to. */
  baseUrl(provider) {
    return `${this.url}/${provider}/v1`;
  }

  /** Queues behaviours: one for each coming request of the provider. */
  script(provider, ...behaviours) {
    this.#queues.set(provider, [...(this.#queues.get(provider) ?? []), ...behaviours]);
  }

  /** What the provider does when its queue is empty. Without one it does what all do. */
  always(provider, behaviour) {
    this.#defaults.set(provider, behaviour);
  }

  /** What every provider does that was told nothing else. At first they are healthy: `chat()`. */
  everywhere(behaviour) {
    this.#everywhere = behaviour;
  }

  /** Forgets scripts and records; open connections go on. */
  reset() {
    this.#queues.clear();
    this.#defaults.clear();
    this.#everywhere = chat();
    this.#records = [];
  }

  /** The requests seen so far, of one provider or of all. */
  requests(provider) {
    return this.#records.filter((record) => provider === undefined || record.provider === provider);
  }

  /** How many requests each provider has seen: `{groq: 2, cerebras: 1}`. */
  counts() {
    const counts = {};
    for (const { provider } of this.#records) counts[provider] = (counts[provider] ?? 0) + 1;
    return counts;
  }

  /** Resolves with the first truthy value of `condition()`, tried again whenever the upstream sees something. */
  async waitFor(condition, what) {
    const deadline = AbortSignal.timeout(TEST_DEADLINE_MS);
    for (;;) {
      const value = condition();
      if (value) return value;
      try {
        await once(this.#changes, 'change', { signal: deadline });
      } catch {
        throw new Error(`the upstream never saw ${what}; it saw ${JSON.stringify(this.counts())}`);
      }
    }
  }

  /** Resolves when the provider has received its `n`th request. */
  received(provider, n = 1) {
    return this.waitFor(() => this.requests(provider)[n - 1], `request ${n} to ${provider}`);
  }

  /** Resolves when a client of the provider has left before its answer ended. */
  aborted(provider) {
    return this.waitFor(() => this.requests(provider).find((record) => record.aborted), `an abort at ${provider}`);
  }

  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket) {
    const reader = new RequestReader();
    let current = null;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      for (const request of reader.push(bytes)) current = this.#answer(socket, request);
    });
    socket.on('close', () => {
      this.#sockets.delete(socket);
      current?.socketClosed();
    });
  }

  #answer(socket, request) {
    const provider = request.target.split('/')[1];
    const record = new RequestRecord(provider, request);
    const exchange = new Exchange(socket, record, () => this.#changes.emit('change'));
    const behaviour = this.#queues.get(provider)?.shift() ?? this.#defaults.get(provider) ?? this.#everywhere;
    this.#records.push(record);
    this.#changes.emit('change');
    Promise.resolve(behaviour(exchange)).catch((error) => {
      console.error(`behaviour of ${provider} failed:`, error);
      exchange.reset();
    });
    return exchange;
  }
}
