// Prices as exact whole numbers: millionths of a USD per million tokens, which is pico-dollars a token, the unit of the
// catalogue. They come and go as decimal text; no float is involved.

const PLACES = 6;
/** A remainder below this many millionths of a unit is the noise of somebody else's floats (0.27999999999999997), not a price. */
const NOISE = 1000n;
/** Longer texts and larger exponents than these are no prices. */
const MAX_DIGITS = 40;
const MAX_EXPONENT = 30;

/** A JSON number to a BigInt of millionths, or null where it is no number, is negative or is finer than a millionth. */
export function millionths(text) {
  const match = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return null;
  const [, whole, decimals = "", exponent = "0"] = match;
  const power = Number(exponent);
  if (whole.length + decimals.length > MAX_DIGITS || Math.abs(power) > MAX_EXPONENT) return null;
  // Twelve places, so that noise can be told from a price that is finer than six.
  const shift = 2 * PLACES + power - decimals.length;
  const digits = BigInt(whole + decimals);
  const fine = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  const unit = 10n ** BigInt(PLACES);
  const nearest = (fine + unit / 2n) / unit;
  const off = fine > nearest * unit ? fine - nearest * unit : nearest * unit - fine;
  return off <= NOISE ? nearest : null;
}

/** A BigInt of millionths as the shortest decimal text. */
export function decimalText(amount) {
  const digits = amount.toString().padStart(PLACES + 1, "0");
  const decimals = digits.slice(-PLACES).replace(/0+$/, "");
  return digits.slice(0, -PLACES) + (decimals === "" ? "" : `.${decimals}`);
}
