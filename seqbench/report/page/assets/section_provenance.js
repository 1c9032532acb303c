/** What failed, what is missing, and where everything comes from. */

function absentSection() {
  if (!report.failed.length && !report.missing.length) return null;
  const list = (values) => values.join(", ");
  const failed = [
    { key: "dataset", label: "data set", kind: "entry", value: (row) => row.dataset },
    { key: "model", label: "model", kind: "who", value: (row) => row.model },
    { key: "head", label: "head", value: (row) => row.head },
    { key: "layers", label: "layers", value: (row) => list(row.layers) },
    { key: "seeds", label: "seeds", value: (row) => list(row.seeds) },
    { key: "probes", label: "probes", number: true, value: (row) => row.n_probes },
    { key: "reason", label: "reason", kind: "long", value: (row) => row.reason },
  ];
  return section(
    "absent",
    "Failed and missing",
    report.failed.length
      ? [
          h("h3", {}, "Failed probes"),
          dataTable({ id: "failed", caption: "Failed probes", columns: failed, rows: report.failed }),
        ]
      : null,
    report.missing.length
      ? [
          h("h3", {}, "No results"),
          note("Not run yet, failed, or not possible: one-hot, for example, needs sequences of one length."),
          missingList(),
        ]
      : null,
  );
}

/** Data sets without results, by model and head. */
function missingList() {
  const found = new Map();
  for (const { model, head, dataset } of report.missing) {
    const key = JSON.stringify([model, head]);
    found.set(key, [...(found.get(key) ?? []), dataset]);
  }
  return h(
    "ul",
    { class: "plain-list" },
    [...found].map(([key, names]) => {
      const [model, head] = JSON.parse(key);
      return h("li", {}, h("b", {}, model), ` (${head}): ${names.join(", ")}`);
    }),
  );
}

/** The first letters of a hash; the whole of it under the pointer. */
function hash(text) {
  return h("code", { title: text }, text.slice(0, 12));
}

function provenanceSection() {
  return section(
    "provenance",
    "Provenance",
    report.models.length ? [h("h3", {}, "Models"), modelTable()] : null,
    report.datasets.length ? [h("h3", {}, "Data"), dataTableOfSets()] : null,
    report.runs.length ? [h("h3", {}, "Runs"), runTable()] : null,
    report.files.length ? [h("h3", {}, "Files beside this page"), fileList()] : null,
  );
}

function modelTable() {
  const columns = [
    {
      key: "name",
      label: "model",
      kind: "who entry",
      value: (row) => row.name,
      cell: (row) => modelName(row.name),
    },
    { key: "kind", label: "kind", value: (row) => row.kind },
    { key: "fingerprint", label: "fingerprint", cell: (row) => hash(row.fingerprint) },
    { key: "layers", label: "layers", number: true, value: (row) => row.n_layers },
    { key: "width", label: "width", number: true, value: (row) => row.hidden },
    { key: "dtype", label: "dtype", value: (row) => row.dtype },
    { key: "path", label: "path", kind: "long", value: (row) => row.path },
    { key: "revision", label: "revision", value: (row) => row.revision },
  ];
  return dataTable({ id: "models", caption: "Models", columns, rows: report.models });
}

function dataTableOfSets() {
  const items = (key) => ({
    key,
    label: key.slice(2),
    number: true,
    value: (row) => row[key],
    cell: (row) => grouped(row[key]),
  });
  const columns = [
    {
      key: "name",
      label: "data set",
      kind: "entry",
      value: (row) => row.name,
      cell: (row) => link(`data/${row.name}`, middleCut(row.name)),
    },
    { key: "group", label: "group", value: (row) => row.group },
    { key: "task", label: "task", value: (row) => row.task },
    { key: "sha256", label: "SHA-256", cell: (row) => hash(row.sha256) },
    items("n_train"),
    items("n_eval"),
    items("n_test"),
  ];
  return dataTable({ id: "data", caption: "Data sets", columns, rows: report.datasets });
}

function runTable() {
  const columns = [
    { key: "started", label: "started (UTC)", kind: "entry", value: (row) => row.started_at },
    { key: "finished", label: "ended (UTC)", value: (row) => row.finished_at },
    { key: "command", label: "command", value: (row) => row.command },
    { key: "status", label: "status", value: (row) => row.status },
    { key: "device", label: "device", kind: "long", value: (row) => row.device },
    {
      key: "versions",
      label: "versions",
      kind: "long",
      cell: (row) =>
        Object.entries(row.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(", "),
    },
    { key: "run", label: "run", cell: (row) => hash(row.run_id) },
  ];
  return dataTable({ id: "runs", caption: "Runs", columns, rows: report.runs });
}

function fileList() {
  const address = (file) => file.split("/").map(encodeURIComponent).join("/");
  return h(
    "ul",
    { class: "files" },
    report.files.map((file) => h("li", {}, h("a", { href: `./${address(file)}` }, file))),
  );
}
