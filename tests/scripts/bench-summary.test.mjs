// What the benchmark makes of its samples, and what it writes down.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { BARE_FETCH, GATEWAY, LIMITS, TRANSFORM_STREAM } from "../../bench/limits.mjs";
import { MEASURES } from "../../bench/measures.mjs";
import { median, ratioOf } from "../../bench/statistics.mjs";
import { kept, report, summarise } from "../../bench/summary.mjs";
import { SIZE_BUDGET_BYTES } from "../../scripts/lib/build.mjs";

const MEASURE = { name: "500 chunks, rewritten", unit: "CPU µs per chunk: 500 chunks, rewritten" };
const MB = 1024 * 1024;
const SUBJECTS = [BARE_FETCH, TRANSFORM_STREAM, GATEWAY];

const sample = (round, subject, cpuUs, fields = {}) => ({
  round, measure: MEASURE.name, subject, cpuUs, latencyMs: { p50: 10, p99: 20 }, firstByteMs: { p50: 2 }, grownBytes: 1024 * 1024, ...fields,
});

/** A machine that is twice as slow in the second round: the ratios stay. */
const SAMPLES = [
  sample(-1, BARE_FETCH, 100), sample(-1, TRANSFORM_STREAM, 100), sample(-1, GATEWAY, 1000),
  ...[[0, 1], [1, 2], [2, 1]].flatMap(([round, slow]) => [
    sample(round, BARE_FETCH, 10 * slow),
    sample(round, TRANSFORM_STREAM, 50 * slow),
    sample(round, GATEWAY, (40 + round) * slow, { firstByteMs: { p50: 2.5 }, objectMessages: 0.1, rowsWritten: 2 }),
  ]),
];

/** Of two cases, each beside its own bare worker. */
const SLOW = [
  { name: "short", subject: BARE_FETCH, aheadBytes: 1000, heldBytes: 10, peakBytes: 10 },
  { name: "short", subject: GATEWAY, aheadBytes: 2000, heldBytes: 1000, peakBytes: 10 },
  { name: "long", subject: BARE_FETCH, aheadBytes: 9000, heldBytes: 10, peakBytes: 10 },
  { name: "long", subject: GATEWAY, aheadBytes: 9000, heldBytes: 2000, peakBytes: 10 },
];

describe("a summary", () => {
  test("takes medians, and ratios within each round, without the warm-up", () => {
    const [{ reference, subjects: [transform, gateway] }] = summarise([MEASURE], SAMPLES, SUBJECTS);
    assert.deepEqual([reference.subject, reference.cpuUs], [BARE_FETCH, 10]);
    assert.deepEqual([transform.ratio, transform.ratioRange], [5, [5, 5]]);
    assert.deepEqual([gateway.ratio, gateway.ratioRange, gateway.firstByteAddedMs], [4.1, [4, 4.2], 0.5]);
    assert.equal(ratioOf(SAMPLES, MEASURE.name, GATEWAY, TRANSFORM_STREAM), 0.82);
  });

  test("leaves out who was not measured", () => {
    const [{ subjects }] = summarise([MEASURE], SAMPLES.filter(({ subject }) => subject !== TRANSFORM_STREAM), SUBJECTS);
    assert.deepEqual(subjects.map(({ subject }) => subject), [GATEWAY]);
  });

  test("knows the median of an even number of samples", () => assert.equal(median([4, 1, 3, 2]), 2.5));
});

describe("the limits", () => {
  test("name measures that there are", () => {
    const result = { samples: MEASURES.flatMap(({ name }) => SUBJECTS.map((subject) => ({ ...sample(0, subject, 1), measure: name }))), measures: MEASURES };
    const measured = kept(result);
    assert.equal(measured.length, LIMITS.length - 7, "all but the soak, slow readers and the bundle");
    assert.ok(measured.filter(({ what }) => what.startsWith("CPU")).every((limit) => limit.measured === 1));
  });

  test("say what was measured, and whether it is kept", () => {
    const limits = kept({ samples: SAMPLES, measures: MEASURES, soak: { heldRatio: 1.4, usedRatio: 1, residentRatio: 2.4, bareRatio: 2 }, slowReaders: SLOW, bundleBytes: 280_000 });
    assert.deepEqual(limits.map(({ most, measured, kept: isKept }) => [most, measured, isKept]), [
      [4.5, 4.1, true], [0.9, 0.82, true], [1.1, 1.4, false], [1.1, 1, true], [1.1, 2.4, false], [1.1, 1.2, false], [512 * 1024, 2000, true], [1.5, 2, false], [SIZE_BUDGET_BYTES, 280_000, true],
    ]);
  });
});

test("the report has a table for what was measured, what was asked first", () => {
  const limits = kept({ samples: SAMPLES, measures: MEASURES });
  const summary = summarise([MEASURE], SAMPLES, SUBJECTS);
  assert.equal(report({ limits, summary }), [
    "| what | at most | measured | kept |",
    "| --- | --- | --- | --- |",
    "| CPU, 500 chunks, rewritten, against bare fetch | 4.5 x | 4.1 | yes |",
    "| CPU, 500 chunks, rewritten, against TransformStream | 0.9 x | 0.82 | yes |",
    "",
    "| measure | worker | CPU against bare fetch | range over rounds | CPU, µs | first byte, ms | added to it, ms | p50, ms | p99, ms | grew by, MB | object messages | D1 rows |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    "| CPU µs per chunk: 500 chunks, rewritten | bare fetch | 1 |  | 10 | 2 | 0 | 10 | 20 | 1 |  |  |",
    "| CPU µs per chunk: 500 chunks, rewritten | TransformStream | 5 | 5 to 5 | 50 | 2 | 0 | 10 | 20 | 1 |  |  |",
    "| CPU µs per chunk: 500 chunks, rewritten | gateway | 4.1 | 4 to 4.2 | 42 | 2.5 | 0.5 | 10 | 20 | 1 | 0.1 | 2 |",
  ].join("\n"));
  const others = report({
    limits: [], summary: [],
    firstRequest: [{ subject: GATEWAY, firstMs: 12, firstCpuMs: 30, secondMs: 2, startCpuMs: 300 }],
    slowReaders: [{ name: "20 streams", subject: GATEWAY, aheadBytes: 2048, heldBytes: 1024, peakBytes: 3072 }],
    soak: {
      readings: [{ sent: 1000, heldBytes: 50 * MB, residentBytes: 200 * MB }, { sent: 2000, heldBytes: 50 * MB, usedBytes: 3.5 * MB, residentBytes: 200 * MB }],
      bare: [{ sent: 1000, residentBytes: 100 * MB }, { sent: 2000, residentBytes: 100 * MB }],
    },
  });
  assert.deepEqual(others.split("\n").filter((line) => line.includes(GATEWAY) || line.includes("000")), [
    "| gateway | 12 | 30 | 2 | 300 |", "| 20 streams | gateway | 2 | 1 | 3 |", "| 1000 | 50 |  | 200 | 100 |", "| 2000 | 50 | 3.5 | 200 | 100 |",
  ]);
});
