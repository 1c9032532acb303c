/** What the reader has chosen. It lives in the address, so that a view can be shared. */

/**
 * @typedef {Object} State
 * @property {string} at       the section to show; `data/<name>` for a data set
 * @property {string} head     "" for each model's best by eval
 * @property {string} group    "" for all groups
 * @property {string} query    words that data set, group, task or model must hold
 * @property {Set<string>} off models that are not shown
 * @property {Object<string, string>} metrics  by task, where it is not what the data set is ranked by
 * @property {string} show     "leaders", "all", or "" for what suits the size
 * @property {string} items    "clean" for boards by scores on clean test items
 * @property {Object<string, string>} sorts    by table, `column:ascending` or `column:descending`
 */

/** @returns {State} */
function readState(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const state = {
    at: given.get("at") ?? "",
    head: report.heads.includes(given.get("head")) ? given.get("head") : "",
    group: groups.includes(given.get("group")) ? given.get("group") : "",
    query: given.get("filter") ?? "",
    off: new Set(given.getAll("off").filter((name) => models.has(name))),
    metrics: {},
    show: ["leaders", "all"].includes(given.get("show")) ? given.get("show") : "",
    items: report.clean.length && given.get("items") === "clean" ? "clean" : "",
    sorts: {},
  };
  for (const [task, { metrics }] of Object.entries(report.tasks)) {
    const metric = given.get(`metric.${task}`);
    if (metrics.includes(metric)) state.metrics[task] = metric;
  }
  for (const [key, value] of given) {
    if (key.startsWith("sort.")) state.sorts[key.slice("sort.".length)] = value;
  }
  return state;
}

/** @param {State} chosen */
function writeState(chosen) {
  const out = new URLSearchParams();
  if (chosen.at) out.set("at", chosen.at);
  if (chosen.head) out.set("head", chosen.head);
  if (chosen.group) out.set("group", chosen.group);
  if (chosen.query) out.set("filter", chosen.query);
  for (const name of chosen.off) out.append("off", name);
  for (const [task, metric] of Object.entries(chosen.metrics)) out.set(`metric.${task}`, metric);
  if (chosen.show) out.set("show", chosen.show);
  if (chosen.items) out.set("items", chosen.items);
  for (const [table, order] of Object.entries(chosen.sorts)) out.set(`sort.${table}`, order);
  return `#${out}`;
}

let state = readState(location.hash);
let whenChanged = () => {};

/** Choose something else: the address follows, and the page is drawn again. */
function change(patch) {
  state = { ...state, ...patch };
  remember("replaceState");
  whenChanged();
}

/** Go to a section or data set; the browser's way back leads to where the reader was. */
function go(at) {
  state = { ...state, at };
  remember("pushState");
  show(at);
}

function remember(how) {
  try {
    history[how](null, "", writeState(state));
  } catch {
    // A page that is shown inside another one may have no address of its own: it works, but can't be shared.
  }
}

/** A link that shows a section or a data set. */
function link(at, ...children) {
  const follow = (event) => {
    event.preventDefault();
    go(at);
  };
  return h("a", { href: writeState({ ...state, at }), on: { click: follow } }, ...children);
}

/** What a data set is shown by: what the reader chose for its task, or what it is ranked by. */
function metricOf(dataset) {
  return state.metrics[dataset.task] ?? dataset.metric ?? report.tasks[dataset.task].primary;
}

/** Whether a model's results on a data set are to be shown. */
function isShown(dataset, model) {
  if (state.off.has(model) || (state.group && dataset.group !== state.group)) return false;
  const text = [dataset.name, dataset.group, dataset.task, model].join(" ").toLowerCase();
  return state.query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** Data sets of which something is to be shown. */
function shownDatasets() {
  return report.datasets.filter((dataset) => report.models.some((model) => isShown(dataset, model.name)));
}

/** Models of which something is to be shown. */
function shownModels(among = report.datasets) {
  return report.models.filter((model) => among.some((dataset) => isShown(dataset, model.name)));
}
