/** What adaptation brought: bits a letter of models on corpora, and how bits and scores move with its steps. */

function shownBits() {
  return report.bits.filter((one) => !state.off.has(one.model));
}

function familyOf(one) {
  return one.step === null ? one.model : one.model.split("@")[0];
}

/** The last model of each adaptation, and what adaptations began with. */
function adaptedNames(bits) {
  const last = new Map();
  for (const one of bits) {
    if (one.step !== null && one.step >= (last.get(familyOf(one))?.step ?? 0)) last.set(familyOf(one), one);
  }
  const finals = new Set([...last.values()].map((one) => one.model));
  return [...new Set(bits.filter((one) => one.step === null || finals.has(one.model)).map((one) => one.model))];
}

function adaptationSection() {
  const bits = shownBits();
  if (!bits.some((one) => one.step !== null)) return null;
  const corpora = [...new Set(bits.map((one) => one.corpus))];
  const panels = stepPanels(bits, corpora);
  return section(
    "adaptation",
    "Adaptation",
    note(
      "Bits a letter on held-out documents, on letters that are the same for all models; less is better. Gains are over the model that each " +
        "was adapted from, with paired 95 % intervals over documents. Watched corpora were not trained on: what gets worse there is forgotten. " +
        "Perplexity a token does not compare across tokenizers.",
    ),
    figureBlock({
      name: "adaptation",
      title: "Bits a letter",
      note: "Dark: fewer bits, within a corpus. Bold: clearly fewer than before adaptation; a minus behind: clearly more, which is forgotten.",
      panels: [
        {
          label: "Bits a letter of models on corpora",
          draw: (width) => bitsMatrix(width, bits, corpora),
          height: 60 + corpora.length * 26,
        },
      ],
      table: () => bitsTable(bits),
    }),
    panels.length
      ? figureBlock({
          name: "adaptation-steps",
          title: "Bits and scores by steps of adaptation",
          note: "From the model that adaptation began with (step 0); bands are 95 % intervals.",
          models: [...new Set(panels.flatMap((panel) => panel.lines.map((line) => line.model)))],
          panels: panels.map((panel) => ({
            label: `${panel.unit} on ${panel.name} by steps of adaptation`,
            draw: (width) => stepChart(panel, width),
            height: 190,
            above: () => h("div", { class: "panel-head" }, panel.name, " ", h("small", { class: "quiet" }, panel.unit)),
          })),
          table: () => stepTable(panels),
        })
      : null,
    foldable("adaptation-gains", "All bits and gains", false, () => gainsTable(bits)),
  );
}

function isClear(gain) {
  return gain !== null && gain.low !== null && (gain.low > 0 || gain.high < 0);
}

function bitsMatrix(width, bits, corpora) {
  const names = adaptedNames(bits);
  const items = corpora.map((corpus) => {
    const mine = bits.filter((one) => one.corpus === corpus && names.includes(one.model));
    const values = mine.map((one) => one.bits);
    const shadeOf = mine.length > 1 ? linear([Math.max(...values), Math.min(...values)], [0, 1]) : () => 0.5;
    const cells = names.map((name) => {
      const one = mine.find((found) => found.model === name);
      if (!one) return { text: NONE, shade: null, kind: "missing", tell: () => [`${name} on ${corpus}`, "not measured"] };
      const forgot = isClear(one.gain) && one.gain.difference < 0;
      return {
        text: `${score(one.bits)}${forgot ? " −" : ""}`,
        shade: shadeOf(one.bits),
        strong: isClear(one.gain) && one.gain.difference > 0,
        tell: () => bitsLines(one),
      };
    });
    const watched = mine.some((one) => one.is_watched) ? " (watched)" : "";
    return { label: `${corpus}${watched}`, cells };
  });
  return matrixChart(width, [{ label: "", items }], names);
}

function bitsLines(one) {
  const lines = [
    `${one.model} on ${one.corpus}`,
    { label: `bits a ${one.symbol}`, value: `${score(one.bits)}${one.low === null ? "" : ` (${interval(one.low, one.high)})`}`, model: one.model },
    { label: "perplexity a token", value: score(one.token_perplexity) },
    { label: "documents", value: grouped(one.n_documents) },
  ];
  if (one.gain !== null) {
    const ends = one.gain.low === null ? "" : ` (${interval(one.gain.low, one.gain.high, signed)})`;
    lines.splice(2, 0, { label: `fewer than ${one.base}`, value: `${signed(one.gain.difference)}${ends}` });
  }
  return lines;
}

function bitsTable(bits) {
  return {
    columns: [
      "corpus", "watched", "model", "base", "step", "objective", "symbol", "bits", "low", "high", "gain", "gain_low", "gain_high", "p",
      "token_perplexity", "documents", "letters",
    ],
    rows: bits.map((one) => [
      one.corpus, one.is_watched, one.model, one.base, one.step, one.objective, one.symbol, one.bits, one.low, one.high,
      one.gain?.difference ?? null, one.gain?.low ?? null, one.gain?.high ?? null, one.gain?.p ?? null,
      one.token_perplexity, one.n_documents, one.n_letters,
    ]),
  };
}

function gainsTable(bits) {
  const columns = [
    { key: "corpus", label: "corpus", kind: "entry", value: (one) => one.corpus, cell: (one) => `${one.corpus}${one.is_watched ? " (watched)" : ""}` },
    { key: "model", label: "model", kind: "who", value: (one) => one.model, cell: (one) => modelName(one.model) },
    { key: "step", label: "steps", number: true, value: (one) => one.step, cell: (one) => grouped(one.step) },
    { key: "bits", label: "bits", number: true, kind: "score", value: (one) => one.bits, cell: (one) => score(one.bits) },
    { key: "ends", label: "95 % interval", number: true, value: (one) => one.low, cell: (one) => shortInterval(one.low, one.high) },
    { key: "gain", label: "gain", title: "Bits fewer than the model that it was adapted from", number: true, value: (one) => one.gain?.difference ?? null, cell: (one) => (one.gain === null ? NONE : signed(one.gain.difference)) },
    { key: "gain-ends", label: "its interval", number: true, value: (one) => one.gain?.low ?? null, cell: (one) => (one.gain === null ? NONE : shortInterval(one.gain.low, one.gain.high)) },
    { key: "perplexity", label: "perplexity a token", title: "Does not compare across tokenizers", number: true, value: (one) => one.token_perplexity, cell: (one) => score(one.token_perplexity) },
  ];
  return dataTable({ id: "adaptation-gains", caption: "Bits a letter and gains", columns, rows: bits });
}

/** A panel a corpus and a data set, where an adaptation has checkpoints. */
function stepPanels(bits, corpora) {
  const families = [];
  for (const family of new Set(bits.filter((one) => one.step !== null).map(familyOf))) {
    const steps = new Map(bits.filter((one) => one.step !== null && familyOf(one) === family).map((one) => [one.step, one.model]));
    const base = bits.find((one) => familyOf(one) === family && one.base !== null)?.base;
    if (base !== undefined && bits.some((one) => one.model === base)) steps.set(0, base);
    const curve = [...steps].sort((a, b) => a[0] - b[0]);
    if (curve.length > 2) families.push({ model: curve.at(-1)[1], curve });
  }
  const lines = (find) =>
    families
      .map(({ model, curve }) => ({
        model,
        points: curve.map(([step, name]) => [step, find(name)]).filter(([, found]) => found !== undefined && found[0] !== null),
      }))
      .filter((line) => line.points.length > 1);
  const ofCorpora = corpora.map((corpus) => {
    const mine = new Map(bits.filter((one) => one.corpus === corpus).map((one) => [one.model, one]));
    const known = (name) => (mine.has(name) ? [mine.get(name).bits, mine.get(name).low, mine.get(name).high] : undefined);
    return { name: corpus, unit: `bits a ${[...mine.values()][0].symbol}`, lines: lines(known) };
  });
  const ofDatasets = shownDatasets().map((dataset) => {
    const rows = new Map(shownRows(dataset).map((row) => [row.model, row]));
    const known = (name) => {
      const test = rows.get(name)?.choice.test;
      return test === undefined ? undefined : [test.value, test.low, test.high];
    };
    return { name: dataset.name, unit: metricOf(dataset), lines: lines(known) };
  });
  return [...ofCorpora, ...ofDatasets].filter((panel) => panel.lines.length);
}

function stepChart(panel, width) {
  const points = panel.lines.flatMap((line) => line.points);
  const last = Math.max(...points.map(([step]) => step));
  const marks = ticks(0, last, Math.max(2, Math.floor(width / 80)));
  const plot = axes({
    width,
    height: 190,
    xRange: [0, last],
    yRange: extent(points.flatMap(([, values]) => values)),
    xTicks: marks.map((value) => [value, shortCount(value)]),
    xLabel: "steps",
  });
  const spots = [];
  for (const { model, points: own } of panel.lines) {
    const known = own.filter(([, [, low, high]]) => low !== null && high !== null);
    plot.chart.append(
      s(
        "g",
        { vars: look(model) },
        band(known.map(([step, [, low, high]]) => [plot.x(step), plot.y(low), plot.y(high)])),
        path(own.map(([step, [value]]) => [plot.x(step), plot.y(value)]), "series"),
        own.map(([step, [value]]) => s("circle", { cx: place(plot.x(step)), cy: place(plot.y(value)), r: 3.2, class: "dot" })),
      ),
    );
    for (const [step, [value, low, high]] of own) {
      const told = `${score(value)}${low === null ? "" : ` (${interval(low, high)})`}`;
      spots.push({
        x: plot.x(step),
        y: plot.y(value),
        tell: () => [`${panel.name}, ${counted(step, "step")}`, { label: panel.unit, value: told, model }],
      });
    }
  }
  return walkable(plot.chart, spots);
}

function stepTable(panels) {
  return {
    columns: ["on", "unit", "model", "step", "value", "low", "high"],
    rows: panels.flatMap((panel) =>
      panel.lines.flatMap(({ model, points }) => points.map(([step, values]) => [panel.name, panel.unit, model, step, ...values])),
    ),
  };
}
