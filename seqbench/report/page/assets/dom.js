/**
 * Elements are made here and nowhere else. Text is always set as text and never parsed as HTML, so names,
 * labels and reasons show as they are, whatever they hold.
 */

const SVG_SPACE = "http://www.w3.org/2000/svg";

/** Class of elements that are no part of a figure's file: what follows the pointer. */
const LIVE = "live";

/**
 * @param {Element} element
 * @param {Object<string, *>} settings  attributes; `on`: listeners by event; `vars`: CSS variables
 * @param {Array<*>} children  nodes, text, null (left out), or lists of these
 */
function fill(element, settings, children) {
  for (const [name, value] of Object.entries(settings)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "vars") {
      for (const [variable, content] of Object.entries(value)) element.style.setProperty(variable, content);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** An element of HTML. */
function h(tag, settings = {}, ...children) {
  return fill(document.createElement(tag), settings, children);
}

/** An element of SVG. */
function s(tag, settings = {}, ...children) {
  return fill(document.createElementNS(SVG_SPACE, tag), settings, children);
}

/** Text in a chart; `anchor` is start, middle or end. */
function words(text, x, y, { anchor = "start", kind = "", ...more } = {}) {
  return s("text", { x: place(x), y: place(y), "text-anchor": anchor, class: kind || null, ...more }, text);
}

/** A coordinate with as many digits as a screen can show. */
function place(value) {
  return Math.round(value * 100) / 100;
}

/** A straight line in a chart. */
function stroke(x1, y1, x2, y2, kind) {
  return s("line", { x1: place(x1), y1: place(y1), x2: place(x2), y2: place(y2), class: kind });
}

/** The element of the page with this id. */
function part(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Words for links and anchors: letters, digits and dashes only. */
function slug(text) {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

let measuring = null;

/** Width of text in pixels, as a chart writes it. */
function textWidth(text, size = 11, weight = 400) {
  measuring ??= document.createElement("canvas").getContext("2d");
  measuring.font = `${weight} ${size}px ${getComputedStyle(document.body).fontFamily}`;
  return measuring.measureText(text).width;
}

/** Text that fits a width: the middle gives way to an ellipsis, since ends tell names apart. */
function shortened(text, width, size = 11, weight = 400) {
  if (textWidth(text, size, weight) <= width) return text;
  for (let kept = text.length - 1; kept > 2; kept -= 1) {
    const tail = Math.floor(kept / 2);
    const short = `${text.slice(0, kept - tail)}…${text.slice(text.length - tail)}`;
    if (textWidth(short, size, weight) <= width) return short;
  }
  return "…";
}
