/** Files that the reader takes away: a figure as SVG in the light colours, and its numbers as TSV. */

/** Properties that a program without this page's style sheet needs to draw the same. */
const DRAWN = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "stroke-opacity",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
];

/** Hand a file to the browser, as if it came from a link. */
function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const anchor = h("a", { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/**
 * A table as TSV. Text can't break out of its cell, and one that a spreadsheet would take for a formula
 * gets an apostrophe in front, as in seqbench's own tables.
 * @param {{columns: string[], rows: Array<Array<*>>}} table
 */
function tsv({ columns, rows }) {
  const plain = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = String(value).split(/\s+/).join(" ").trim();
    return /^[=+\-@＝＋－＠]/.test(text) ? `'${text}` : text;
  };
  return [columns, ...rows].map((row) => row.map(plain).join("\t")).join("\n") + "\n";
}

/** One drawing of a figure with all its panels, its title and its legend, as text. */
function standalone(figure) {
  const width = figure.panels.length > 1 ? 340 : 760;
  const across = Math.min(figure.panels.length, 3);
  const drawn = figure.panels.map((panel) => panel.draw(width));
  const heights = drawn.map((chart) => chart.viewBox.baseVal.height);
  const named = figure.panels.length > 1 ? 22 : 0;
  const sheet = s(
    "svg",
    { xmlns: SVG_SPACE, class: "chart" },
    words(figure.title, 12, 24, { kind: "title" }),
  );
  const whole = across * width + 24;
  let top = 40 + legendInto(sheet, figure.models ?? [], 40, whole);
  for (let first = 0; first < drawn.length; first += across) {
    const row = drawn.slice(first, first + across);
    row.forEach((chart, index) => {
      const left = 12 + index * width;
      if (named)
        sheet.append(words(figure.panels[first + index].label, left + 4, top + 14, { kind: "name" }));
      sheet.append(s("g", { transform: `translate(${left} ${top + named})` }, [...chart.childNodes]));
    });
    top += Math.max(...heights.slice(first, first + across)) + named + 10;
  }
  sheet.setAttribute("viewBox", `0 0 ${whole} ${top}`);
  sheet.setAttribute("width", String(whole));
  sheet.setAttribute("height", String(top));
  sheet.prepend(s("rect", { class: "sheet", width: whole, height: top }));
  return new XMLSerializer().serializeToString(withOwnStyle(sheet));
}

/** Lines and names of models, in as many rows as they need. @returns {number} the height they take */
function legendInto(sheet, names, top, whole) {
  let [x, y] = [12, top];
  for (const name of names) {
    const wide = 40 + textWidth(name, 11);
    if (x > 12 && x + wide > whole - 12) [x, y] = [12, y + 18];
    sheet.append(
      s("g", { vars: look(name) }, stroke(x, y + 8, x + 22, y + 8, "series"), words(name, x + 28, y + 12)),
    );
    x += wide;
  }
  return names.length ? y - top + 24 : 0;
}

/** Give every element the style that it has on a light page, as attributes of its own. */
function withOwnStyle(sheet) {
  const host = h("div", { class: "offstage", "data-theme": "light" }, sheet);
  document.body.append(host);
  for (const element of sheet.querySelectorAll(`.${LIVE}`)) element.remove();
  for (const element of sheet.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    for (const property of DRAWN) element.setAttribute(property, style.getPropertyValue(property));
  }
  for (const element of sheet.querySelectorAll("*")) {
    for (const name of ["style", "class", "tabindex"]) element.removeAttribute(name);
  }
  host.remove();
  sheet.removeAttribute("class");
  return sheet;
}
