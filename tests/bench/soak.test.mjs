// Twenty thousand requests of every kind: what the gateway keeps of them is nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureSoak } from '../../bench/soak/soak.mjs';
import { kept } from '../../bench/summary.mjs';

const MB = 1024 * 1024;

test('memory is flat over twenty thousand mixed requests', { timeout: 600_000 }, async () => {
  const soak = await measureSoak();
  const list = (readings, figure) => readings.map((reading) => Math.round(reading[figure] / MB)).join(' ');
  console.log(`soak: ${JSON.stringify(soak.ends)}\nisolate, MB: ${list(soak.readings, 'heldBytes')}\nprocess, MB: ${list(soak.readings, 'residentBytes')}\nbare, MB: ${list(soak.bare, 'residentBytes')}`);
  const limits = kept({ samples: [], measures: [], soak });
  assert.equal(limits.length, 2);
  for (const { what, measured, most } of limits) assert.ok(measured <= most, `${what}: ${measured}, at most ${most}`);
});
