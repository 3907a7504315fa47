// Reads HTTP/1.1 requests from raw bytes: fixed and chunked bodies, keep-alive. It does not write anything and refuses
// nothing: what a provider answers, well-formed or not, is a behaviour's business.

const HEAD_END = Buffer.from('\r\n\r\n');
const CRLF = Buffer.from('\r\n');

/** Collects bytes and gives back each request once it is complete: `{method, target, headers, body}`. */
export class RequestReader {
  #buffered = Buffer.alloc(0);

  /** @returns {Array<{method: string, target: string, headers: Record<string, string>, body: Buffer}>} */
  push(bytes) {
    this.#buffered = Buffer.concat([this.#buffered, bytes]);
    const complete = [];
    for (;;) {
      const parsed = parseRequest(this.#buffered);
      if (parsed === null) return complete;
      complete.push(parsed.request);
      this.#buffered = this.#buffered.subarray(parsed.length);
    }
  }
}

/** @returns the headers of a head's lines, names in lower case, repeated ones joined by `, `. */
export function parseHeaders(lines) {
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}

/** @returns `{body, length}` of a chunked body that starts at `start`, or null while it is incomplete. */
export function parseChunkedBody(bytes, start) {
  const parts = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf(CRLF, at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const from = lineEnd + CRLF.length;
    const next = from + size + CRLF.length;
    if (bytes.length < next) return null;
    if (size === 0) return { body: Buffer.concat(parts), length: next - start };
    parts.push(bytes.subarray(from, from + size));
    at = next;
  }
}

function parseRequest(bytes) {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const [requestLine, ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const [method, target] = requestLine.split(' ');
  const headers = parseHeaders(lines);
  const bodyStart = headEnd + HEAD_END.length;
  if (headers['transfer-encoding']?.toLowerCase().includes('chunked')) {
    const chunked = parseChunkedBody(bytes, bodyStart);
    if (chunked === null) return null;
    return { request: { method, target, headers, body: chunked.body }, length: bodyStart + chunked.length };
  }
  const length = bodyStart + Number(headers['content-length'] ?? 0);
  if (bytes.length < length) return null;
  return { request: { method, target, headers, body: Buffer.from(bytes.subarray(bodyStart, length)) }, length };
}
