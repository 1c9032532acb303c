/** Putting the page together, and again whenever the reader chooses something. */

/** @type {Array<[string, string, () => (Element|null)]>} id, name in the navigation, what makes it */
const SECTIONS = [
  ["leaderboard", "Leaderboard", leaderboardSection],
  ["audit", "Audit", auditSection],
  ["layers", "Layers", layersSection],
  ["matrix", "Scores", matrixSection],
  ["tracks", "Letters", tracksSection],
  ["trained", "Trained", trainedSection],
  ["gains", "Gains", gainsSection],
  ["pairs", "Pairs", pairsSection],
  ["effects", "Responses of genes", effectsSection],
  ["training", "Training", trainingSection],
  ["adaptation", "Adaptation", adaptationSection],
  ["trials", "Searches", trialsSection],
  ["datasets", "Data sets", datasetsSection],
  ["absent", "Missing", absentSection],
  ["provenance", "Provenance", provenanceSection],
];

/** Draw everything that depends on what the reader chose, keeping the keyboard where it was. */
function render() {
  const at = document.activeElement?.getAttribute("data-focus");
  const cursor = document.activeElement?.selectionStart ?? null;
  boards.clear();
  hideTip();
  forgetPanels(part("main"));
  const built = SECTIONS.map(([id, name, build]) => [id, name, build()]).filter(
    ([, , content]) => content !== null,
  );
  part("sections").replaceChildren(...built.map(([id, name]) => link(id, name)));
  linkAlarms();
  part("choices").replaceChildren(...controlsContent().filter(Boolean));
  part("main").replaceChildren(...built.map(([, , content]) => content));
  const focused = at && document.querySelector(`[data-focus="${CSS.escape(at)}"]`);
  if (focused) focused.focus({ preventScroll: true });
  if (focused && cursor !== null) focused.setSelectionRange(cursor, cursor);
  drawVisible();
}

/** Draw at once what is on the screen, so that nothing blinks. */
function drawVisible() {
  for (const plot of [...waiting.keys()]) {
    const box = plot.getBoundingClientRect();
    if (box.width && box.top < innerHeight && box.bottom > 0) drawInto(plot);
  }
}

/** Bring a section or a data set into sight. */
function show(at) {
  const target = document.getElementById(`section-${at}`);
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView({
    behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
    block: "start",
  });
  const heading = target.querySelector("h2, summary");
  if (heading.tagName === "H2") heading.setAttribute("tabindex", "-1");
  heading.focus({ preventScroll: true });
}

/** Paper does not scroll or unfold: everything is opened and drawn first, and folded again afterwards. */
function onPaper() {
  const folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of document.querySelectorAll("details")) {
    details.build?.();
    details.open = true;
  }
  drawAll();
  addEventListener("afterprint", () => folded.forEach((details) => (details.open = false)), { once: true });
}

/** How much the report is about, each part kept on one line. */
function extentLine() {
  const last = report.runs
    .map((run) => run.finished_at ?? run.started_at)
    .sort()
    .at(-1);
  const parts = [
    counted(report.models.length, "model"),
    counted(report.datasets.length, "data set"),
    layerExtent(),
    report.heads.length > 1 ? counted(report.heads.length, "head") : null,
    last ? `results of ${last.slice(0, 10)}` : null,
  ];
  return parts.filter(Boolean).flatMap((text, index) => [index ? " · " : "", h("span", {}, text)]);
}

/** `3 of 7 layers`: as many as were probed, of the model that had the most; nothing where all have one. */
function layerExtent() {
  const most = Math.max(0, ...report.curves.map((curve) => curve.layers.length));
  if (most < 2) return null;
  const deepest = report.curves.filter((curve) => curve.layers.length === most);
  const differs = deepest.length < report.curves.length;
  const depths = new Set(deepest.map((curve) => curve.n_layers));
  const among = depths.size === 1 && !depths.has(most) ? ` of ${[...depths][0]}` : "";
  return `${differs ? "up to " : ""}${most}${among} layers`;
}

function start() {
  const theme = rememberedTheme();
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  part("theme").append(themeButton());
  part("controls").open = innerWidth > 760; // on a phone the answer comes first
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address holds what the reader chose
    part("main").focus();
  });
  part("extent").append(...extentLine());
  whenChanged = render;
  render();
  addEventListener("beforeprint", onPaper);
  addEventListener("popstate", () => {
    state = readState(location.hash);
    render();
    show(state.at);
  });
  if (state.at) show(state.at);
  performance.mark("seqbench-ready");
}

start();
