/** What an audit of one data set found, in full: checks, shortcut controls, and marks of items. */

const MARKS = {
  copy: "copies",
  reverse_copy: "reverse complements",
  reordered_copy: "copies in another order",
  near_duplicate: "near-duplicates",
  shared_stretch: "shared stretches",
  seen: "sequences seen",
  overlap: "overlaps",
  conflict: "conflicts",
  repeat: "repeats",
  clean: "clean",
};

/** Everything about an audit. @param {string} where  on the page it stands, for names that must differ */
function auditDetails(dataset, audit, where, level) {
  return [
    checkTable(dataset, audit, where),
    audit.controls.length ? controlFigure(dataset, audit, where, level) : null,
    markTable(dataset, audit, where, level),
  ].filter(Boolean);
}

function checkTable(dataset, audit, where) {
  const columns = [
    { key: "check", label: "check", kind: "entry check", value: (row) => row.check },
    {
      key: "verdict",
      label: "verdict",
      value: (row) => (row.share === null ? null : SEVERITIES.indexOf(row.severity)),
      // What did not apply is recorded as green, which it has not earned.
      cell: (row) => (row.share === null ? NONE : verdictTag(row.severity)),
    },
    { key: "measured", label: "measured", kind: "measured", value: (row) => row.measured },
    {
      key: "share",
      label: "against its thresholds",
      title: "Bars: the share; zones and marks: from where on it is yellow, and red",
      kind: "range-cell",
      value: (row) => row.share,
      cell: (row) =>
        row.share === null
          ? NONE
          : [thresholdBar(row), h("small", { class: "quiet thresholds" }, thresholdText(row))],
    },
    { key: "says", label: "what it means", kind: "long", value: (row) => row.says },
  ];
  return dataTable({
    id: `${where}-checks-${dataset.name}`,
    caption: `Checks of ${dataset.name}`,
    columns,
    rows: audit.findings,
  });
}

const CONTROL_KEY =
  "A linear head that was given something that should not be enough. Hollow: can't be told from chance; ticks: from where on it is " +
  "yellow, and red; line: the best model by the same metric, its layer chosen on eval.";

function controlFigure(dataset, audit, where, level) {
  return figureBlock({
    name: `${where}-shortcuts-${slug(dataset.name)}`,
    title: "How far shortcuts get",
    note: audit.is_current ? CONTROL_KEY : `${CONTROL_KEY} The data have changed since: models are left out.`,
    level,
    panels: [
      {
        label: `How far from chance to perfect shortcuts get on ${dataset.name}`,
        draw: (width) => controlChart(Math.min(width, 900), dataset, audit),
        height: 64 + audit.controls.length * 24,
      },
    ],
    table: () => controlTable(dataset, audit),
  });
}

/** How many items of each split have which mark; marks that no item has are left out. */
function markTable(dataset, audit, where, level) {
  const given = audit.splits.flatMap((split) => Object.keys(split.marks));
  const names = [...new Set([...Object.keys(MARKS), ...given])].filter(
    (mark) => (mark === "clean" && given.includes(mark)) || audit.splits.some((split) => split.marks[mark]),
  );
  if (!names.length) return null;
  const columns = [
    { key: "split", label: "split", kind: "entry", value: (row) => row.split },
    {
      key: "items",
      label: "items",
      number: true,
      value: (row) => row.n_items,
      cell: (row) => grouped(row.n_items),
    },
    ...names.map((mark) => ({
      key: mark,
      label: MARKS[mark] ?? mark,
      number: true,
      value: (row) => row.marks[mark] ?? null,
      cell: (row) =>
        mark in row.marks
          ? h(
              "span",
              { title: percent(row.marks[mark] / Math.max(1, row.n_items), 1) },
              grouped(row.marks[mark]),
            )
          : NONE,
    })),
  ];
  return h(
    "div",
    { class: "block" },
    h(`h${level}`, {}, "Items with each mark"),
    dataTable({
      id: `${where}-marks-${dataset.name}`,
      caption: `Items of ${dataset.name} with each mark, by split`,
      columns,
      rows: audit.splits,
      compact: true,
    }),
  );
}
