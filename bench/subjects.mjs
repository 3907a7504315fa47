// Who is measured: workers in a workerd process each, all in front of the same upstream.

import { readFileSync } from 'node:fs';
import { builtModules } from '../tests/e2e/harness/bundle.mjs';
import { startWorkerd } from '../tests/e2e/harness/workerd.mjs';

const KEY = 'sk-bench';
const PROJECT = 'bench';
/** How soon a ledger writes into D1: more often than by default, so that a load ends before the next one begins. */
const LEDGER_FLUSH_MS = '1000';

/** Room for four bodies of 8 MB, which is a little more than by default. */
const INFLIGHT_BYTES_MAX = String(48 * 1024 * 1024);

/** The least that a worker can do: one fetch, its answer passed on as it comes. */
const BARE = `
export default {
  fetch(request, env) {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer ' + env.KEY };
    return fetch(env.UPSTREAM, { method: 'POST', headers, body: request.body });
  },
};`;

/** What most gateways on this platform do with a stream: each chunk goes through a function. */
const TRANSFORM = `
export default {
  async fetch(request, env) {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer ' + env.KEY };
    const answer = await fetch(env.UPSTREAM, { method: 'POST', headers, body: request.body });
    const through = new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk) });
    return new Response(answer.body.pipeThrough(through), answer);
  },
};`;

const module = (contents) => [{ type: 'ESModule', path: 'index.js', contents }];
const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const isStream = ({ stream }) => stream;
const isRequest = ({ stream }) => !stream;

/**
 * @returns the subjects, started: `{name, measures, url, headers, pid, accounts, dispose}`. The first one is what the others
 * are compared to. `measures(measure)` tells whether it is measured by that. `accounts()` tells what objects and a database
 * were asked for since the start, and what still waits; null where there are none.
 */
export async function startSubjects(upstreamUrl) {
  const gateway = {
    GATEWAY_API_KEY: KEY,
    DEFAULT_PROJECT_ID: PROJECT,
    LEDGER_FLUSH_MS,
    INFLIGHT_BYTES_MAX,
    GROQ_API_KEY: 'sk-upstream',
    GROQ_BASE_URL: `${upstreamUrl}/v1`,
    OPENAI_API_KEY: 'sk-upstream',
    OPENAI_BASE_URL: `${upstreamUrl}/trailing/v1`,
  };
  const plain = { KEY, UPSTREAM: `${upstreamUrl}/v1/chat/completions` };
  const statements = { ROLLUP: read('../src/accounts/sql/rollup.sql'), INSERT: read('../src/accounts/sql/insert.sql') };
  const alone = { withDatabase: false, objects: {} };
  const floor = module(read('floor.js'));
  return [
    await start('bare fetch', { modules: module(BARE), bindings: plain, ...alone }),
    await start('TransformStream', { modules: module(TRANSFORM), bindings: plain, ...alone }, isStream),
    await start('plain JavaScript, no accounts', { modules: floor, bindings: plain, ...alone }, isRequest),
    await start('plain JavaScript with accounts', { modules: floor, bindings: { ...plain, ...statements }, objects: { LEDGER: 'Ledger' } }, isRequest),
    await start('gateway', { modules: builtModules(), bindings: gateway }),
  ];
}

async function start(name, options, measures = () => true) {
  const { urls, pid, object, dispose } = await startWorkerd(options);
  const status = async (binding, id) => (await (await object(binding, id)).fetch(`https://${binding.toLowerCase()}/status`)).json();
  const accounts = async () => {
    const ledger = await status('LEDGER', PROJECT);
    const healthMessages = 'HEALTH' in (options.objects ?? { HEALTH: '' }) ? (await status('HEALTH', 'local')).messages : 0;
    return { waiting: ledger.waiting_records, messages: ledger.messages + healthMessages, rowsWritten: ledger.d1_rows_written };
  };
  return {
    name, measures, url: `${urls[0]}/v1/chat/completions`, headers: { authorization: `Bearer ${KEY}` }, pid, dispose,
    accounts: options.withDatabase === false ? null : accounts,
  };
}
