/** What a data set is, what is in it, and how it was embedded. */

function factList(dataset) {
  const ceiling = dataset.ceiling[metricOf(dataset)];
  const facts = [
    ["task", dataset.task],
    ["group", dataset.group],
    ["ranked by", dataset.metric ?? "not ranked: its task lacks the metric"],
    [
      "items",
      `${grouped(dataset.n_train)} train · ${dataset.n_eval ? `${grouped(dataset.n_eval)} eval` : "eval held out of train"} · ${grouped(dataset.n_test)} test`,
    ],
    dataset.n_seqs > 1 ? ["sequences an item", String(dataset.n_seqs)] : null,
    dataset.class_names.length
      ? [dataset.task === "regression" ? "targets" : "classes", namesText(dataset.class_names)]
      : null,
    dataset.alphabet ? ["alphabet", dataset.alphabet] : null,
    ceiling === undefined ? null : ["best attainable", `${score(ceiling)} ${metricOf(dataset)}`],
    ["SHA-256", h("code", {}, dataset.sha256)],
  ];
  return h(
    "dl",
    { class: "facts" },
    facts.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** Names with their numbers, of many the first. */
function namesText(names) {
  const most = 12;
  const told = names.slice(0, most).map((name, index) => `${index} ${name}`);
  if (names.length > most) told.push(`${grouped(names.length - most)} more`);
  return told.join(" · ");
}

function contentFigures(dataset) {
  const id = slug(dataset.name);
  const boxes = (name, title, rows, label) =>
    rows.length
      ? figureBlock({
          name: `${name}-${id}`,
          title,
          level: 4,
          panels: [
            {
              label: `${title} of ${dataset.name} by split`,
              draw: (width) => boxChart(width, rows, label),
              height: 44 + rows.length * 30,
            },
          ],
          table: () => boxTable(rows),
        })
      : null;
  const counted = splitsOf(dataset).filter((split) => split.label_counts);
  return [
    counted.length
      ? figureBlock({
          name: `labels-${id}`,
          title: "Labels",
          level: 4,
          panels: [
            {
              label: `Share of items with each label of ${dataset.name}, by split`,
              draw: (width) => labelChart(dataset, width),
              height: 26 + counted.length * 72,
            },
          ],
          table: () => labelTable(dataset),
        })
      : null,
    boxes("targets", "Targets", targetRows(dataset), "target"),
    boxes("lengths", "Lengths", lengthRows(dataset), "letters of a sequence"),
  ];
}

function embeddingBlock(dataset) {
  const rows = report.embeddings.filter(
    (entry) => entry.dataset === dataset.name.split("/")[0] && isShown(dataset, entry.model),
  );
  if (!rows.length) return null;
  const number = (key, label, write, title) => ({
    key,
    label,
    title,
    number: true,
    value: (row) => row[key],
    cell: (row) => (row[key] === null ? NONE : write(row[key])),
  });
  const columns = [
    {
      key: "model",
      label: "model",
      kind: "who entry",
      value: (row) => row.model,
      cell: (row) => modelName(row.model),
    },
    { key: "split", label: "split", value: (row) => row.split },
    number("n_items", "items", grouped),
    number(
      "coverage_mean",
      "coverage",
      (value) => percent(value, 1),
      "Share of a sequence that the model saw, mean over items",
    ),
    number("coverage_min", "least", (value) => percent(value, 1), "The least covered item"),
    number("tokens", "tokens", grouped),
    number("tokens_per_s", "tokens/s", grouped),
    number("seconds", "seconds", score),
    number("bytes", "size", bytes),
    { key: "device", label: "device", value: (row) => row.device },
    { key: "dtype", label: "dtype", value: (row) => row.dtype },
  ];
  return h(
    "div",
    { class: "block" },
    h("h4", {}, "Embedding"),
    dataTable({ id: `embedding-${dataset.name}`, caption: `Embedding of ${dataset.name}`, columns, rows }),
  );
}
