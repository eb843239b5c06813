// Places are whole numbers of 64 bits, more than a JavaScript number can tell: BigInt, with a fraction beside it.

/** The largest whole number that is not above a / b, for b > 0. */
export function floorDiv(a, b) {
  const rest = a % b;
  return (a - (rest < 0n ? rest + b : rest)) / b;
}

/** A whole number in plain digits, or null for any other text. */
export function readWhole(text) {
  const told = text.trim().replace("\u2212", "-");
  return /^[+-]?[0-9]{1,40}$/.test(told) ? BigInt(told.replace("+", "")) : null;
}

/** The same within low .. high, or null. */
export function readWithin(text, low, high) {
  const value = readWhole(text);
  return value !== null && value >= low && value <= high ? value : null;
}

export const held = (value, low, high) => (value < low ? low : value > high ? high : value);

/** A number as people read it, three digits together. */
export const grouped = (value) => value.toLocaleString("en");
