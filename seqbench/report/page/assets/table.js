/** Tables that sort by any column and become one block a row on narrow screens. */

/**
 * @typedef {Object} Column
 * @property {string} key
 * @property {string} label
 * @property {string} [title]     what it means, in a sentence
 * @property {boolean} [number]   set right, and first sorted from the greatest
 * @property {(row: *) => (number|string|null)} [value]  what it sorts by; without it the column does not sort
 * @property {(row: *) => *} [cell]  what is shown; by default the value
 * @property {(row: *) => *} [again]  what is shown where the row above says the same: the kind of a row holds `repeat`
 * @property {string} [kind]      classes of its cells
 */

/**
 * @param {Object} about
 * @param {string} about.id       names the order in the address
 * @param {string} about.caption  says what the table is, for those who can't see it
 * @param {Column[]} about.columns
 * @param {Array<*>} about.rows
 * @param {(row: *, index: number, rows: Array<*>) => string} [about.kind]  classes of a row
 * @param {boolean} [about.compact]  no wider than it needs
 */
function dataTable({ id, caption, columns, rows, kind = () => "", compact = false }) {
  const [key, direction] = (state.sorts[id] ?? "").split(":");
  const by = columns.find((column) => column.key === key && column.value);
  const ordered = by ? sortedRows(rows, by.value, direction === "descending" ? -1 : 1) : rows;
  const head = columns.map((column) => heading(id, column, by === column ? direction : "none"));
  const body = ordered.map((row, index) => {
    const classes = kind(row, index, by ? [] : ordered);
    const repeats = classes.split(" ").includes("repeat");
    return h(
      "tr",
      { role: "row", class: classes || null },
      columns.map((column, at) => cell(column, row, at === 0, repeats)),
    );
  });
  return h(
    "div",
    { class: compact ? "table-box compact" : "table-box" },
    h(
      "table",
      { role: "table", id: `table-${id}`, class: by ? "sorted" : "unsorted" },
      h("caption", { class: "unseen" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
      h("tbody", { role: "rowgroup" }, body),
    ),
  );
}

/** Unknown values come last, whichever way the others go. */
function sortedRows(rows, value, sign) {
  return [...rows].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === null || right === null) return (left === null) - (right === null);
    return (
      sign * (typeof left === "string" ? left.localeCompare(right, "en", { numeric: true }) : left - right)
    );
  });
}

function heading(id, column, direction) {
  const settings = {
    role: "columnheader",
    scope: "col",
    class: column.number ? "number" : null,
    "data-key": column.key,
    title: column.title ?? null,
  };
  if (!column.value) return h("th", settings, column.label);
  const first = column.number ? "descending" : "ascending";
  const next =
    direction === "none"
      ? first
      : direction === first
        ? first === "ascending"
          ? "descending"
          : "ascending"
        : "";
  const sorts = { ...state.sorts };
  if (next) sorts[id] = `${column.key}:${next}`;
  else delete sorts[id];
  const arrow = h(
    "span",
    { class: "arrow", "aria-hidden": "true" },
    { ascending: "▲", descending: "▼", none: "" }[direction],
  );
  const press = () => change({ sorts });
  return h(
    "th",
    { ...settings, "aria-sort": direction },
    h(
      "button",
      { type: "button", class: "sort", "data-focus": `sort-${id}-${column.key}`, on: { click: press } },
      column.label,
      arrow,
    ),
  );
}

function cell(column, row, isFirst, repeats) {
  const empty = column.value && (column.value(row) ?? null) === null;
  const shown =
    repeats && column.again
      ? column.again(row)
      : column.cell
        ? column.cell(row)
        : (column.value(row) ?? NONE);
  const classes = [column.number && "number", column.kind, empty && "empty"].filter(Boolean).join(" ");
  return h(
    isFirst ? "th" : "td",
    {
      role: isFirst ? "rowheader" : "cell",
      scope: isFirst ? "row" : null,
      class: classes || null,
      "data-key": column.key,
      "data-label": column.label,
    },
    typeof shown === "number" ? String(shown) : shown,
  );
}
