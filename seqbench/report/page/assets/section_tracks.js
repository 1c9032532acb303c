/** Labels of letters: a few test sequences, truth above prediction, a letter under each other. */

const RULER_STEP = 10;

function tracksSection() {
  const shown = report.tracks.filter((one) => shownDatasets().some((dataset) => dataset.name === one.dataset));
  if (!shown.length) return null;
  return section(
    "tracks",
    "Letters",
    note(
      "The first sequences of test as the leading probe of each data set predicts them: truth above prediction. Underlined letters are " +
        "predicted wrong; · has no label. Numbers count letters from 1.",
    ),
    shown.map((one, index) => foldable(`tracks-${one.dataset}`, one.dataset, index === 0, () => tracksOf(one))),
  );
}

function tracksOf(one) {
  const places = new Map(one.symbols.map(([symbol], index) => [symbol, index]));
  const isOfClasses = one.sequences[0].rows[0][0] === null;
  return h(
    "div",
    { class: "tracks" },
    h("p", { class: "note" }, modelName(one.model), ` ${one.head}, layer ${one.layer}`),
    h(
      "p",
      { class: "track-legend" },
      one.symbols.map(([symbol, name]) =>
        h("span", {}, h("b", { class: isOfClasses ? trackClass(places.get(symbol)) : null }, symbol), ` ${name}`),
      ),
    ),
    one.sequences.map((sequence) => trackBox(sequence, isOfClasses ? places : null)),
  );
}

function trackBox(sequence, places) {
  const length = sequence.rows[0][1].length;
  const lines = [trackLine("", ruler(length))];
  for (const [name, truth, told] of sequence.rows) {
    lines.push(trackLine(name === null ? "truth" : `${name}, truth`, runs(truth, truth, places)));
    lines.push(trackLine(name === null ? "predicted" : "predicted", runs(told, truth, places)));
  }
  const title = `sequence ${sequence.item + 1}, ${counted(sequence.n_letters, "letter")} with a label`;
  return h(
    "div",
    { class: "track-block" },
    h("div", { class: "track-title" }, title),
    h("div", { class: "track-scroll", tabindex: "0", role: "group", "aria-label": title, "data-focus": `track-${title}` }, lines),
  );
}

function trackLine(name, content) {
  return h("div", { class: "track-line" }, h("span", { class: "track-name" }, name), h("span", { class: "track-text" }, content));
}

/** Every tenth place with its number, right above its letter. */
function ruler(length) {
  let text = "";
  for (let place = RULER_STEP; place <= length; place += RULER_STEP) text += String(place).padStart(RULER_STEP);
  return h("span", { class: "quiet" }, text || " ");
}

/** Letters of a kind in one element each: of a class, right or wrong. */
function runs(text, truth, places) {
  const letters = [...text];
  const real = [...truth];
  const found = [];
  let start = 0;
  for (let at = 1; at <= letters.length; at++) {
    const same = at < letters.length && kindOf(at) === kindOf(start);
    if (same) continue;
    found.push(h("span", { class: kindOf(start) || null }, letters.slice(start, at).join("")));
    start = at;
  }
  return found;

  function kindOf(at) {
    if (places === null) return "";
    const wrong = letters[at] !== real[at] ? "wrong " : "";
    return places.has(letters[at]) ? `${wrong}${trackClass(places.get(letters[at]))}` : "quiet";
  }
}

function trackClass(index) {
  return `track-${index % 8}`;
}
