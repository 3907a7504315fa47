// Who is measured: workers in a workerd process each, all in front of the same upstream.

import { readFileSync } from 'node:fs';
import { BARE_FETCH, GATEWAY, TRANSFORM_STREAM } from './limits.mjs';
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

/** A worker of Rust that does what the bare one does; null where it was not built. */
export function minimalWorker(upstreamUrl) {
  const build = new URL('minimal-worker/build/', import.meta.url);
  const file = (name) => readFileSync(new URL(name, build));
  const modules = [
    { type: 'ESModule', path: 'index.js', contents: file('index.js').toString() },
    { type: 'CompiledWasm', path: 'index_bg.wasm', contents: file('index_bg.wasm') },
  ];
  return { name: 'minimal Rust', measures: () => true, options: { modules, bindings: plain(upstreamUrl), ...ALONE } };
}

const plain = (upstreamUrl) => ({ KEY, UPSTREAM: `${upstreamUrl}/v1/chat/completions` });

/** Without a database and objects. */
const ALONE = { withDatabase: false, objects: {} };


/**
 * @returns the subjects, to be started: `{name, measures, options}`. The first one is what the others are compared to.
 * `measures(measure)` tells whether it is measured by that.
 */
export function subjectsOf(upstreamUrl) {
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
  const bindings = plain(upstreamUrl);
  const statements = { ROLLUP: read('../src/accounts/sql/rollup.sql'), INSERT: read('../src/accounts/sql/insert.sql') };
  const floor = module(read('floor.js'));
  const all = () => true;
  return [
    { name: BARE_FETCH, measures: all, options: { modules: module(BARE), bindings, ...ALONE } },
    { name: TRANSFORM_STREAM, measures: isStream, options: { modules: module(TRANSFORM), bindings, ...ALONE } },
    { name: 'plain JavaScript, no accounts', measures: isRequest, options: { modules: floor, bindings, ...ALONE } },
    { name: 'plain JavaScript with accounts', measures: isRequest, options: { modules: floor, bindings: { ...bindings, ...statements }, objects: { LEDGER: 'Ledger' } } },
    { name: GATEWAY, measures: all, options: { modules: builtModules(), bindings: gateway } },
  ];
}

/**
 * Starts a subject: what it is, with `url`, `headers` for it, `pid`, `dispose()` and `accounts()`, which tells what objects and
 * a database were asked for since the start, and what still waits; null where there are none.
 */
export async function start({ options, ...subject }) {
  const { urls, pid, inspectorUrl, object, dispose } = await startWorkerd(options);
  const status = async (binding, id) => (await (await object(binding, id)).fetch(`https://${binding.toLowerCase()}/status`)).json();
  const accounts = async () => {
    const ledger = await status('LEDGER', PROJECT);
    const healthMessages = 'HEALTH' in (options.objects ?? { HEALTH: '' }) ? (await status('HEALTH', 'local')).messages : 0;
    return { waiting: ledger.waiting_records, messages: ledger.messages + healthMessages, rowsWritten: ledger.d1_rows_written };
  };
  return {
    ...subject, url: `${urls[0]}/v1/chat/completions`, headers: { authorization: `Bearer ${KEY}` }, pid, inspectorUrl, dispose,
    accounts: options.withDatabase === false ? null : accounts,
  };
}
