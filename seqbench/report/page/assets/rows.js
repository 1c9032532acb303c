/** Who stands where, by what the reader chose. Ranks by tests are seqbench's; scores of other metrics are put in order here. */

/**
 * @typedef {Object} Row  a model on a data set
 * @property {Dataset} dataset
 * @property {string} metric
 * @property {string} model
 * @property {boolean} control
 * @property {string} head
 * @property {number} n_layers
 * @property {Object} choice   layer, eval_score, test, oracle_layer, oracle_score, gap
 * @property {number|null} place
 * @property {number|null} rank
 * @property {boolean} tested  whether the rank comes from paired tests
 * @property {boolean} shared  whether another row has the same rank
 * @property {number|null} asGood  layers that can't be told apart from the chosen one, itself included
 */

/** Rows by data set, until the reader chooses something else. @type {Map<string, Row[]>} */
const boards = new Map();

/** Rows of a data set, best first, hidden models included. @returns {Row[]} */
function boardOf(dataset) {
  if (!boards.has(dataset.name)) boards.set(dataset.name, rankedRows(dataset));
  return boards.get(dataset.name);
}

function rankedRows(dataset) {
  const metric = metricOf(dataset);
  const ranked = state.head === "" && metric === dataset.metric;
  const given = ranked ? report.leaderboard.filter((row) => row.dataset === dataset.name) : [];
  const found = given.length ? given.map((row) => ({ ...row })) : chosenRows(dataset, metric);
  const tested =
    ranked && report.comparisons.some((pair) => pair.dataset === dataset.name && pair.metric === metric);
  return found.map((row) => ({
    ...row,
    dataset,
    tested,
    shared: row.rank !== null && found.some((other) => other !== row && other.rank === row.rank),
    asGood: layersAsGood(dataset.name, row),
  }));
}

/** As seqbench makes its leaderboard, by another metric or head: the best head by eval, ordered on test. */
function chosenRows(dataset, metric) {
  const sign = orientation(dataset.task, metric);
  const number = (value) => (value === null ? -Infinity : sign * value);
  const found = [];
  for (const model of report.models) {
    let best = null;
    for (const head of state.head ? [state.head] : report.heads) {
      const curve = lookUp(curves, dataset.name, model.name, head);
      const choice = curve?.choices[metric];
      if (choice && (best === null || number(choice.eval_score) > number(best.choice.eval_score))) {
        best = { metric, model: model.name, control: model.control, head, n_layers: curve.n_layers, choice };
      }
    }
    if (best) found.push(best);
  }
  found.sort((a, b) => number(b.choice.test.value) - number(a.choice.test.value));
  const values = found.map((row) => row.choice.test.value);
  return found.map((row) => {
    const place = row.choice.test.value === null ? null : values.indexOf(row.choice.test.value) + 1;
    return { ...row, place, rank: place };
  });
}

function layersAsGood(dataset, row) {
  const family = lookUp(families, dataset, row.model, row.head, row.metric);
  if (!family || family.chosen !== row.choice.layer) return null;
  return 1 + family.layers.filter((other) => other.p_holm >= 0.05).length;
}

/** Layers that can't be told apart from the chosen one, itself included; empty where nothing was compared. */
function goodLayers(row) {
  const family = lookUp(families, row.dataset.name, row.model, row.head, row.metric);
  if (!family || family.chosen !== row.choice.layer) return [];
  return [
    family.chosen,
    ...family.layers.filter((other) => other.p_holm >= 0.05).map((other) => other.layer),
  ];
}

/** Rows that are to be shown. @returns {Row[]} */
function shownRows(dataset) {
  return boardOf(dataset).filter((row) => isShown(dataset, row.model));
}

/**
 * What a row has over its control of a kind. The interval is of the ranking metric; of others there is the
 * difference alone.
 */
function gainOf(row, kind) {
  const gain = lookUp(gains, row.dataset.name, row.model, kind);
  if (!gain) return null;
  const ranked = report.leaderboard.find(
    (entry) => entry.dataset === row.dataset.name && entry.model === row.model,
  );
  if (ranked && ranked.metric === row.metric && ranked.head === row.head) return gain;
  const control = boardOf(row.dataset).find((other) => other.model === gain.control);
  const [mine, theirs] = [row.choice.test.value, control?.choice.test.value ?? null];
  if (mine === null || theirs === null) return null;
  const difference = orientation(row.dataset.task, row.metric) * (mine - theirs);
  return { ...gain, difference, low: null, high: null, p_holm: null };
}

/** Whether every data set is shown as it was ranked, so that tests over data sets hold. */
function isAsRanked() {
  return state.head === "" && report.datasets.every((dataset) => metricOf(dataset) === dataset.metric);
}

/** Standings of a scope: seqbench's where data sets are shown as ranked, else average ranks of the shown scores. */
function standingsOf(scope) {
  if (isAsRanked()) return report.standings.filter((standing) => standing.scope === scope);
  const inside = report.datasets.filter((dataset) => scope === report.overall || dataset.group === scope);
  const scored = inside.map((dataset) => boardOf(dataset).filter((row) => row.place !== null));
  const found = new Set(scored.flat().map((row) => row.model));
  const names = report.models.map((model) => model.name).filter((name) => found.has(name));
  const complete = scored.filter((board) => board.length === names.length);
  const oneMetric = new Set(inside.map(metricOf)).size === 1;
  return names
    .map((name) => {
      const mine = scored.map((board) => board.find((row) => row.model === name)).filter(Boolean);
      return {
        scope,
        model: name,
        control: models.get(name).control,
        n_datasets: complete.length,
        n_scored: mine.length,
        average_rank: mean(complete.map((board) => middlePlace(board, name))),
        n_first: mine.filter((row) => row.place === 1).length,
        mean_score: oneMetric ? mean(mine.map((row) => row.choice.test.value)) : null,
        gain_untrained: oneMetric ? mean(mine.map((row) => gainOf(row, "untrained")?.difference)) : null,
        gain_kmer: oneMetric ? mean(mine.map((row) => gainOf(row, "kmer")?.difference)) : null,
      };
    })
    .sort((a, b) => (a.average_rank ?? Infinity) - (b.average_rank ?? Infinity));
}

/** The place of a model where equals share the average of their places. */
function middlePlace(board, model) {
  const own = board.find((row) => row.model === model);
  const equals = board.filter((row) => row.place === own.place).length;
  return own.place + (equals - 1) / 2;
}

/** Depths of the chosen layers of a model, 0 the input and 1 the last layer. */
function depthsOf(model, among) {
  return among
    .map((dataset) => boardOf(dataset).find((row) => row.model === model))
    .filter((row) => row && row.n_layers > 1)
    .map((row) => row.choice.layer / (row.n_layers - 1));
}
