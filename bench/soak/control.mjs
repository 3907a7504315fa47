// What workerd itself does with memory in as many requests: a bare worker's.

import { once } from 'node:events';
import { memory } from '../../tests/e2e/harness/process.mjs';
import { child, startUpstream } from '../compare.mjs';
import { BARE_FETCH } from '../limits.mjs';
import { MEASURES } from '../measures.mjs';
import { start, subjectsOf } from '../subjects.mjs';

/** @returns resident memory after each `leg` requests of 1 KB, `clients` at a time: `[{sent, residentBytes}]`. */
export async function bareReadings({ requests, leg, clients }) {
  const upstream = await startUpstream();
  const load = child('load.mjs');
  const bare = await start(subjectsOf(upstream.url).find(({ name }) => name === BARE_FETCH));
  const body = JSON.stringify(MEASURES[0].question);
  const readings = [];
  try {
    for (let sent = leg; sent <= requests; sent += leg) {
      load.send({ url: bare.url, headers: bare.headers, body, stream: false, requests: leg, concurrency: clients });
      const [{ failed }] = await once(load, 'message');
      if (failed > 0) throw new Error(`${failed} answers of the bare worker were not whole`);
      readings.push({ sent, residentBytes: memory(bare.pid).resident });
    }
    return readings;
  } finally {
    await bare.dispose();
    load.kill();
    upstream.stop();
  }
}
