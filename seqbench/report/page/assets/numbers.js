/** Numbers as people read them, and scales of charts. */

const NONE = "–";

/** A score: three decimals, fewer for large ones. */
function score(value) {
  if (value === null || value === undefined) return NONE;
  const size = Math.abs(value);
  return minus(size >= 1000 ? grouped(value) : value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3));
}

/** A difference, always with its sign. */
function signed(value) {
  if (value === null || value === undefined) return NONE;
  const text = score(value);
  return Number(text.replace("−", "-")) > 0 ? `+${text}` : text;
}

/** `0.81 to 0.83`, or nothing where an end is not known. */
function interval(low, high, write = score) {
  return low === null || low === undefined || high === null ? "" : `${write(low)} to ${write(high)}`;
}

/** The same for narrow cells: `0.81–0.83` where no sign can be taken for the dash. */
function shortInterval(low, high) {
  return low < 0 || high < 0 ? interval(low, high) : interval(low, high).replace(" to ", "–");
}

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A whole number with groups of three digits. */
function grouped(value) {
  return value === null || value === undefined ? NONE : minus(WHOLE.format(value));
}

/** A share as per cent. */
function percent(value, digits = 0) {
  return value === null || value === undefined ? NONE : `${(100 * value).toFixed(digits)} %`;
}

/** A probability of a test. */
function probability(value) {
  if (value === null || value === undefined) return NONE;
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}

/** `3 data sets`, `1 data set`. */
function counted(number, noun) {
  return `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Bytes in the unit that leaves one to three digits before the point. */
function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  while (value >= 1000 && step < units.length - 1) [value, step] = [value / 1000, step + 1];
  return `${value.toFixed(value < 10 && step ? 1 : 0)} ${units[step]}`;
}

function minus(text) {
  return text.replace(/^-/, "−");
}

/** @returns {number|null} the middle one; null of nothing */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  if (!sorted.length) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns {number|null} the average of those that are known */
function mean(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

/** Round numbers inside a range, about `wanted` of them. */
function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const away = (factor) => Math.abs((high - low) / (factor * power) - wanted);
  const step = power * [1, 2, 5, 10].reduce((best, factor) => (away(factor) < away(best) ? factor : best));
  const found = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index += 1) {
    found.push(Number((index * step).toPrecision(12)));
  }
  return found;
}

/** Ticks as text, all with the same number of decimals. */
function tickText(values) {
  const decimals = Math.max(...values.map((value) => (String(value).split(".")[1] ?? "").length), 0);
  return values.map((value) =>
    minus(Math.abs(value) >= 10000 ? grouped(value) : value.toFixed(Math.min(decimals, 4))),
  );
}

/** Whole layers to mark: round steps from 0, so that labels of `room` pixels don't meet. */
function layerTicks(last, room) {
  const step =
    [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 50, 100].find((size) => last / size <= room) ?? 200;
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, index) => index * step);
}

/** A scale from numbers to pixels. */
function linear([from, to], [start, end]) {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

/** The range of values, widened a little; never empty. */
function extent(values, margin = 0.06) {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (!known.length) return [0, 1];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const extra = (high - low) * margin || Math.abs(high) * 0.05 || 0.05;
  return [low - extra, high + extra];
}
