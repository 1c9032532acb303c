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
 * @property {number|null} asGood  other layers that can't be told apart from the chosen one
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
    asGood: othersAsGood(dataset.name, row)?.length ?? null,
  }));
}

/** As seqbench makes its leaderboard, by another metric or head: the best head by eval, ordered on test. */
function chosenRows(dataset, metric) {
  const sign = orientation(dataset.task, metric);
  const number = (value) => (value === null ? -Infinity : sign * value);
  const found = [];
  for (const model of report.models) {
    let best = null;
    for (const head of state.head ? [state.head] : [...report.heads].sort()) {
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

/** Other layers that can't be told apart from the chosen one; null where nothing was compared. */
function othersAsGood(dataset, row) {
  const family = lookUp(families, dataset, row.model, row.head, row.metric);
  if (!family || family.chosen !== row.choice.layer) return null;
  return family.layers.filter((other) => other.as_good).map((other) => other.layer);
}

/** Layers that can't be told apart from the chosen one, itself included; empty where nothing was compared. */
function goodLayers(row) {
  const others = othersAsGood(row.dataset.name, row);
  return others ? [row.choice.layer, ...others] : [];
}

/** Whether any data set has more than one row, so that somebody is ahead of somebody. */
function haveRivals(rows) {
  return rows.some((row) => boardOf(row.dataset).length > 1);
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
  return { ...gain, difference, low: null, high: null, p_holm: null, clear: null };
}

/** Whether every data set is shown as it was ranked, so that tests over data sets hold. */
function isAsRanked() {
  return state.head === "" && report.datasets.every((dataset) => metricOf(dataset) === dataset.metric);
}

/** Standings of a scope: seqbench's where data sets are shown as ranked, else average ranks of the shown scores. */
function standingsOf(scope) {
  if (isAsRanked()) return report.standings.filter((standing) => standing.scope === scope);
  const inside = report.datasets.filter((dataset) => scope === report.overall || dataset.group === scope);
  const scored = inside
    .map((dataset) => boardOf(dataset).filter((row) => row.place !== null))
    .filter((board) => board.length);
  const rowsOf = (name, among) => among.flatMap((board) => board.filter((row) => row.model === name));
  const names = report.models.map((model) => model.name).filter((name) => rowsOf(name, scored).length);
  // As seqbench does: who has scores on fewer than half of the data sets is not ranked.
  const ranked = new Set(names.filter((name) => 2 * rowsOf(name, scored).length >= scored.length));
  const has = (board, name) => board.some((row) => row.model === name);
  const real = [...ranked].filter((name) => !models.get(name).control);
  const ofModels = scored.filter((board) => real.some((name) => has(board, name)));
  // A control that lacks a data set on which a model has a score moves nobody's rank.
  const guests = new Set(
    [...ranked].filter((name) => models.get(name).control && !ofModels.every((board) => has(board, name))),
  );
  const rivals = scored.map((board) =>
    board.filter((row) => ranked.has(row.model) && !guests.has(row.model)),
  );
  const placesOf = (name) =>
    scored.flatMap((board, index) => {
      const own = board.find((row) => row.model === name);
      return own ? [middlePlace(rivals[index], own)] : [];
    });
  const oneMetric = new Set(scored.map((board) => board[0].metric)).size === 1;
  return names
    .map((name) => {
      const mine = rowsOf(name, scored);
      return {
        scope,
        model: name,
        control: models.get(name).control,
        n_datasets: ranked.has(name) ? mine.length : 0,
        n_in_scope: scored.length,
        n_scored: mine.length,
        average_rank: ranked.has(name) ? mean(placesOf(name)) : null,
        n_first: mine.filter((row) => row.place === 1).length,
        mean_score: oneMetric && ranked.has(name) ? mean(mine.map((row) => row.choice.test.value)) : null,
        gain_untrained: oneMetric ? mean(mine.map((row) => gainOf(row, "untrained")?.difference)) : null,
        gain_kmer: oneMetric ? mean(mine.map((row) => gainOf(row, "kmer")?.difference)) : null,
      };
    })
    .sort((a, b) => (a.average_rank ?? Infinity) - (b.average_rank ?? Infinity));
}

/** The place of a row among others, where equals share the average of their places. */
function middlePlace(board, own) {
  const others = board.filter((row) => row.model !== own.model);
  const better = others.filter((row) => row.place < own.place).length;
  return 1 + better + others.filter((row) => row.place === own.place).length / 2;
}

/** Depths of the chosen layers of a model, 0 the input and 1 the last layer. */
function depthsOf(model, among) {
  return among
    .map((dataset) => boardOf(dataset).find((row) => row.model === model))
    .filter((row) => row && row.n_layers > 1)
    .map((row) => row.choice.layer / (row.n_layers - 1));
}
