/** What a chart says about the point that the pointer, or the keyboard, is at. */

/**
 * @typedef {Array<string|{label: string, value: string, model?: string}>} Lines  the first is the title
 *
 * @typedef {Object} Spot  a place in a chart that has something to say
 * @property {number} x
 * @property {number} y
 * @property {number} [width]   of a cell; x and y are then its corner
 * @property {number} [height]
 * @property {() => Lines} tell
 */

/** @param {Lines} lines  @param {DOMRect} near  what it is about, on the screen */
function showTip(lines, near) {
  const tip = part("tooltip");
  const [title, ...rest] = lines;
  const line = ({ label, value, model }) =>
    h("span", { class: "tip-line" }, model ? swatch(model) : null, h("span", {}, label), h("b", {}, value));
  tip.replaceChildren(
    h("strong", {}, title),
    ...rest.map((entry) => (typeof entry === "string" ? h("span", {}, entry) : line(entry))),
  );
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, near.left + near.width / 2 - box.width / 2), innerWidth - box.width - 8);
  const above = near.top - box.height - 10;
  tip.style.left = `${left}px`;
  tip.style.top = `${above > 8 ? above : Math.min(near.bottom + 10, innerHeight - box.height - 8)}px`;
}

function hideTip() {
  part("tooltip").hidden = true;
}

/**
 * Let pointer and arrow keys walk over a chart's spots. The chart is one stop of the tab key.
 *
 * @param {SVGSVGElement} chart
 * @param {Spot[]} spots  in reading order
 * @param {{column?: [number, number]}} [options]  `column`: mark a spot by a line between these heights
 */
function walkable(chart, spots, { column = null } = {}) {
  if (!spots.length) return chart;
  let at = -1;
  const mark = s("g", { class: `mark ${LIVE}` });
  chart.append(mark);
  chart.setAttribute("tabindex", "0");
  const visit = (index) => {
    at = index;
    const spot = spots[index];
    mark.replaceChildren(column ? stroke(spot.x, column[0], spot.x, column[1], "") : outline(spot));
    showTip(spot.tell(), mark.getBoundingClientRect());
  };
  const leave = () => {
    mark.replaceChildren();
    hideTip();
  };
  const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  fill(
    chart,
    {
      on: {
        pointermove: (event) => visit(nearest(spots, chartPoint(chart, event), column !== null)),
        pointerleave: leave,
        focus: () => chart.matches(":focus-visible") && visit(Math.max(0, at)),
        blur: leave,
        keydown: (event) => {
          if (event.key === "Escape") leave();
          const target =
            { Home: 0, End: spots.length - 1 }[event.key] ??
            (steps[event.key] ? toward(spots, at, steps[event.key]) : null);
          if (target === null) return;
          event.preventDefault();
          visit(target);
        },
      },
    },
    [],
  );
  return chart;
}

function outline(spot) {
  if (!spot.width) return s("circle", { cx: place(spot.x), cy: place(spot.y), r: 7 });
  return s("rect", {
    x: place(spot.x),
    y: place(spot.y),
    width: place(spot.width),
    height: place(spot.height),
    rx: 3,
  });
}

/** Where the pointer is, in the chart's own units. */
function chartPoint(chart, event) {
  const box = chart.getBoundingClientRect();
  const scale = chart.viewBox.baseVal.width / box.width;
  return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
}

function middle(spot) {
  return { x: spot.x + (spot.width ?? 0) / 2, y: spot.y + (spot.height ?? 0) / 2 };
}

function nearest(spots, point, acrossOnly) {
  let best = 0;
  let least = Infinity;
  spots.forEach((spot, index) => {
    const { x, y } = middle(spot);
    const distance = Math.abs(x - point.x) + (acrossOnly ? 0 : Math.abs(y - point.y));
    if (distance < least) [best, least] = [index, distance];
  });
  return best;
}

/** The next spot in a direction: nearest along it, and hardly to the side of it. */
function toward(spots, at, [dx, dy]) {
  if (at < 0) return 0;
  const from = middle(spots[at]);
  let best = at;
  let least = Infinity;
  spots.forEach((spot, index) => {
    const { x, y } = middle(spot);
    const ahead = (x - from.x) * dx + (y - from.y) * dy;
    const aside = Math.abs((x - from.x) * dy) + Math.abs((y - from.y) * dx);
    if (ahead > 0.5 && ahead + 3 * aside < least) [best, least] = [index, ahead + 3 * aside];
  });
  return best;
}
