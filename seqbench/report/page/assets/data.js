/** What the page is about: the analysis as seqbench wrote it into the page, and look-ups in it. */

/**
 * Columns as records. Python writes records of a kind as one list a field.
 * @param {Object<string, Array<*>>|Array<*>} columns
 */
function records(columns) {
  if (Array.isArray(columns)) return columns;
  const names = Object.keys(columns);
  return columns[names[0]].map((_, index) =>
    Object.fromEntries(names.map((name) => [name, columns[name][index]])),
  );
}

/**
 * @typedef {Object} Model
 * @property {string} name
 * @property {string} kind
 * @property {boolean} control  whether it is there to be beaten
 * @property {number} n_layers
 * @property {{color: string, dashes: number[], width: number}} look
 *
 * @typedef {Object} Dataset
 * @property {string} name
 * @property {string} task
 * @property {string} group
 * @property {string|null} metric  what it is ranked by
 *
 * @typedef {Object} Audit
 * @property {string} dataset
 * @property {boolean} is_current  whether it is of the data as they were last used
 * @property {string} verdict      red, yellow or green
 * @property {string} recorded_at
 * @property {Array<{check: string, severity: string, measured: string, share: number|null, yellow: number|null, red: number|null, says: string}>} findings
 * @property {Array<{split: string, n_items: number, marks: Object<string, number>}>} splits
 * @property {Array<Object>} controls
 *
 * @typedef {Object} Score
 * @property {number|null} value
 * @property {number|null} low
 * @property {number|null} high
 */

const report = JSON.parse(part("data").textContent);
for (const [name, value] of Object.entries(report)) {
  if (Array.isArray(value) || ["tasks", "overall"].includes(name)) continue;
  report[name] = records(value);
}
for (const curve of report.efficiency) curve.points = records(curve.points);
for (const family of report.layers) family.layers = records(family.layers);
for (const audit of report.audits) {
  for (const kind of ["findings", "splits", "controls"]) audit[kind] = records(audit[kind]);
}
report.learning = report.learning.filter((curve) => curve.points.epoch);

/** @type {Map<string, Model>} */
const models = new Map(report.models.map((model) => [model.name, model]));
/** @type {Map<string, Dataset>} */
const datasets = new Map(report.datasets.map((dataset) => [dataset.name, dataset]));
const groups = [...new Set(report.datasets.map((dataset) => dataset.group))];
const curves = indexed(report.curves, (curve) => [curve.dataset, curve.model, curve.head]);
const families = indexed(report.layers, (family) => [
  family.dataset,
  family.model,
  family.head,
  family.metric,
]);
const gains = indexed(report.gains, (gain) => [gain.dataset, gain.model, gain.kind]);
/** What audits found, by data set. @type {Map<string, Audit>} */
const audits = new Map(report.audits.map((audit) => [audit.dataset, audit]));
const cleans = indexed(report.clean, (entry) => [entry.dataset, entry.model, entry.head]);
const pairs = indexed(
  [
    ...report.comparisons,
    ...report.comparisons.map((pair) => ({
      ...pair,
      a: pair.b,
      b: pair.a,
      difference: -pair.difference,
      low: negative(pair.high),
      high: negative(pair.low),
    })),
  ],
  (pair) => [pair.dataset, pair.metric, pair.a.model, pair.b.model],
);

/** The same seen from the other side; nothing stays nothing. */
function negative(value) {
  return value === null ? null : -value;
}

function indexed(list, key) {
  return new Map(list.map((record) => [JSON.stringify(key(record)), record]));
}

function lookUp(map, ...key) {
  return map.get(JSON.stringify(key)) ?? null;
}

/** +1 where a higher value of the metric is better, −1 where a lower one is. */
function orientation(task, metric) {
  return report.tasks[task].lower.includes(metric) ? -1 : 1;
}

/** The score of a curve's layer. */
function scoreAt(curve, metric, layer) {
  const at = curve.layers.indexOf(layer);
  const [values, lows, highs] = curve.scores[metric] ?? [[], [], []];
  return { value: values[at] ?? null, low: lows[at] ?? null, high: highs[at] ?? null };
}

/** Failures of a model on a data set. */
function failuresOf(dataset, model) {
  return report.failed.filter((failure) => failure.dataset === dataset && failure.model === model);
}

/** CSS variables that draw something in a model's look. */
function look(name) {
  const found = models.get(name)?.look;
  if (!found) return {};
  return {
    "--series": `var(${found.color})`,
    "--dashes": found.dashes.length ? found.dashes.join(" ") : "none",
    "--width": `${found.width}px`,
  };
}

/** A short line in a model's look, to stand before its name. */
function swatch(name) {
  return s(
    "svg",
    { class: "swatch", viewBox: "0 0 22 10", width: 22, height: 10, "aria-hidden": "true", vars: look(name) },
    stroke(1, 5, 21, 5, "series"),
  );
}
