// Slow readers of each relay, beside a bare worker.

import { once } from 'node:events';
import { LONG } from '../chunks.mjs';
import { INSPECTED, withWatch } from '../held.mjs';
import { child } from '../compare.mjs';
import { BARE_FETCH, GATEWAY } from '../limits.mjs';
import { MODELS } from '../measures.mjs';
import { start, subjectsOf } from '../subjects.mjs';
import { readSlowly } from './readers.mjs';

const CHUNKS = 5000;

/** Of the usual size; and fewer of long chunks, more than kernels keep, so that the provider must wait for the client. */
export const CASES = [
  { name: `200 streams of ${CHUNKS} chunks`, streams: 200, seed: 1 },
  { name: `20 streams of ${CHUNKS} chunks of 4 KB`, streams: 20, seed: LONG },
];

/** @returns for each case and worker what `readSlowly` found: `{name, subject, streams, aheadBytes, heldBytes, peakBytes}`. */
export async function slowReaders({ say = () => {}, cases = CASES } = {}) {
  const upstream = child('slow/upstream.mjs');
  const [{ port }] = await once(upstream, 'message');
  const found = [];
  try {
    const all = subjectsOf(`http://127.0.0.1:${port}`);
    for (const { name, streams, seed } of cases) {
      for (const [subject, model] of [[BARE_FETCH, MODELS.native], [GATEWAY, MODELS.native], [GATEWAY, MODELS.rewritten]]) {
        // A process that has grown before has room that shows in no figure.
        const { options, ...rest } = all.find((one) => one.name === subject);
        const fresh = await start({ ...rest, options: { ...options, modules: withWatch(options.modules), ...INSPECTED } });
        const label = subject === GATEWAY ? `${subject}, ${model === MODELS.native ? 'native' : 'rewritten'}` : subject;
        try {
          const question = { model, messages: [{ role: 'user', content: 'Tell me all.' }], stream: true, max_tokens: CHUNKS, seed };
          found.push({ name, subject: label, streams, ...(await readSlowly(upstream, fresh, question, streams)) });
          say(found.at(-1));
        } finally {
          await fresh.dispose();
        }
      }
    }
    return found;
  } finally {
    upstream.kill();
  }
}
