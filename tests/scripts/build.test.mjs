import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

import { digestOf } from "../../scripts/lib/build.mjs";

test("what goes into a build is known by names and contents, not by times", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "opengateway-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const source = join(folder, "src", "deep", "a.rs");
  mkdirSync(join(folder, "src", "deep"), { recursive: true });
  writeFileSync(source, "one");
  const digest = () => digestOf([join(folder, "src"), join(folder, "not-there")]);

  const first = digest();
  utimesSync(source, 0, 0);
  assert.equal(digest(), first);
  writeFileSync(source, "two");
  const second = digest();
  assert.notEqual(second, first);
  renameSync(source, join(folder, "src", "deep", "b.rs"));
  assert.notEqual(digest(), second);
});
