/** The critical-difference diagram: average ranks on a line, and which of them are too near to be told apart. */

/** @param {number} width  @param {Array<Object>} standings  with an average rank  @param {Object|null} test */
function rankChart(width, standings, test) {
  const most = Math.max(
    2,
    standings.length,
    ...standings.map((standing) => Math.ceil(standing.average_rank)),
  );
  const sorted = [...standings].sort((a, b) => a.average_rank - b.average_rank);
  const near = sorted.slice(0, Math.ceil(sorted.length / 2));
  const far = sorted.slice(near.length).reverse();
  const side = Math.min(170, width * 0.34);
  const x = linear([1, most], [side, width - side]);
  const cliques = test?.cliques.filter((clique) => clique.length > 1) ?? [];
  const ruler = test?.critical_difference ?? null;
  const axis = ruler === null ? 30 : 58;
  const first = axis + 16 + cliques.length * 8;
  const drawing = chart(width, first + Math.max(near.length, far.length) * 20 + 4);
  if (ruler !== null) drawing.append(...rulerOf(x(1), Math.min(x(1 + ruler), width - 2), ruler));
  drawing.append(stroke(x(1), axis, x(most), axis, "axis"));
  const step = Math.ceil((most - 1) / Math.max(1, (width - 2 * side) / 18));
  for (let tick = 1; tick <= most; tick += step) {
    drawing.append(
      stroke(x(tick), axis - 4, x(tick), axis, "axis"),
      words(String(tick), x(tick), axis - 8, { anchor: "middle", kind: "tick" }),
    );
  }
  const place = new Map(sorted.map((standing) => [standing.model, x(standing.average_rank)]));
  cliques.forEach((clique, index) => {
    const ends = clique.map((name) => place.get(name)).filter((at) => at !== undefined);
    if (ends.length > 1)
      drawing.append(
        stroke(
          Math.min(...ends) - 3,
          axis + 8 + index * 8,
          Math.max(...ends) + 3,
          axis + 8 + index * 8,
          "clique",
        ),
      );
  });
  const spots = [];
  const label = (standing, index, end) => {
    const [at, y] = [place.get(standing.model), first + 8 + index * 20];
    const text = shortened(standing.model, side - 12);
    const left = end < width / 2;
    drawing.append(
      s(
        "g",
        { vars: look(standing.model) },
        path(
          [
            [at, axis],
            [at, y],
            [end, y],
          ],
          "leader",
        ),
        s("circle", { cx: at, cy: axis, r: 4, class: "dot" }),
        words(text, left ? end - 5 : end + 5, y + 4, { anchor: left ? "end" : "start" }),
      ),
    );
    spots.push({
      x: at,
      y: axis,
      tell: () => [
        standing.model,
        { label: "average rank", value: standing.average_rank.toFixed(2) },
        { label: "data sets", value: overText(standing) || String(standing.n_datasets) },
      ],
    });
  };
  near.forEach((standing, index) => label(standing, index, side - 4));
  far.forEach((standing, index) => label(standing, index, width - side + 4));
  spots.sort((a, b) => a.x - b.x);
  return walkable(drawing, spots);
}

function rulerOf(start, end, difference) {
  return [
    stroke(start, 22, end, 22, "axis"),
    stroke(start, 18, start, 26, "axis"),
    stroke(end, 18, end, 26, "axis"),
    words(`critical difference ${difference.toFixed(2)}`, start, 12, { kind: "tick" }),
  ];
}

/** What the tests say about average ranks, in a sentence. */
function rankVerdict(test) {
  if (!test || test.p === null) return "Too few models or data sets to test average ranks.";
  const differ = test.p < 0.05 ? "differ by more than chance" : "do not differ by more than chance";
  const apart =
    test.critical_difference === null
      ? ""
      : ` Two models are told apart where their ranks differ by more than ${test.critical_difference.toFixed(2)}; bars join those that are not.`;
  return `Average ranks over ${counted(test.n_datasets, "data set")} ${differ} (Friedman's test, p ${test.p < 0.001 ? "" : "= "}${probability(test.p)}).${apart}`;
}
