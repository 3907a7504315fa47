// Amounts of money in tests: pico-dollars (1e-12 USD) as BigInt, dollars as the text that they are written with.

/** Pico-dollars as the gateway writes dollars. */
export const usd = (pico) => `${pico / 10n ** 12n}.${String(pico % 10n ** 12n).padStart(12, '0')}`.replace(/\.?0+$/, '');

/** JSON text with costs as they are written, so that no float stands between the test and the bytes. */
export const exact = (text) => JSON.parse(text, (key, value, { source }) => (key.startsWith('cost_usd') && value !== null ? source : value));
