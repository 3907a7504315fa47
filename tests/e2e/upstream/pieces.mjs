// One stream in every form that servers give it, cut up in every way that matters. workerd hands over each HTTP chunk by
// itself, also where several came in one packet (tried), so a piece here is a read there. Pure, but for `told`.

import { EVENT_STREAM } from './behaviours.mjs';

const [LF, CR] = [0x0a, 0x0d];
const BYTE_ORDER_MARK = '\ufeff';

/** A form of events: each JSON text, or `[DONE]`, as it stands in the stream, with what a server puts around it. */
const written = (eol, { before = () => '', lines = (data) => [`data: ${data}`] } = {}) => (all) => all.map((data, n) => {
  const end = typeof eol === 'string' ? eol : eol[n % eol.length];
  return Buffer.from([before(n, end), ...lines(data).map((line) => line + end), end].join(''));
});

/** @returns the JSON over two lines, broken between two of its own members. */
const overTwoLines = (data) => data.replace(/^(\{"id":"[^"]*",)/, '$1\n').split('\n').map((line) => `data: ${line}`);

/** By name: `(data[]) => Buffer[]`, the bytes of each event. */
export const FORMS = {
  'with LF': written('\n'),
  'with CRLF': written('\r\n'),
  'with CR': written('\r'),
  'with line ends of every kind': written(['\r\n', '\n', '\r']),
  'without a space behind the colon': written('\n', { lines: (data) => [`data:${data}`] }),
  'behind a byte order mark': written('\r\n', { before: (n) => (n === 0 ? BYTE_ORDER_MARK : '') }),
  'between comments': written('\n', { before: (n, eol) => `: keep-alive ${n} ü${eol}` }),
  'with fields around the data': written('\n', { lines: (data) => ['event: message', `data: ${data}`, 'id: 7', 'retry: 10'] }),
  'with data over several lines': written('\r\n', { lines: overTwoLines }),
};

/** `(Buffer[]) => Buffer[]`: the bytes of events, cut after each byte of which `isLast(byte, next)` holds. */
const cutAfter = (isLast) => (events) => {
  const bytes = Buffer.concat(events);
  const ends = [...bytes.keys()].filter((at) => at === bytes.length - 1 || isLast(bytes[at], bytes[at + 1]));
  return ends.map((end, n) => bytes.subarray(n === 0 ? 0 : ends[n - 1] + 1, end + 1));
};

const inGroupsOf = (n) => (events) =>
  Array.from({ length: Math.ceil(events.length / n) }, (_, i) => Buffer.concat(events.slice(i * n, (i + 1) * n)));

/** By name: `(Buffer[]) => Buffer[]`, the pieces that the bytes of those events come in. */
export const CUTS = {
  'in one piece': (events) => [Buffer.concat(events)],
  'byte by byte': cutAfter(() => true),
  'an event a piece': inGroupsOf(1),
  'two events a piece': inGroupsOf(2),
  'three events a piece': inGroupsOf(3),
  'cut before each line end': cutAfter((_, next) => next === LF || next === CR),
  'cut behind each CR': cutAfter((byte) => byte === CR),
  'cut behind each first LF': cutAfter((byte, next) => byte === LF && next !== LF),
  'cut between the bytes of each character': cutAfter((_, next) => next >= 0x80 && next < 0xc0),
};

/** The bytes in two pieces, once for each place between two of them. */
export function everySplit(events) {
  const bytes = Buffer.concat(events);
  return Array.from({ length: bytes.length - 1 }, (_, n) => [bytes.subarray(0, n + 1), bytes.subarray(n + 1)]);
}

/** Tells these pieces as a stream, and ends as the last step says, or as HTTP does. */
export const told = (pieces, ...last) => async (exchange) => {
  await exchange.start(200, EVENT_STREAM);
  for (const piece of pieces) await exchange.chunk(piece);
  for (const step of last) await step({ exchange });
  await exchange.finish();
};

/** Answers with these pieces of a JSON document: with its length, or in chunks. */
export const answered = (pieces, { withLength }) => async (exchange) => {
  const type = { 'content-type': 'application/json' };
  if (withLength) {
    const bytes = Buffer.concat(pieces);
    await exchange.respondPartly(200, type, bytes, 0);
    for (const piece of pieces) {
      await exchange.write(piece);
      await new Promise(setImmediate);
    }
  } else {
    await exchange.start(200, type);
    for (const piece of pieces) await exchange.chunk(piece);
    await exchange.finish();
  }
};
