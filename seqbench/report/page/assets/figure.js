/** A figure: its heading, buttons that download it, and panels that are drawn when they come near the screen. */

/**
 * @typedef {Object} Panel
 * @property {string} label  what it shows, in words
 * @property {(width: number) => SVGSVGElement} draw
 * @property {number} height  about what it will take, so that the page does not jump
 * @property {() => *} [above]  what stands over it on the page
 *
 * @typedef {Object} Figure
 * @property {string} name   of its files
 * @property {string} title
 * @property {*} [note]
 * @property {string[]} [models]  whose looks it uses, for its legend
 * @property {Panel[]} panels
 * @property {() => {columns: string[], rows: Array<Array<*>>}} table  its numbers
 * @property {number} [level]  of its heading
 */

let numbered = 0;

/** @param {Figure} figure */
function figureBlock(figure) {
  const id = `figure-${slug(figure.name)}`;
  const button = (kind, save) =>
    h(
      "button",
      {
        type: "button",
        class: "download",
        "data-focus": `${id}-${kind}`,
        "aria-label": `Download ${figure.title} as ${kind}`,
        on: { click: save },
      },
      kind,
    );
  const heading = h(`h${figure.level ?? 3}`, { id }, figure.title);
  return h(
    "figure",
    { class: "figure", "aria-labelledby": id },
    h(
      "div",
      { class: "figure-head" },
      heading,
      h(
        "div",
        { class: "downloads" },
        button("SVG", () => save(`${figure.name}.svg`, "image/svg+xml", standalone(figure))),
        button("TSV", () => save(`${figure.name}.tsv`, "text/tab-separated-values", tsv(figure.table()))),
      ),
    ),
    figure.note ? h("p", { class: "note" }, figure.note) : null,
    (figure.models ?? []).length > 1
      ? h(
          "ul",
          { class: "legend" },
          figure.models.map((name) => h("li", {}, swatch(name), middleCut(name))),
        )
      : null,
    h("div", { class: figure.panels.length > 1 ? "panels" : "panel-alone" }, figure.panels.map(panelBlock)),
  );
}

/** @param {Panel} panel */
function panelBlock(panel) {
  const plot = h("div", { class: "plot", vars: { "--height": `${panel.height}px` } });
  soon(plot, panel);
  return h("div", { class: "panel" }, panel.above ? panel.above() : null, plot);
}

/** Panels by the element that they will be drawn into. @type {Map<Element, Panel>} */
const waiting = new Map();
/** Width at which each was drawn. @type {WeakMap<Element, number>} */
const widths = new WeakMap();

const nearby = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) drawInto(entry.target);
  },
  { rootMargin: "500px 0px" },
);

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (widths.has(target) && Math.abs(widths.get(target) - target.clientWidth) > 2 && target.clientWidth)
      drawInto(target);
  }
});

function soon(plot, panel) {
  waiting.set(plot, panel);
  nearby.observe(plot);
  resized.observe(plot);
}

/** Forget the panels of what is no longer on the page. */
function forgetPanels(within) {
  for (const plot of waiting.keys()) {
    if (!within.contains(plot)) continue;
    nearby.unobserve(plot);
    resized.unobserve(plot);
    waiting.delete(plot);
  }
}

function drawInto(plot) {
  const panel = waiting.get(plot);
  if (!panel) return;
  const width = Math.max(240, plot.clientWidth || 340);
  widths.set(plot, plot.clientWidth);
  const chart = panel.draw(width);
  const id = `chart-${(numbered += 1)}`;
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-labelledby", id);
  chart.prepend(s("desc", { id, class: LIVE }, panel.label)); // a <title> would pop up over the tooltip
  plot.replaceChildren(chart);
  nearby.unobserve(plot);
}

/** Draw what has not been drawn: a printer does not scroll. */
function drawAll() {
  for (const plot of waiting.keys()) if (!widths.has(plot)) drawInto(plot);
}

/** An empty chart of a size. */
function chart(width, height) {
  return s("svg", {
    class: "chart",
    viewBox: `0 0 ${place(width)} ${place(height)}`,
    width: place(width),
    height: place(height),
  });
}
