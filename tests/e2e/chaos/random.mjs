// Seeded randomness: the same seed and the same name give the same numbers, in whatever order others draw theirs.

/** A generator of numbers from 0 up to 1, for a name: mulberry32 over FNV-1a. */
export function randomOf(...names) {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(names.join('\0'))) state = Math.imul(state ^ byte, 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An integer from `least` to `most`, both included. */
export const between = (random, least, most) => least + Math.floor(random() * (most - least + 1));

export const pick = (random, list) => list[Math.floor(random() * list.length)];

/** One of `[weight, value]` pairs. */
export function pickWeighted(random, pairs) {
  let left = random() * pairs.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, value] of pairs) {
    left -= weight;
    if (left < 0) return value;
  }
  return pairs.at(-1)[1];
}

/** The members of a list in another order. */
export function shuffled(random, list) {
  return list.map((value) => [random(), value]).sort(([a], [b]) => a - b).map(([, value]) => value);
}
