/** Predicted against real change of each gene, a chart a held-out perturbation. */

/** Effects on a data set that belong to the shown rows. */
function effectsOf(dataset) {
  return report.effects.filter(
    (each) =>
      each.dataset === dataset.name &&
      isShown(dataset, each.model) &&
      (!state.head || each.head === state.head),
  );
}

function effectsChart(found, width, height) {
  const xRange = extent([0, ...found.flatMap((each) => each.real)]);
  const plot = axes({
    width,
    height,
    xRange,
    yRange: extent([0, ...found.flatMap((each) => each.predicted)]),
    xTicks: ticks(xRange[0], xRange[1], Math.max(3, Math.round(width / 90))).map((value, index, all) => [
      value,
      tickText(all)[index],
    ]),
    xLabel: "real change",
  });
  const { chart: drawing, x, y } = plot;
  const [low, high] = extent([0, ...found.flatMap((each) => [...each.real, ...each.predicted])]);
  const steps = Array.from({ length: 101 }, (_, step) => low + ((high - low) * step) / 100);
  const agree = steps.filter((value) => isBetween(x(value), plot.left, plot.right) && isBetween(y(value), plot.top, plot.bottom));
  if (agree.length) drawing.append(stroke(x(agree[0]), y(agree[0]), x(agree.at(-1)), y(agree.at(-1)), "axis"));
  for (const { model, real, predicted } of found) {
    const dots = real.map((value, gene) =>
      s("circle", { cx: place(x(value)), cy: place(y(predicted[gene])), r: 1.8, class: "dot" }),
    );
    drawing.append(s("g", { vars: look(model), opacity: 0.6 }, dots));
  }
  return drawing;
}

function isBetween(value, from, to) {
  return value >= from && value <= to;
}

/** A panel a perturbation, with the models that are shown. */
function effectPanels(dataset) {
  const found = effectsOf(dataset);
  return [...new Set(found.map((each) => each.perturbation))].map((name) => ({
    label: `Predicted against real change of each gene under ${name}, ${dataset.name}`,
    draw: (width) =>
      effectsChart(
        found.filter((each) => each.perturbation === name),
        width,
        210,
      ),
    height: 210,
    above: () => h("p", { class: "panel-name" }, name),
  }));
}

function effectsTable(among) {
  return {
    columns: ["dataset", "model", "head", "layer", "perturbation", "predicted", "real"],
    rows: among.flatMap((dataset) =>
      effectsOf(dataset).flatMap((each) =>
        each.real.map((real, gene) => [
          dataset.name,
          each.model,
          each.head,
          each.layer,
          each.perturbation,
          each.predicted[gene],
          real,
        ]),
      ),
    ),
  };
}

function effectsSection() {
  const among = shownDatasets().filter((dataset) => effectsOf(dataset).length);
  if (!among.length) return null;
  return section(
    "effects",
    "Responses of genes",
    h(
      "div",
      { class: "stack" },
      among.map((dataset) =>
        figureBlock({
          name: `effects-${slug(dataset.name)}`,
          title: `Predicted against real change of each gene, ${dataset.name}`,
          models: [...new Set(effectsOf(dataset).map((each) => each.model))],
          note: "A dot a gene: across the real change of mean expression from the controls, upward the predicted one; the line is where they agree. Each model with its best head and layer by eval, on the held-out perturbations that change most.",
          panels: effectPanels(dataset),
          table: () => effectsTable([dataset]),
        }),
      ),
    ),
  );
}
