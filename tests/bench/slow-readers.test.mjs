// Many streams whose clients stop reading: they wait at their provider, not in the gateway's memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kept } from '../../bench/summary.mjs';
import { slowReaders } from '../../bench/slow/all.mjs';

test('streams that nobody reads are held back at the provider, not in memory', { timeout: 600_000 }, async () => {
  const found = await slowReaders({ say: (one) => console.log(JSON.stringify(one)) });
  const limits = kept({ samples: [], measures: [], slowReaders: found });
  assert.equal(limits.length, 2);
  for (const { what, measured, most } of limits) assert.ok(measured <= most, `${what}: ${measured}, at most ${most}`);
});
