// Many mixed requests, some at a time, and the memory that the process keeps of them. See ../README.md.

import assert from 'node:assert/strict';
import { builtModules } from '../../tests/e2e/harness/bundle.mjs';
import { judgeReply } from '../../tests/e2e/chaos/judge.mjs';
import { gatewayConfig, MODEL } from '../../tests/e2e/harness/faults.mjs';
import { providerVars, startGateway } from '../../tests/e2e/harness/gateway.mjs';
import { memory } from '../../tests/e2e/harness/process.mjs';
import { startUpstream } from '../../tests/e2e/upstream/server.mjs';
import { questionOf } from '../../tests/e2e/upstream/story.mjs';
import { heldAndUsed, heldBytes, INSPECTED, withWatch } from '../held.mjs';
import { round } from '../statistics.mjs';
import { bareReadings } from './control.mjs';
import { drawBehaviour, drawRequest, MODELS, PROJECTS, PROVIDERS } from './draw.mjs';

const SEED = 'soak';
/** Requests at a time. */
const CLIENTS = 16;
/** After so many requests all is let come to rest, and memory is read. */
const LEG = 1000;
/** What the soak is: so many requests, and from which on memory must not grow. */
const REQUESTS = 20_000;
const SETTLED = 2_000;
/** The figure at the end is the least of the last readings: the kernel may have given more, for a moment. */
const LAST_READINGS = 3;
/** A ledger writes into D1 so often, as the benchmark has it. */
const LEDGER_FLUSH_MS = '1000';

/**
 * Sends so many requests and calls `look({sent, heldBytes, usedBytes, residentBytes})` after each `LEG` of them, when all accounts are
 * written and garbage is collected. `usedBytes` is there where it is compared: each look for it takes a page of memory.
 * @returns how many requests ended in which way.
 */
async function soak({ requests, seed = SEED, look }) {
  const upstream = await startUpstream();
  const seen = new Map();
  const answer = (exchange) => {
    const question = questionOf(exchange.json);
    const key = `${question}\0${exchange.record.provider}`;
    const nth = (seen.get(key) ?? 0) + 1;
    seen.set(key, nth);
    return drawBehaviour(seed, question, exchange.record.provider, nth)(exchange);
  };
  const config = gatewayConfig(upstream, PROVIDERS, { rows: Object.fromEntries(PROVIDERS.map((id) => [id, MODELS])) });
  const vars = { ...providerVars(upstream, ...PROVIDERS), GATEWAY_CONFIG: config, AUTO_MODELS: MODEL, LEDGER_FLUSH_MS };
  const gateway = await startGateway({ vars, modules: withWatch(builtModules()), ...INSPECTED });
  const client = gateway.freshClient();
  const ends = {};
  let next = 1;
  async function run(last) {
    while (next <= last) {
      const nth = next;
      next += 1;
      const end = await send(client, drawRequest(seed, nth));
      ends[end] = (ends[end] ?? 0) + 1;
    }
  }
  try {
    for (let last = LEG; last <= requests; last += LEG) {
      // It remembers each request, and the soak is about the gateway's memory.
      upstream.reset();
      upstream.everywhere(answer);
      await Promise.all(Array.from({ length: CLIENTS }, () => run(last)));
      for (const project of PROJECTS) await gateway.ledger(project).until(({ waiting_records }) => waiting_records === 0, 'flush');
      seen.clear();
      const isCompared = last === SETTLED || last > requests - LAST_READINGS * LEG;
      const { url } = client;
      const held = isCompared ? await heldAndUsed(url, gateway.inspectorUrl) : { heldBytes: await heldBytes(url, gateway.inspectorUrl) };
      look({ sent: last, ...held, residentBytes: memory(gateway.pid).resident });
    }
    return ends;
  } finally {
    await gateway.stop();
    await upstream.stop();
  }
}

/** One request to its end; returns its name. */
async function send(client, { kind, request, path, headers, expected }) {
  if (kind === 'left') {
    const connection = await client.openChat(request);
    if (connection.status === 200) await connection.until(() => connection.text.includes('"content":"') || connection.complete || connection.closed, 'a token');
    connection.leave();
    return kind;
  }
  const reply = path === undefined ? await client.chat(request, headers) : await client.get(path);
  if (path !== undefined || expected !== undefined) {
    assert.equal(reply.status, expected ?? 200, `${path ?? JSON.stringify(request)}: ${reply.text}`);
    return kind;
  }
  return `${kind}, ${judgeReply(request, reply)}`;
}

/** A figure at the end against what it was when settled. */
function ratioOver(readings, figure) {
  const settled = readings.find(({ sent }) => sent === SETTLED);
  return round(Math.min(...readings.slice(-LAST_READINGS).map((reading) => reading[figure])) / settled[figure]);
}

/**
 * @returns `{ends, readings, bare, usedRatio, heldRatio, residentRatio, bareRatio}`: what was read after each leg, and the end against what
 * was settled: what the gateway's isolate uses, what it holds, its process, and the process of a bare worker that had as many requests.
 */
export async function measureSoak({ requests = REQUESTS, say = () => {} } = {}) {
  const readings = [];
  const ends = await soak({
    requests,
    look: (reading) => {
      readings.push(reading);
      say(reading);
    },
  });
  const bare = await bareReadings({ requests, leg: LEG, clients: CLIENTS });
  return {
    ends, readings, bare,
    usedRatio: ratioOver(readings, 'usedBytes'), heldRatio: ratioOver(readings, 'heldBytes'),
    residentRatio: ratioOver(readings, 'residentBytes'), bareRatio: ratioOver(bare, 'residentBytes'),
  };
}
