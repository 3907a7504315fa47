// The built gateway in real workerd, and clients of it. Its isolates share the variables and the database, not their view
// of the providers' health, so each test takes a fresh one.

import { TEST_DEADLINE_MS } from '../upstream/server.mjs';
import { builtModules } from './bundle.mjs';
import { begin, open, send } from './wire.mjs';
import { startWorkerd } from './workerd.mjs';

export const GATEWAY_KEY = 'sk-gateway-e2e-4f1d6c';
export const PROJECT = 'e2e-project';

/** How often a condition is tried again that nobody tells about: D1 does not say when a row comes. */
const POLL_MS = 15;

/** The variables that switch providers on and point them at the upstream. */
export function providerVars(upstream, ...providers) {
  return Object.fromEntries(providers.flatMap((provider) => [
    [`${envName(provider)}_API_KEY`, providerKey(provider)],
    [`${envName(provider)}_BASE_URL`, upstream.baseUrl(provider)],
  ]));
}

/** The secret with which the gateway calls a provider; it must never be seen by a client. */
export const providerKey = (provider) => `sk-upstream-${provider}-9b2e7a`;

const envName = (provider) => provider.toUpperCase().replaceAll('-', '_');

/** Ledgers write into D1 so soon after a request that a test need not wait for its row. */
const LEDGER_FLUSH_MS = '20';

/**
 * @param vars the worker's variables; those set to null are left out.
 * @param workerd more for `startWorkerd`.
 */
export async function startGateway({ vars = {}, isolates = 1, modules = builtModules(), ...workerd } = {}) {
  const all = { GATEWAY_API_KEY: GATEWAY_KEY, DEFAULT_PROJECT_ID: PROJECT, LEDGER_FLUSH_MS, ...vars };
  const bindings = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
  return new Gateway(await startWorkerd({ modules, bindings, isolates, ...workerd }));
}

class Gateway {
  #workerd;
  #unused;

  constructor(workerd) {
    this.#workerd = workerd;
    this.#unused = [...workerd.urls];
    /** D1, for queries of a test's own. */
    this.database = workerd.database;
    /** The process that all of it is in. */
    this.pid = workerd.pid;
    this.inspectorUrl = workerd.inspectorUrl;
  }

  /** A client of an isolate that no test has used yet. */
  freshClient() {
    const url = this.#unused.shift();
    if (url === undefined) throw new Error('all isolates are used: start the gateway with more of them');
    return new Client(url);
  }

  /** Everything that workerd printed: the worker's log, and the runtime's complaints. */
  logs() {
    return Buffer.concat(this.#workerd.output).toString('utf8');
  }

  async rows() {
    return (await this.database.prepare('SELECT * FROM requests ORDER BY created_at, id').all()).results;
  }

  /** A project's ledger, as the isolates see it. */
  ledger(projectId, isolate = 0, binding = 'LEDGER') {
    return new Ledger(this.#workerd, projectId, isolate, binding);
  }

  /** The stub of any Durable Object, as the isolates see it. */
  object(binding, name, isolate = 0) {
    return this.#workerd.object(binding, name, isolate);
  }

  /** Resolves with the request's row in D1, which is written after the reply. */
  row(requestId) {
    return poll(
      async () => this.database.prepare('SELECT * FROM requests WHERE id = ?').bind(requestId).first(),
      `row of request ${requestId}`,
    );
  }

  /** Resolves with the only row of a project: of a request, too, whose client never learned its id. */
  rowOfProject(projectId) {
    return poll(
      async () => (await this.rows()).find(({ project_id }) => project_id === projectId),
      `row of project ${projectId}`,
    );
  }

  /** Throws a Durable Object out of memory: what it knows from now on is what it has stored. */
  evictObject(binding, name) {
    return this.#workerd.evict(binding, name);
  }

  /** Runs the cron trigger as if it were that time, in milliseconds. */
  scheduled(time) {
    return this.#workerd.scheduled(time);
  }

  stop() {
    return this.#workerd.dispose();
  }
}

/** The ledger object of one project. */
class Ledger {
  #workerd;
  #projectId;
  #isolate;
  #binding;

  constructor(workerd, projectId, isolate, binding) {
    this.#workerd = workerd;
    this.#projectId = projectId;
    this.#isolate = isolate;
    this.#binding = binding;
  }

  /** Its figures. */
  async status() {
    return (await this.#fetch('https://ledger/status')).json();
  }

  /** Sends it a message as an isolate does; resolves with the status of its answer. An array is sent as JSON. */
  async commit(records) {
    const body = typeof records === 'string' ? records : JSON.stringify(records);
    return (await this.#fetch('https://ledger/commit', { method: 'POST', body })).status;
  }

  /** Resolves with the first figures that satisfy the condition. */
  until(condition, what) {
    return poll(async () => {
      const status = await this.status();
      return condition(status) ? status : null;
    }, what);
  }

  /** Throws it out of memory: what it knows from now on is what it has stored. */
  evict() {
    return this.#workerd.evict(this.#binding, this.#projectId, this.#isolate);
  }

  async #fetch(url, init) {
    return (await this.#workerd.object(this.#binding, this.#projectId, this.#isolate)).fetch(url, init);
  }
}

/** Requests as an ordinary client with the right key sends them. */
class Client {
  #opening = new AbortController();

  constructor(url) {
    this.url = url;
  }

  /** Any request; `headers` set to null are left out. */
  send({ headers = {}, ...request }) {
    return send(this.url, { ...request, headers: { authorization: `Bearer ${GATEWAY_KEY}`, ...headers } });
  }

  get(path, headers) {
    return this.send({ path, headers });
  }

  /** A chat completion, read to its end. A string as `body` is sent as it is. */
  chat(body, headers = {}) {
    return this.send(chatRequest(body, headers));
  }

  /** A chat completion whose connection the test holds in its hand: resolves at the answer's head. */
  openChat(body, headers = {}) {
    const request = chatRequest(body, { authorization: `Bearer ${GATEWAY_KEY}`, ...headers });
    return open(this.url, { ...request, signal: this.#opening.signal });
  }

  /** A chat completion that waits for nothing. Of its body only the first `bytes` are sent, although all are announced. */
  beginChat(body, { bytes = Infinity } = {}) {
    const request = chatRequest(body, { authorization: `Bearer ${GATEWAY_KEY}` });
    const whole = Buffer.from(request.body);
    return begin(this.url, { ...request, headers: { ...request.headers, 'content-length': whole.length }, body: whole.subarray(0, bytes) });
  }

  /** Resets the connections of `openChat`, those too whose answer has not begun. */
  leaveAll() {
    this.#opening.abort();
  }
}

function chatRequest(body, headers) {
  return {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  };
}

/** Resolves with the first truthy value of a condition that nobody tells about. */
export async function poll(condition, what) {
  const end = performance.now() + TEST_DEADLINE_MS;
  while (performance.now() < end) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`no ${what} in time`);
}
