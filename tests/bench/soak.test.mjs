// Twenty thousand requests of every kind: what the gateway keeps of them is nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SOAK_RATIO } from '../../bench/limits.mjs';
import { measureSoak } from '../../bench/soak/soak.mjs';

const MB = 1024 * 1024;

test('memory is flat over twenty thousand mixed requests', { timeout: 600_000 }, async () => {
  const soak = await measureSoak();
  const list = (readings, figure) => readings.map((reading) => Math.round(reading[figure] / MB)).join(' ');
  console.log(`soak: ${JSON.stringify(soak.ends)}\nisolate, MB: ${list(soak.readings, 'heldBytes')}\nprocess, MB: ${list(soak.readings, 'residentBytes')}\nbare, MB: ${list(soak.bare, 'residentBytes')}`);
  assert.ok(soak.heldRatio <= SOAK_RATIO, `the isolate holds ${soak.heldRatio} x what it held, at most ${SOAK_RATIO}`);
  const against = soak.residentRatio / soak.bareRatio;
  assert.ok(against <= SOAK_RATIO, `the process grew ${against} x as much as a bare worker's, at most ${SOAK_RATIO}`);
});
