// Many streams at a time whose clients stop reading, and later go on slowly: what a process holds of them meanwhile. See
// ../README.md.

import { once } from 'node:events';
import net from 'node:net';
import { memory, resetPeak } from '../../tests/e2e/harness/process.mjs';
import { heldBytes } from '../held.mjs';

/** Nothing moves any more when the provider got rid of nothing for so long: the gateway looks at its copy once a second. */
const STANDSTILL_MS = 3_500;
const LOOK_MS = 250;
/** How a slow client reads: so much, and then nothing for a while. */
const GULP_BYTES = 256 * 1024;
const PAUSE_MS = 100;
const WARM_UP_STREAMS = 3;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One stream, read at the pace of whoever calls. It keeps only the end. */
class Reader {
  #socket;
  #tail = '';
  bytes = 0;

  constructor({ url, headers, body }) {
    const { hostname, port, host, pathname } = new URL(url);
    this.#socket = net.connect(Number(port), hostname);
    this.began = once(this.#socket, 'data');
    this.#socket.on('error', () => {});
    this.#socket.on('data', (data) => {
      this.bytes += data.length;
      this.#tail = (this.#tail + data.toString('latin1')).slice(-64);
    });
    /** Resolves at the end of the answer, or of the connection. */
    this.over = new Promise((resolve) => {
      this.#socket.on('data', () => this.isWhole && resolve());
      this.#socket.on('close', resolve);
    });
    const all = { host, connection: 'close', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers };
    this.#socket.write([`POST ${pathname} HTTP/1.1`, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`), '', body].join('\r\n'));
  }

  stop() {
    this.#socket.pause();
  }

  /** Reads slowly to the end. */
  async readSlowly() {
    let over = false;
    this.over.then(() => { over = true; });
    while (!over) {
      const enough = this.bytes + GULP_BYTES;
      this.#socket.resume();
      while (!over && this.bytes < enough) await sleep(PAUSE_MS / 10);
      this.#socket.pause();
      if (!over) await sleep(PAUSE_MS);
    }
  }

  /** Whether all of an answer came. */
  get isWhole() {
    return this.#tail.includes('data: [DONE]\n\n') && this.#tail.endsWith('\r\n0\r\n\r\n');
  }

  close() {
    this.#socket.destroy();
  }
}

/**
 * So many streams of this question at the subject at a time; `upstream` is the process of `upstream.mjs`. Nobody reads until nothing
 * moves any more, then all read slowly.
 * @returns for each stream, in bytes: how far the provider came `ahead` of its client, what the isolate `held` of it at the standstill
 * besides garbage, and by how much the process grew at its peak, garbage and all. Throws if an answer was not whole.
 */
export async function readSlowly(upstream, { name, url, headers, pid, inspectorUrl }, question, streams) {
  const written = async () => {
    upstream.send('?');
    return (await once(upstream, 'message'))[0].written;
  };
  const body = JSON.stringify(question);
  // Some at full speed, so that what comes later is the streams' own.
  for (let i = 0; i < WARM_UP_STREAMS; i += 1) await new Reader({ url, headers, body }).over;
  const before = { held: await heldBytes(url, inspectorUrl), resident: memory(pid).resident, sent: await written() };
  resetPeak(pid);
  const readers = Array.from({ length: streams }, () => new Reader({ url, headers, body }));
  try {
    await Promise.all(readers.map(async (reader) => {
      await Promise.race([reader.began, reader.over]);
      reader.stop();
    }));
    let sent = await written();
    for (let still = 0; still < STANDSTILL_MS; still += LOOK_MS) {
      await sleep(LOOK_MS);
      const now = await written();
      if (now !== sent) still = 0;
      sent = now;
    }
    const held = await heldBytes(url, inspectorUrl);
    await Promise.all(readers.map((reader) => reader.readSlowly()));
    const failed = readers.filter(({ isWhole }) => !isWhole).length;
    if (failed > 0) throw new Error(`${failed} of ${streams} slowly read answers of "${name}" were not whole`);
    const each = (bytes) => Math.round(bytes / streams);
    return { aheadBytes: each(sent - before.sent), heldBytes: each(held - before.held), peakBytes: each(memory(pid).peak - before.resident) };
  } finally {
    for (const reader of readers) reader.close();
  }
}
