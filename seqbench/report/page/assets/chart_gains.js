/** What pre-training bought: how much better models are than their untrained twins, counts, and shuffled labels. */

const GAIN_KINDS = {
  untrained: "over the untrained twin",
  kmer: "over k-mers",
  composition: "over composition",
  shuffled: "over shuffled labels",
};

/** Rows that have a gain of a kind, by data set; models always in the same order. */
function gainRows(among, kind) {
  const order = [...models.keys()];
  return among
    .map((dataset) => ({
      dataset,
      found: [...shownRows(dataset)]
        .sort((a, b) => order.indexOf(a.model) - order.indexOf(b.model))
        .map((row) => ({ row, gain: gainOf(row, kind) }))
        .filter(({ gain }) => gain !== null),
    }))
    .filter(({ found }) => found.length > 0);
}

/** @param {string} kind  a key of `GAIN_KINDS` */
function gainChart(width, among, kind) {
  const rows = gainRows(among, kind);
  const each = (found) => Math.max(22, found.length * 9 + 8);
  const widest = Math.max(...rows.map(({ dataset }) => textWidth(dataset.name, 11)), 40);
  const left = Math.min(Math.ceil(widest) + 10, Math.floor(width * 0.4));
  const ends = rows.flatMap(({ found }) =>
    found.flatMap(({ gain }) => [gain.difference, gain.low, gain.high]),
  );
  const range = extent([0, ...ends]);
  const x = linear(range, [left + 6, width - 14]);
  const bottom = 8 + rows.reduce((sum, { found }) => sum + each(found), 0);
  const drawing = chart(width, bottom + 38);
  const values = ticks(...range, Math.max(2, Math.floor((width - left) / 90)));
  tickText(values).forEach((text, index) => {
    drawing.append(
      stroke(x(values[index]), 6, x(values[index]), bottom, "grid"),
      words(text, x(values[index]), bottom + 15, { anchor: "middle", kind: "tick" }),
    );
  });
  drawing.append(
    stroke(x(0), 4, x(0), bottom, "zero"),
    words("better by (metric of the data set)", (left + width) / 2, bottom + 32, {
      anchor: "middle",
      kind: "tick",
    }),
  );
  const spots = [];
  let y = 8;
  for (const { dataset, found } of rows) {
    const tall = each(found);
    drawing.append(words(shortened(dataset.name, left - 10), left - 8, y + tall / 2 + 4, { anchor: "end" }));
    found.forEach(({ row, gain }, index) => {
      const at = y + tall / 2 + (index - (found.length - 1) / 2) * 9;
      drawing.append(gainMark(row.model, gain, x, at));
      spots.push({ x: x(gain.difference), y: at, tell: () => gainLines(row, gain) });
    });
    y += tall;
  }
  return walkable(drawing, spots);
}

/** A dot and its interval; hollow where the two can't be told apart. */
function gainMark(model, gain, x, y) {
  const { clear } = gain;
  return s(
    "g",
    { vars: look(model) },
    gain.low === null ? null : stroke(x(gain.low), y, x(gain.high), y, "whisker"),
    s("circle", {
      cx: place(x(gain.difference)),
      cy: place(y),
      r: 3.6,
      class: clear === false ? "dot hollow" : "dot",
    }),
  );
}

function gainLines(row, gain) {
  return [
    `${row.model} on ${row.dataset.name}`,
    { label: `${row.metric}, ${GAIN_KINDS[gain.kind]}`, value: signed(gain.difference) },
    { label: "control", value: gain.control },
    ...(gain.low === null ? [] : [{ label: "95 % interval", value: interval(gain.low, gain.high, signed) }]),
    ...(gain.p_holm === null ? [] : [{ label: "p (Holm)", value: probability(gain.p_holm) }]),
  ];
}

function gainTable(among, kind) {
  return {
    columns: ["dataset", "model", "control", "metric", "difference", "low", "high", "p_holm"],
    rows: gainRows(among, kind).flatMap(({ dataset, found }) =>
      found.map(({ row, gain }) => [
        dataset.name,
        row.model,
        gain.control,
        row.metric,
        gain.difference,
        gain.low,
        gain.high,
        gain.p_holm,
      ]),
    ),
  };
}

/** A dot a data set on a common line, for a table's cell: is the average the rule or an exception? */
function gainStrip(values, range) {
  if (!values.length) return h("span", { class: "strip" });
  const x = linear(range, [4, 86]);
  return s(
    "svg",
    { class: "strip", viewBox: "0 0 90 14", width: 90, height: 14, "aria-hidden": "true" },
    stroke(x(0), 1, x(0), 13, "zero"),
    values.map((value) => s("circle", { cx: place(x(value)), cy: 7, r: 2.6, class: "speck" })),
  );
}
