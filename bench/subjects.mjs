// What is measured: workers in a workerd process each, all in front of the same upstream.

import { readFileSync } from 'node:fs';
import { builtModules } from '../tests/e2e/harness/bundle.mjs';
import { startWorkerd } from '../tests/e2e/harness/workerd.mjs';

const KEY = 'sk-bench';

/** The least that a worker can do: one fetch, its answer passed on as it comes. */
const BARE_WORKER = `
export default {
  fetch(request, env) {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer ' + env.KEY };
    return fetch(env.UPSTREAM, { method: 'POST', headers, body: request.body });
  },
};`;

const PROJECT = 'bench';
/** How soon a ledger writes into D1: more often than by default, so that a load ends before the next one begins. */
const LEDGER_FLUSH_MS = '1000';

/**
 * @returns the subjects, started: `{name, streams, url, pid, accounts, dispose}`. The first one is what the others are compared to.
 * `streams` tells whether it can carry them.
 * `accounts()` tells what an object and a database were asked for since the start, and what still waits; null where there
 * are none.
 */
export async function startSubjects(upstreamUrl) {
  const bindings = {
    GATEWAY_API_KEY: KEY,
    DEFAULT_PROJECT_ID: PROJECT,
    LEDGER_FLUSH_MS,
    GROQ_API_KEY: 'sk-upstream',
    GROQ_BASE_URL: `${upstreamUrl}/v1`,
  };
  const bare = { KEY, UPSTREAM: `${upstreamUrl}/v1/chat/completions` };
  const floorModules = [{ type: 'ESModule', path: 'floor.js', contents: readFileSync(new URL('floor.js', import.meta.url), 'utf8') }];
  const bareModules = [{ type: 'ESModule', path: 'index.js', contents: BARE_WORKER }];
  const sql = (name) => readFileSync(new URL(`../src/accounts/sql/${name}.sql`, import.meta.url), 'utf8');
  const floorWithAccounts = { ...bare, ROLLUP: sql('rollup'), INSERT: sql('insert') };
  return [
    await start('bare fetch', { modules: bareModules, bindings: bare, withDatabase: false, objects: {} }),
    await start('plain JavaScript, no accounts', { modules: floorModules, bindings: bare, withDatabase: false, objects: {} }, { streams: false }),
    await start(
      'plain JavaScript with accounts',
      { modules: floorModules, bindings: floorWithAccounts, withDatabase: true, objects: { LEDGER: 'Ledger' } },
      { streams: false },
    ),
    await start('gateway', { modules: builtModules(), bindings, withDatabase: true }),
  ];
}

async function start(name, options, { streams = true } = {}) {
  const { urls, pid, object, dispose } = await startWorkerd(options);
  const status = async (binding, id) => (await (await object(binding, id)).fetch(`https://${binding.toLowerCase()}/status`)).json();
  const accounts = async () => {
    const ledger = await status('LEDGER', PROJECT);
    const healthMessages = 'HEALTH' in (options.objects ?? { HEALTH: '' }) ? (await status('HEALTH', 'local')).messages : 0;
    return { waiting: ledger.waiting_records, ledgerMessages: ledger.messages, healthMessages, rowsWritten: ledger.d1_rows_written };
  };
  return {
    name, streams, url: `${urls[0]}/v1/chat/completions`, headers: { authorization: `Bearer ${KEY}` }, pid, dispose,
    accounts: options.withDatabase ? accounts : null,
  };
}
