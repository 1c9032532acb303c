/** The first section: who stands where, over data sets and on each. */

/** A section of the page. */
function section(id, title, ...content) {
  return h(
    "section",
    { id: `section-${id}`, class: "section", "aria-labelledby": `heading-${id}` },
    h("h2", { id: `heading-${id}` }, title),
    content,
  );
}

function note(...content) {
  return h("p", { class: "note" }, ...content);
}

/** Whether there are so many rows that only those who lead are shown, unless the reader wants all. */
function leadersOnly(rows) {
  return state.show ? state.show === "leaders" : rows.length > 40;
}

function leaderboardSection() {
  const shown = shownDatasets();
  const rows = shown.flatMap(boardRows);
  if (!rows.length) return section("leaderboard", "Leaderboard", note(nothingWhy()));
  const many = report.datasets.length > 1;
  return section("leaderboard", "Leaderboard", many ? standingsBlock() : null, boardBlock(rows, many));
}

function nothingWhy() {
  if (!report.curves.length && report.ways.length) return "No frozen model has a score yet; those that were trained stand below.";
  return report.curves.length
    ? "Nothing that is shown has a score on eval and test: choose other models, groups or words."
    : "No model has a score on eval and test yet.";
}

function standingsBlock() {
  const scope = state.group || report.overall;
  const standings = standingsOf(scope).filter((standing) => !state.off.has(standing.model));
  if (standings.length < 2) return null;
  const test = isAsRanked() ? (report.rank_tests.find((found) => found.scope === scope) ?? null) : null;
  const ranked = standings.filter((standing) => standing.average_rank !== null);
  const title = scope === report.overall ? "Over all data sets" : `Over ${scope}`;
  return h(
    "div",
    { class: "pair" },
    h(
      "div",
      {},
      h("h3", {}, title),
      dataTable({
        id: "standings",
        caption: title,
        columns: standingColumns(scope, standings),
        rows: standings,
        kind: (row) => (row.control ? "control" : ""),
      }),
      note(
        isAsRanked()
          ? rankVerdict(test)
          : "Average ranks of the shown metric. Only the ranking metric is tested.",
      ),
    ),
    ranked.length > 1 ? figureBlock(rankFigure(scope, ranked, test)) : null,
  );
}

/** @returns {Figure} */
function rankFigure(scope, standings, test) {
  const title = scope === report.overall ? "Average ranks" : `Average ranks, ${scope}`;
  return {
    name: `average-ranks-${slug(scope)}`,
    title,
    panels: [
      {
        label: `${title}: ${standings.map((row) => `${row.model} ${row.average_rank.toFixed(2)}`).join(", ")}`,
        draw: (width) => rankChart(width, standings, test),
        height: 100 + standings.length * 10,
      },
    ],
    table: () => ({
      columns: ["scope", "model", "average_rank", "n_datasets", "critical_difference"],
      rows: standings.map((row) => [
        scope,
        row.model,
        row.average_rank,
        row.n_datasets,
        test?.critical_difference ?? null,
      ]),
    }),
  };
}

function boardBlock(rows, many) {
  const leaders = many && leadersOnly(rows);
  const shown = leaders ? rows.filter((row) => row.leads ?? row.rank === 1) : rows;
  const tested = rows.some((row) => row.tested);
  return h(
    "div",
    { class: "block" },
    boardHead(many, haveRivals(rows), leaders),
    note(
      onCleanItems()
        ? CLEAN_NOTE
        : `The layer (and head) chosen on eval, scored once on test.${rankNote(rows, tested)}`,
    ),
    dataTable({
      id: "board",
      caption: "Leaderboard by data set",
      columns: onCleanItems()
        ? cleanColumns(shown, many)
        : [...boardColumns(shown, many), ...(many ? [] : moreColumns(shown))],
      rows: shown,
      kind: boardKind,
    }),
  );
}

/** What ranks mean, where there is anything to rank. */
function rankNote(rows, tested) {
  if (!haveRivals(rows)) return "";
  return tested
    ? " Models that a paired test can't tell apart share a rank (1=)."
    : " Places are by score: nothing was tested.";
}

function boardHead(many, rivals, leaders) {
  const switches = [itemsSwitch("board"), many && rivals ? showSwitch(leaders) : null].filter(Boolean);
  if (!switches.length) return null;
  const title = many ? "On each data set" : `On ${report.datasets[0].name}`;
  return h("div", { class: "figure-head" }, h("h3", {}, title), h("div", { class: "switches" }, switches));
}

function showSwitch(leaders) {
  const option = (name, text, on) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(on),
        "data-focus": `show-${name}`,
        on: { click: () => change({ show: name }) },
      },
      text,
    );
  return h(
    "div",
    { class: "switch", role: "group", "aria-label": "Rows" },
    option("leaders", "Leaders", leaders),
    option("all", "All models", !leaders),
  );
}
