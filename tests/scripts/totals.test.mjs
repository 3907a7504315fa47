import assert from "node:assert/strict";
import test from "node:test";

import { totalsIn } from "../../scripts/lib/totals.mjs";

test("cargo's result lines are summed, each binary's own", () => {
  const totals = totalsIn("running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n" +
    "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n");
  assert.equal(totals.lines.length, 2);
  assert.deepEqual([totals.passed, totals.failed], [4, 2]);
});

test("node's totals count cancelled tests as failed, coloured or not", () => {
  const totals = totalsIn("\u001b[34mℹ tests 5\u001b[39m\nℹ suites 0\nℹ pass 3\nℹ fail 1\nℹ cancelled 1\nℹ skipped 0\nℹ todo 0\nℹ duration_ms 12.5\n");
  assert.deepEqual([totals.passed, totals.failed], [3, 2]);
  assert.equal(totals.lines[0], "ℹ tests 5");
  assert.deepEqual([totalsIn("# pass 2\n# fail 0\n").passed, totalsIn("").passed], [2, 0]);
});

test("a line of a test that only looks like a total is none", () => {
  assert.deepEqual(totalsIn("    ℹ pass 9\nit said: test result: ok. 3 passed; 0 failed;\n").lines, []);
});
