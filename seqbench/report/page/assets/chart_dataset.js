/** What a data set is made of: labels, targets and lengths by split. */

const SPLIT_NAMES = ["train", "eval", "test"];

/** Splits whose contents are known. */
function splitsOf(dataset) {
  return SPLIT_NAMES.filter((name) => dataset.splits[name]).map((name) => ({
    name,
    ...dataset.splits[name],
  }));
}

/** What a class, label or target is called: its name, or its number where it has none. */
function outputName(dataset, index) {
  return dataset.class_names[index] ?? String(index);
}

/** Share of items with each label, a bar a split and label. */
function labelChart(dataset, width) {
  const splits = splitsOf(dataset).filter((split) => split.label_counts);
  const count = Math.max(...splits.map((split) => split.label_counts.length));
  const shares = splits.map((split) =>
    split.label_counts.map((number) => number / Math.max(1, split.n_letters || split.n_items)),
  );
  const most = Math.max(...shares.flat(), 0.01);
  const [left, tall, gap] = [52, 50, 22];
  const drawing = chart(width, splits.length * (tall + gap) + 26);
  drawing.append(
    words("label", left - 10, splits.length * (tall + gap) + 14, { anchor: "end", kind: "tick" }),
  );
  const slot = Math.min(96, (width - left - 4) / count);
  const spots = [];
  splits.forEach((split, row) => {
    const base = row * (tall + gap) + tall + 12;
    drawing.append(
      words(split.name, left - 10, base - tall / 2 + 4, { anchor: "end" }),
      stroke(left, base, left + slot * count, base, "axis"),
    );
    shares[row].forEach((share, label) => {
      const high = (share / most) * tall;
      const [x, wide] = [
        left + label * slot + Math.min(3, slot * 0.1),
        Math.max(0.8, slot - Math.min(6, slot * 0.2)),
      ];
      drawing.append(
        s("rect", {
          x: place(x),
          y: place(base - high),
          width: place(wide),
          height: place(Math.max(high, 0.5)),
          class: "bar",
        }),
      );
      if (slot > 44)
        drawing.append(
          words(percent(share), x + wide / 2, Math.min(base - high - 4, base - 4), {
            anchor: "middle",
            kind: "tick",
          }),
        );
      spots.push({
        x,
        y: base - tall,
        width: wide,
        height: tall,
        tell: () => [
          `${split.name}, label ${outputName(dataset, label)}`,
          { label: split.n_letters ? "letters" : "items", value: grouped(split.label_counts[label]) },
          { label: "share", value: percent(share, 1) },
        ],
      });
    });
  });
  const step = Math.max(1, Math.ceil(24 / slot));
  for (let label = 0; label < count; label += step) {
    drawing.append(
      words(shortened(outputName(dataset, label), step * slot - 4), left + (label + 0.5) * slot, splits.length * (tall + gap) + 14, {
        anchor: "middle",
        kind: "tick",
      }),
    );
  }
  return walkable(drawing, spots);
}

function labelTable(dataset) {
  return {
    columns: ["split", "label", "name", "items", "share"],
    rows: splitsOf(dataset)
      .filter((split) => split.label_counts)
      .flatMap((split) =>
        split.label_counts.map((number, label) => [
          split.name,
          label,
          dataset.class_names[label] ?? null,
          number,
          number / Math.max(1, split.n_letters || split.n_items),
        ]),
      ),
  };
}

/** Rows of five numbers – least, quartiles, greatest – as boxes. */
function boxChart(width, rows, label) {
  const left = Math.min(140, Math.ceil(Math.max(...rows.map((row) => textWidth(row.label, 11)))) + 12);
  const range = extent(
    rows.flatMap((row) => row.five),
    0.03,
  );
  const x = linear(range, [left + 4, width - 16]);
  const bottom = rows.length * 30 + 6;
  const drawing = chart(width, bottom + 38);
  const values = ticks(...range, Math.max(2, Math.floor((width - left) / 80)));
  tickText(values).forEach((text, index) => {
    drawing.append(
      stroke(x(values[index]), 4, x(values[index]), bottom, "grid"),
      words(text, x(values[index]), bottom + 15, { anchor: "middle", kind: "tick" }),
    );
  });
  drawing.append(words(label, (left + width) / 2, bottom + 32, { anchor: "middle", kind: "tick" }));
  const spots = rows.map((row, index) => {
    const [least, lower, middleOne, upper, greatest] = row.five.map(x);
    const y = index * 30 + 20;
    drawing.append(
      words(row.label, left - 8, y + 4, { anchor: "end" }),
      stroke(least, y, greatest, y, "whisker plain"),
      s("rect", {
        x: place(lower),
        y: y - 7,
        width: place(Math.max(1, upper - lower)),
        height: 14,
        rx: 2,
        class: "box",
      }),
      stroke(middleOne, y - 7, middleOne, y + 7, "center"),
    );
    return {
      x: least,
      y: y - 10,
      width: Math.max(6, greatest - least),
      height: 20,
      tell: () => [
        row.label,
        ...["least", "lower quartile", "median", "upper quartile", "greatest"].map((name, at) => ({
          label: name,
          value: score(row.five[at]).replace(/\.0+$/, ""),
        })),
      ],
    };
  });
  return walkable(drawing, spots);
}

function lengthRows(dataset) {
  return splitsOf(dataset)
    .filter((split) => split.lengths)
    .map((split) => ({ label: split.name, five: split.lengths }));
}

function targetRows(dataset) {
  return splitsOf(dataset)
    .filter((split) => split.targets)
    .flatMap((split) =>
      split.targets.map((five, index) => ({
        label: split.targets.length > 1 ? `${split.name}, ${outputName(dataset, index)}` : split.name,
        five,
      })),
    );
}

/** @param {Array<{label: string, five: number[]}>} rows */
function boxTable(rows) {
  return {
    columns: ["split", "least", "lower_quartile", "median", "upper_quartile", "greatest"],
    rows: rows.map((row) => [row.label, ...row.five]),
  };
}
