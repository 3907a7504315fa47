// Twenty thousand requests of every kind: what the gateway keeps of them is nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SOAK_HELD_BYTES, SOAK_RATIO } from '../../bench/limits.mjs';
import { round } from '../../bench/statistics.mjs';
import { measureSoak } from '../../bench/soak/soak.mjs';

const MB = 1024 * 1024;

test('memory is flat over twenty thousand mixed requests', { timeout: 600_000 }, async () => {
  const soak = await measureSoak();
  const list = (readings, figure) => readings.filter((reading) => figure in reading).map((reading) => round(reading[figure] / MB, 1)).join(' ');
  console.log(`soak: ${JSON.stringify(soak.ends)}\nisolate, MB: ${list(soak.readings, 'heldBytes')}\nin use, MB: ${list(soak.readings, 'usedBytes')}\nprocess, MB: ${list(soak.readings, 'residentBytes')}\nbare, MB: ${list(soak.bare, 'residentBytes')}`);
  assert.ok(soak.usedRatio <= SOAK_RATIO, `the isolate uses ${soak.usedRatio} x what it used, at most ${SOAK_RATIO}`);
  const held = Math.max(...soak.readings.map(({ heldBytes }) => heldBytes));
  assert.ok(held <= SOAK_HELD_BYTES, `the isolate holds ${held} bytes, at most ${SOAK_HELD_BYTES}`);
  const against = soak.residentRatio / soak.bareRatio;
  assert.ok(against <= SOAK_RATIO, `the process grew ${against} x as much as a bare worker's, at most ${SOAK_RATIO}`);
});
