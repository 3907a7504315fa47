// A provider that is down for a while and then healthy again, with requests coming all the time, from two isolates: all
// are served, one request at a time finds out whether it is back, and soon after it is they go there again.
//
// A circuit's times are no configuration, so this one runs in real time: an outage of OUTAGE_SECONDS, which stand for a
// minute (OUTAGE_SECONDS=60 plays that). SHOW=1 prints when the provider was asked.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFaultScene, TOGETHER, WAYS } from './harness/faults.mjs';
import { readStream } from './harness/sse.mjs';
import { status } from './upstream/behaviours.mjs';
import { story, storyOf } from './upstream/story.mjs';

const OUTAGE_MS = 1000 * Number(process.env.OUTAGE_SECONDS ?? 9);
/** The issue asks each 4 s for a minute: often enough to meet every state. */
const PACE_MS = 200;
/** How soon the provider must be used again. */
const BACK_WITHIN_MS = 30_000;
/** How long an isolate may not know yet what another one saw (`MAX_VIEW_AGE_MS` in src/health), and the failures themselves. */
const NEWS_MS = 3_000;
/** A failure takes its time, so that two probes at the same time would be seen. */
const FAILURE_MS = 150;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a provider that is down for a while', TOGETHER, () => {
  const scene = setFaultScene({ isolates: 2, sharedObjects: true, providers: ['alpha', 'beta'] });

  test('is left alone but for one probe at a time, and used again soon after it is back; nobody notices', async () => {
    const clients = [scene.gateway.freshClient(), scene.gateway.freshClient()];
    const began = performance.now();
    const recovered = began + OUTAGE_MS;
    const isDown = () => performance.now() < recovered;
    const failing = async (exchange) => {
      await sleep(FAILURE_MS);
      await status(503)(exchange);
    };
    const waiting = [];
    const isBack = () => scene.upstream.requests('alpha').some(({ at }) => at >= recovered);
    for (let i = 0; !isBack() && performance.now() < recovered + BACK_WITHIN_MS; i += 1) {
      const way = WAYS[i % WAYS.length];
      const client = clients[Math.floor(i / WAYS.length) % clients.length];
      const play = scene.play(way, { client, fields: way.pinned ? { models: ['beta/story'] } : {} });
      play.always('alpha', (exchange) => (isDown() ? failing : story())(exchange));
      waiting.push(play.chat().then((reply) => ({ play, reply })));
      await sleep(PACE_MS);
    }
    for (const { play: { request }, reply } of await Promise.all(waiting)) {
      assert.equal(reply.status, 200, reply.text);
      assert.equal(request.stream ? readStream(reply.text).content : reply.json.choices[0].message.content, storyOf(request));
    }
    const seen = scene.upstream.requests('alpha');
    assert.ok(isBack(), `it was not asked within ${BACK_WITHIN_MS} ms after its recovery; asked at ${seen.map(({ at }) => Math.round(at - began))}`);
    const probes = seen.filter(({ at }) => at > began + NEWS_MS && at < recovered);
    if (process.env.SHOW) console.log(seen.map(({ at, overAt }) => `${Math.round(at - began)}-${Math.round(overAt - began)}`).join(' '));
    assert.ok(probes.length >= 1, 'it was probed');
    probes.slice(1).forEach((probe, i) => assert.ok(probe.at >= probes[i].overAt, `two probes at a time: ${JSON.stringify(seen.map(({ at, overAt }) => [at - began, overAt - began]))}`));
  });
});
