/* How numbers are written for a person. */

/** @param {number} n */
export const count = (n) => n.toLocaleString("en");

/**
 * How many there are of something: "1 filter", "2 filters".
 * @param {number} n
 * @param {string} what
 * @param {string} [several]
 */
export const plural = (n, what, several = `${what}s`) => `${count(n)} ${n === 1 ? what : several}`;

/** A minus sign is wider than a hyphen. @param {string} text */
const signedText = (text) => text.replace("-", "−");

/**
 * A GAP value or r as a person reads it.
 * @param {number} value
 */
export function number(value) {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1000 || size < 0.001 ? value.toExponential(1) : value.toPrecision(size >= 1 ? 3 : 2);
}

/** The same; a dash for what is not known. @param {number | null} value */
export const numberOrDash = (value) => (value === null ? "–" : number(value));

/**
 * A figure with so many decimals; a dash for what is not known.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export const figure = (value, digits = 3) =>
  value === null || value === undefined
    ? "–"
    : signedText(value.toFixed(digits).replace(/^-(0(\.0+)?)$/, "$1"));

/** An interval. @param {readonly [number, number]} ends */
export const interval = ([low, high]) => `${figure(low, 2)} to ${figure(high, 2)}`;

/** A signed number: +3.1, −0.4. @param {number} value @param {number} [digits] */
export function signed(value, digits = 1) {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? "−" : "+") + text;
}

/** A number that may be large: 640,000, 12.3 million, 1.85 billion. @param {number} n */
export function large(n) {
  if (n < 1e6) return count(n);
  // 999.5 million would be written as 1.00e+3.
  return n < 9.995e8 ? `${(n / 1e6).toPrecision(3)} million` : `${threeDigits(n / 1e9)} billion`;
}

/** @param {number} n */
const threeDigits = (n) => (n < 999.5 ? n.toPrecision(3) : count(Math.round(n)));

/** A share to so many significant digits as it takes: 12 %, 0.4 %, 0.07 %. @param {number} value */
export const share = (value) => `${Number((100 * value).toPrecision(value < 0.1 ? 1 : 2))} %`;

/**
 * A share with so many decimals; a dash for what is not known.
 * @param {number | null} value
 * @param {number} [digits]
 */
export const percent = (value, digits = 2) => (value === null ? "–" : `${(100 * value).toFixed(digits)} %`);

const SHORTEST = 0.0005;

/** A probability; −1 and null stand for NaN. @param {number | null} p */
export const probability = (p) =>
  p === null || p < 0 ? "NaN" : percent(p, p >= 1 - SHORTEST || p < SHORTEST ? 0 : 1);

/** A value that a network answers with, of up to six digits. @param {number | null | undefined} value */
export const answer = (value) =>
  value === undefined ? "–" : value === null ? "NaN" : String(Number(value.toPrecision(6))).replace("-", "−");

/** A mean error, of up to four digits. @param {number} value */
export const meanError = (value) => answer(Number(value.toPrecision(4)));

/** What is said of a filter's cluster where there is no cluster of two or more; else null. @param {number} label @param {number} size */
export const withoutCluster = (label, size) =>
  label < 0 ? "no cluster: it never varies" : size === 1 ? "single: correlates with no other" : null;

/** The name of a class. @param {readonly string[]} classes @param {number} index */
export const className = (classes, index) => classes[index] ?? `class ${index}`;

/** A filter's address as a person copies it. @param {string} layer @param {number} filter */
export const filterAddress = (layer, filter) => `${layer}:${filter}`;

const UNITS = ["KB", "MB", "GB", "TB"];

/** 1.2 GB, 340 MB, 12 KB. @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes;
  let unit = -1;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : count(Math.round(value))} ${UNITS[unit]}`;
}

/** 3 d 4 h, 1 h 02 min, 5 min 12 s, 8 s. @param {number} seconds */
export function duration(seconds) {
  const whole = Math.round(seconds);
  const [days, hours] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24];
  const [minutes, rest] = [Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${two(minutes)} min`;
  return minutes ? `${minutes} min ${two(rest)} s` : `${rest} s`;
}
