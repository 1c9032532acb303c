/** Charts of cells: models × data sets, models × groups, and who beats whom. */

const NAME_SIZE = 11;

/**
 * @typedef {Object} Cell
 * @property {string} text
 * @property {number|null} shade  0 the palest, 1 the darkest; null for no colour
 * @property {string} [kind]      `failed`, `missing` or `own`
 * @property {boolean} [strong]   set in bold: nothing in its row is clearly better
 * @property {() => Lines} tell
 */

/**
 * @param {number} width
 * @param {{label: string, items: Array<{label: string, cells: Cell[]}>}[]} blocks  rows under their headings
 * @param {string[]} columns
 */
function matrixChart(width, blocks, columns) {
  const rows = blocks.flatMap((block) => block.items);
  const widest = Math.max(...rows.map((row) => textWidth(row.label, NAME_SIZE)), 40);
  const left = Math.min(Math.ceil(widest) + 10, Math.floor(width * 0.38));
  const cellWidth = Math.min(132, (width - left - 4) / columns.length);
  const turned = columns.some((name) => textWidth(name, NAME_SIZE) > cellWidth - 8);
  const top = turned
    ? Math.min(120, Math.ceil(Math.max(...columns.map((name) => textWidth(name, NAME_SIZE)))) + 12)
    : 24;
  const tall = 26;
  const drawing = chart(
    width,
    top + rows.length * tall + blocks.filter((block) => block.label).length * 24 + 4,
  );
  columns.forEach((name, index) => {
    const x = left + (index + 0.5) * cellWidth;
    drawing.append(
      turned
        ? words(shortened(name, top - 10, NAME_SIZE), 0, 0, {
            transform: `translate(${place(x + 4)} ${top - 6}) rotate(-90)`,
          })
        : words(name, x, top - 8, { anchor: "middle" }),
    );
  });
  const spots = [];
  let y = top;
  for (const block of blocks) {
    if (block.label) {
      drawing.append(words(block.label, 0, y + 16, { kind: "group" }));
      y += 24;
    }
    for (const row of block.items) {
      drawing.append(
        words(shortened(row.label, left - 10, NAME_SIZE), left - 8, y + tall / 2 + 4, { anchor: "end" }),
      );
      row.cells.forEach((cell, index) => {
        const spot = {
          x: left + index * cellWidth + 1,
          y: y + 1,
          width: cellWidth - 2,
          height: tall - 2,
          tell: cell.tell,
        };
        drawing.append(matrixCell(cell, spot));
        spots.push(spot);
      });
      y += tall;
    }
  }
  return walkable(drawing, spots);
}

function matrixCell({ text, shade, kind = "", strong = false }, { x, y, width, height }) {
  const step = shade === null ? "bare" : `shade-${Math.round(shade * 6)}`;
  const box = { x: place(x), y: place(y), width: place(width), height: place(height), rx: 3 };
  const fits = textWidth(text, NAME_SIZE, 600) < width - 2;
  return s(
    "g",
    { class: `cell ${step} ${kind}` },
    s("rect", box),
    fits
      ? words(text, x + width / 2, y + height / 2 + 4, { anchor: "middle", kind: strong ? "strong" : "" })
      : null,
  );
}

/** Scores of models on data sets; the shade is within a data set, from its worst score to its best. */
function scoreMatrix(width, among) {
  const names = shownModels(among).map((model) => model.name);
  const headed = groups.length > 1 && among.length > groups.length;
  const blocks = groups.map((group) => ({
    label: headed ? group : "",
    items: among
      .filter((dataset) => dataset.group === group)
      .map((dataset) => ({ label: dataset.name, cells: scoreCells(dataset, names) })),
  }));
  return matrixChart(
    width,
    blocks.filter((block) => block.items.length),
    names,
  );
}

/** @returns {Cell[]} */
function scoreCells(dataset, names) {
  const rows = shownRows(dataset).filter((row) => row.choice.test.value !== null);
  const sign = orientation(dataset.task, metricOf(dataset));
  const values = rows.map((row) => sign * row.choice.test.value);
  const shadeOf = rows.length > 1 ? linear([Math.min(...values), Math.max(...values)], [0, 1]) : () => 0.5;
  return names.map((name) => {
    const row = rows.find((found) => found.model === name);
    if (!row) return absentCell(dataset, name);
    return {
      text: score(row.choice.test.value),
      shade: shadeOf(sign * row.choice.test.value),
      strong: row.rank === 1,
      tell: () => rowLines(row),
    };
  });
}

function absentCell(dataset, name) {
  const [failure] = failuresOf(dataset.name, name);
  if (!isShown(dataset, name))
    return { text: "", shade: null, kind: "missing", tell: () => [dataset.name, `${name} is not shown`] };
  if (failure)
    return {
      text: "failed",
      shade: null,
      kind: "failed",
      tell: () => [`${name} on ${dataset.name}`, `failed: ${failure.reason}`],
    };
  return {
    text: "missing",
    shade: null,
    kind: "missing",
    tell: () => [`${name} on ${dataset.name}`, "no results"],
  };
}

/** What there is to say about a row, for a tooltip. */
function rowLines(row) {
  const { test, layer, gap } = row.choice;
  return [
    `${row.model} on ${row.dataset.name}`,
    { label: row.metric, value: score(test.value) },
    ...(test.low === null ? [] : [{ label: "95 % interval", value: interval(test.low, test.high) }]),
    ...(row.rank === null ? [] : [{ label: row.tested ? "rank" : "place", value: rankText(row) }]),
    ...(row.n_layers > 1 ? [{ label: "layer", value: `${layer}/${row.n_layers - 1}` }] : []),
    ...(row.asGood === null ? [] : [{ label: "layers as good", value: String(row.asGood) }]),
    ...(row.n_layers > 1 && gap !== null ? [{ label: "oracle gap", value: score(gap) }] : []),
  ];
}

/** `1=` where others share the rank. */
function rankText(row) {
  return row.rank === null ? NONE : `${row.rank}${row.shared ? "=" : ""}`;
}

/** Average ranks by group: where the overall ranking misleads. */
function rankMatrix(width) {
  const names = standingsOf(report.overall)
    .map((standing) => standing.model)
    .filter((name) => !state.off.has(name));
  const items = [report.overall, ...groups].map((scope) => ({
    label: scope,
    cells: rankCells(scope, names),
  }));
  return matrixChart(width, [{ label: "", items }], names);
}

/** @returns {Cell[]} */
function rankCells(scope, names) {
  const standings = standingsOf(scope);
  const most = Math.max(2, standings.length);
  return names.map((name) => {
    const found = standings.find((standing) => standing.model === name);
    const rank = found?.average_rank ?? null;
    if (rank === null)
      return {
        text: NONE,
        shade: null,
        kind: "missing",
        tell: () => [`${name}, ${scope}`, "no average rank: scores are missing"],
      };
    return {
      text: rank.toFixed(1),
      shade: Math.min(1, Math.max(0, (most - rank) / (most - 1))),
      strong: rank === Math.min(...standings.map((standing) => standing.average_rank ?? Infinity)),
      tell: () => [
        `${name}, ${scope}`,
        { label: "average rank", value: rank.toFixed(2) },
        { label: "data sets", value: overText(found) || String(found.n_datasets) },
      ],
    };
  });
}

/** How often the model of a row is clearly better than the one of a column. */
function winMatrix(width, names) {
  const items = names.map((name) => ({ label: name, cells: names.map((other) => winCell(name, other)) }));
  return matrixChart(width, [{ label: "", items }], names);
}

/** @returns {Cell} */
function winCell(name, other) {
  if (name === other) return { text: "", shade: null, kind: "own", tell: () => [name] };
  const found = report.wins.find((wins) => wins.model === name && wins.other === other);
  if (!found || !found.n_datasets)
    return {
      text: NONE,
      shade: null,
      kind: "missing",
      tell: () => [`${name} and ${other}`, "no data set has scores of both"],
    };
  return {
    text: `${found.clearly_better}/${found.n_datasets}`,
    shade: found.clearly_better / found.n_datasets,
    tell: () => [
      `${name} against ${other}`,
      { label: "clearly better on", value: `${found.clearly_better} of ${found.n_datasets}` },
      { label: "higher score on", value: `${found.better} of ${found.n_datasets}` },
    ],
  };
}
