// Custom sections of a WebAssembly module: what stands beside the code and is not needed to run it.

const HEADER_BYTES = 8;
const CUSTOM = 0;

/** An unsigned LEB128 number: its value, and where the bytes after it begin. */
function readNumber(bytes, at) {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error("the module ends inside a number");
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

/** The module without its custom sections of this name. */
export function withoutCustomSection(bytes, name) {
  const kept = [bytes.subarray(0, HEADER_BYTES)];
  for (let start = HEADER_BYTES; start < bytes.length; ) {
    const [size, body] = readNumber(bytes, start + 1);
    const end = body + size;
    if (end > bytes.length) throw new Error("the module ends inside a section");
    let named = false;
    if (bytes[start] === CUSTOM) {
      const [length, text] = readNumber(bytes, body);
      named = bytes.subarray(text, text + length).toString() === name;
    }
    if (!named) kept.push(bytes.subarray(start, end));
    start = end;
  }
  return Buffer.concat(kept);
}
