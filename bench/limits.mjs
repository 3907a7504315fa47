// What the gateway may cost. Each limit is a ratio within one run, or a bound that follows from other limits: machines differ in
// everything else.

import { SIZE_BUDGET_BYTES } from '../scripts/lib/build.mjs';
import { peakOf, ratioOf, round } from './statistics.mjs';

/** The names of those who are compared. */
export const [BARE_FETCH, TRANSFORM_STREAM, GATEWAY] = ['bare fetch', 'TransformStream', 'gateway'];

const NATIVE = ['500 chunks, native', '500 chunks, native, include_usage', '5000 chunks, native', '5000 chunks, native, include_usage'];
const REWRITTEN = '500 chunks, rewritten';
const LARGE = '8 MB with an image, 4 at a time';

/** CPU against that of another worker. */
const cpu = (measure, against, most) => ({
  what: `CPU, ${measure}, against ${against}`, unit: 'x', most, measured: ({ samples }) => ratioOf(samples, measure, GATEWAY, against),
});

/** Of memory after all requests of the soak against that after its first 2,000. */
export const SOAK_RATIO = 1.1;
/** What the isolate of the soak may hold: half of the 128 MB that it may have. Bodies of 8 MB come one at a time. */
export const SOAK_HELD_BYTES = 64 * 1024 * 1024;
/**
 * What an isolate may hold of a stream whose client does not read. Relays read 64 KB at a time; a rewritten piece is there up to five
 * times, as it was read, rewritten and written, by V8 and by WebAssembly, whose memory does not shrink. With the task and its question
 * that was 98 KB of a native stream and 338 KB of a rewritten one. A gateway that buffers holds 12 MB of the long streams.
 */
export const HELD_BYTES = 512 * 1024;
/**
 * How far a provider may come ahead of a client that does not read, against a bare worker. Both let the kernel keep what two
 * connections can, about 8 MB and never the same; a gateway that reads on comes ahead by the whole stream, which is 20.
 */
export const AHEAD_RATIO = 1.5;

/** The most of a figure of the gateway's streams with slow readers; it is told what the bare worker had. Null where not measured. */
function mostOf(slowReaders, figure) {
  if (!slowReaders) return null;
  const bareOf = ({ name }) => slowReaders.find((one) => one.name === name && one.subject === BARE_FETCH);
  return Math.max(...slowReaders.filter(({ subject }) => subject !== BARE_FETCH).map((one) => figure(one, bareOf(one))));
}

/** All of them: `{what, unit, most, measured}`; `measured(result)` is null where that was not measured. */
export const LIMITS = [
  ...NATIVE.map((measure) => cpu(measure, BARE_FETCH, 1.4)),
  cpu(REWRITTEN, BARE_FETCH, 4.5),
  cpu(REWRITTEN, TRANSFORM_STREAM, 0.9),
  cpu('1 KB, 1 at a time', BARE_FETCH, 2.2),
  cpu('1 KB, 8 at a time', BARE_FETCH, 1.5),
  cpu('1 KB, 64 at a time', BARE_FETCH, 1.5),
  cpu(LARGE, BARE_FETCH, 1.1),
  { what: `peak growth, ${LARGE}, against these bodies`, unit: 'x', most: 3, measured: ({ samples, measures }) => peakOf(samples, measures, LARGE, GATEWAY) },
  { what: 'memory of the isolate, after the soak against after its first 2,000 requests', unit: 'x', most: SOAK_RATIO, measured: ({ soak }) => soak?.heldRatio ?? null },
  { what: 'the same of it that is in use', unit: 'x', most: SOAK_RATIO, measured: ({ soak }) => soak?.usedRatio ?? null },
  { what: 'resident memory of the process, the same', unit: 'x', most: SOAK_RATIO, measured: ({ soak }) => soak?.residentRatio ?? null },
  { what: 'the same, against that of a bare worker', unit: 'x', most: SOAK_RATIO, measured: ({ soak }) => (soak ? round(soak.residentRatio / soak.bareRatio) : null) },
  { what: 'held of a stream whose client does not read', unit: 'bytes', most: HELD_BYTES, measured: ({ slowReaders }) => mostOf(slowReaders, ({ heldBytes }) => heldBytes) },
  { what: 'provider ahead of such a client, against bare fetch', unit: 'x', most: AHEAD_RATIO, measured: ({ slowReaders }) => mostOf(slowReaders, ({ aheadBytes }, bare) => round(aheadBytes / bare.aheadBytes)) },
  { what: 'bundle, JavaScript and WebAssembly, gzip', unit: 'bytes', most: SIZE_BUDGET_BYTES, measured: ({ bundleBytes }) => bundleBytes ?? null },
];
