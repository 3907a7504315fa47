// What is measured: workers in a workerd process each, all in front of the same upstream.

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

/** @returns the subjects, started: `{name, url, pid, dispose}`. The first one is what the others are compared to. */
export async function startSubjects(upstreamUrl) {
  const bindings = {
    GATEWAY_API_KEY: KEY,
    DEFAULT_PROJECT_ID: 'bench',
    GROQ_API_KEY: 'sk-upstream',
    GROQ_BASE_URL: `${upstreamUrl}/v1`,
  };
  const bare = { KEY, UPSTREAM: `${upstreamUrl}/v1/chat/completions` };
  const bareModules = [{ type: 'ESModule', path: 'index.js', contents: BARE_WORKER }];
  return [
    await start('bare fetch', { modules: bareModules, bindings: bare, withDatabase: false, objects: {} }),
    await start('gateway', { modules: builtModules(), bindings, withDatabase: true }),
    await start('gateway without D1 and ledger', { modules: builtModules(), bindings, withDatabase: false, objects: {} }),
  ];
}

async function start(name, options) {
  const { urls, pid, dispose } = await startWorkerd(options);
  return { name, url: `${urls[0]}/v1/chat/completions`, headers: { authorization: `Bearer ${KEY}` }, pid, dispose };
}
