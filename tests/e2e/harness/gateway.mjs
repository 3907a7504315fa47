// Starts the built gateway in real workerd. Each isolate is a worker of its own with its own socket, without a proxy in
// front: what a test reads is what the worker wrote. Isolates share the variables and the database, not their view of
// the providers' health, so each test takes a fresh one.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Miniflare } from 'miniflare';
import { TEST_DEADLINE_MS } from '../upstream/server.mjs';
import { builtModules, COMPATIBILITY, ROOT } from './bundle.mjs';
import { childProcesses } from './process.mjs';
import { open, send } from './wire.mjs';

export const GATEWAY_KEY = 'sk-gateway-e2e-4f1d6c';
export const PROJECT = 'e2e-project';

/** How often a condition on the database is tried again: D1 tells nobody when a row comes. */
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

/** @param vars the worker's variables; those set to null are left out. */
export async function startGateway({ vars = {}, isolates = 1, modules = builtModules() } = {}) {
  const bindings = Object.fromEntries(
    Object.entries({ GATEWAY_API_KEY: GATEWAY_KEY, DEFAULT_PROJECT_ID: PROJECT, ...vars }).filter(([, value]) => value !== null),
  );
  const names = Array.from({ length: isolates }, (_, i) => `gateway-${i}`);
  const output = [];
  const before = childProcesses('workerd');
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    handleRuntimeStdio: (stdout, stderr) => [stdout, stderr].forEach((pipe) => pipe.on('data', (data) => output.push(data))),
    workers: names.map((name) => ({
      name,
      modules,
      ...COMPATIBILITY,
      bindings,
      d1Databases: { DB: 'gateway' },
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    })),
  });
  await miniflare.ready;
  const database = await miniflare.getD1Database('DB', names[0]);
  await applyMigrations(database);
  const urls = await Promise.all(names.map(async (name) => (await miniflare.unsafeGetDirectURL(name)).origin));
  const pid = childProcesses('workerd').find((child) => !before.includes(child));
  return new Gateway({ miniflare, database, urls, output, pid });
}

async function applyMigrations(database) {
  const folder = path.join(ROOT, 'migrations');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.sql')).sort()) {
    const sql = readFileSync(path.join(folder, file), 'utf8').replace(/--.*$/gm, '');
    for (const statement of sql.split(';').map((part) => part.trim()).filter(Boolean)) {
      await database.prepare(statement).run();
    }
  }
}

class Gateway {
  #miniflare;
  #output;
  #urls;

  constructor({ miniflare, database, urls, output, pid }) {
    this.#miniflare = miniflare;
    this.#output = output;
    this.#urls = urls;
    /** D1, for queries of a test's own. */
    this.database = database;
    /** The process id of this gateway's workerd. */
    this.pid = pid;
    this.url = urls[0];
  }

  /** A client of an isolate that no test has used yet. */
  freshClient() {
    const url = this.#urls.shift();
    if (url === undefined) throw new Error('all isolates are used: start the gateway with more of them');
    return new Client(url);
  }

  /** Everything that workerd printed: the worker's log, and the runtime's complaints. */
  logs() {
    return Buffer.concat(this.#output).toString('utf8');
  }

  async rows() {
    return (await this.database.prepare('SELECT * FROM requests ORDER BY created_at, id').all()).results;
  }

  /** Resolves with the request's row in D1, which is written after the reply. */
  row(requestId) {
    return poll(
      async () => this.database.prepare('SELECT * FROM requests WHERE id = ?').bind(requestId).first(),
      `row of request ${requestId}`,
    );
  }

  stop() {
    return this.#miniflare.dispose();
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

async function poll(condition, what) {
  const end = performance.now() + TEST_DEADLINE_MS;
  while (performance.now() < end) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`no ${what} in time`);
}
