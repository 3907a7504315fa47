import assert from "node:assert/strict";
import { test } from "node:test";

import { withoutCustomSection } from "../../scripts/lib/wasm-sections.mjs";

const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const custom = (name, body = []) => [0, 1 + name.length + body.length, name.length, ...Buffer.from(name), ...body];
/** One function type that takes and gives nothing. */
const types = [1, 4, 1, 0x60, 0, 0];

test("custom sections of the name go, all else stays as it is and still is a module", () => {
  const bytes = Buffer.from([...header, ...custom("name", [1, 2, 3]), ...types, ...custom("other", [4]), ...custom("name")]);
  const stripped = withoutCustomSection(bytes, "name");
  assert.deepEqual([...stripped], [...header, ...types, ...custom("other", [4])]);
  assert.equal(WebAssembly.validate(stripped), true);
  assert.deepEqual(withoutCustomSection(stripped, "name"), stripped);
});

test("a long section's length is read", () => {
  const body = Array.from({ length: 300 }, (_, i) => i % 7);
  const long = [0, 0xb1, 0x02, 4, ...Buffer.from("name"), ...body];
  assert.deepEqual([...withoutCustomSection(Buffer.from([...header, ...long, ...types]), "name")], [...header, ...types]);
});

test("a module that is cut off is an error, not half a module", () => {
  assert.throws(() => withoutCustomSection(Buffer.from([...header, 1, 9, 1]), "name"), /ends inside/);
  assert.throws(() => withoutCustomSection(Buffer.from([...header, 1, 0x80]), "name"), /ends inside/);
});
