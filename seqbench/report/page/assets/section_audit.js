/** Can the data be trusted? What `seqbench datasets audit` found, the worst first. */

/** Findings that a row tells without being opened. */
const MOST_TOLD = 3;

function auditSection() {
  // An audit is of sequences; cells have checks of their own.
  const shown = shownDatasets().filter((dataset) => dataset.task !== "perturbation");
  if (!shown.length) return null;
  const title = "Can the data be trusted?";
  if (!report.audits.length)
    return section("audit", title, note("No data set was audited: ", howToAudit(), "."));
  const order = (dataset) => {
    const audit = audits.get(dataset.name);
    return audit ? SEVERITIES.indexOf(audit.verdict) : SEVERITIES.length;
  };
  return section(
    "audit",
    title,
    note(
      "Red invalidates what a score on test is taken for, yellow is what its reader must know. Clean are test items that are no copies or " +
        "near-duplicates of train items, overlap none, contradict none, and are there once.",
    ),
    h(
      "div",
      { class: "audits" },
      [...shown].sort((a, b) => order(a) - order(b)).map((dataset) => auditRow(dataset, shown.length === 1)),
    ),
  );
}

function howToAudit() {
  return h("code", {}, HOW_TO_AUDIT);
}

function auditRow(dataset, open) {
  const audit = audits.get(dataset.name);
  const id = `section-audit/${dataset.name}`;
  const name = h("h3", {}, link(`data/${dataset.name}`, dataset.name));
  if (!audit) {
    const none = [
      h("span", { class: "verdict none" }, "not audited"),
      name,
      h("span", { class: "quiet" }, howToAudit()),
    ];
    return h("div", { id, class: "audit" }, h("div", { class: "audit-head" }, none));
  }
  const checks = counted(audit.findings.length, "check");
  const controls = audit.controls.length ? `, ${counted(audit.controls.length, "shortcut control")}` : "";
  return h(
    "div",
    { id, class: "audit" },
    h("div", { class: "audit-head" }, verdictTag(audit.verdict), name, auditFacts(audit)),
    worstList(audit),
    foldable(
      `audit/${dataset.name}`,
      [`All ${checks}${controls}`, h("span", { class: "unseen" }, ` of ${dataset.name}`)],
      open,
      () => auditDetails(dataset, audit, "audit", 4),
    ),
  );
}

/** How much is clean, when that was found, and whether it is still about the data at hand. */
function auditFacts(audit) {
  return [
    audit.is_current
      ? null
      : h("span", { class: "tag", title: "The data have changed since: audit them again" }, "older data"),
    h("span", {}, cleanText(audit)),
    h("span", { class: "quiet" }, `audited ${audit.recorded_at.slice(0, 10)}`),
  ];
}

/** The findings that make the verdict, in sentences, and the names of the others. */
function worstList(audit) {
  const worst = audit.verdict === "green" ? [] : findingsOf(audit, audit.verdict);
  const rest = [
    [`Also ${audit.verdict}`, worst.slice(MOST_TOLD)],
    ["Yellow", audit.verdict === "red" ? findingsOf(audit, "yellow") : []],
  ].filter(([, findings]) => findings.length);
  return h(
    "ul",
    { class: "plain-list worst" },
    worst
      .slice(0, MOST_TOLD)
      .map((finding) => h("li", {}, h("b", {}, finding.check), `: ${findingText(finding)}`)),
    audit.verdict === "green" ? h("li", {}, "Nothing was found against it.") : null,
    rest.map(([word, findings]) =>
      h("li", { class: "quiet" }, `${word}: ${findings.map(({ check }) => check).join(", ")}.`),
    ),
  );
}

/** The same as a part of the data set's own fold. */
function auditBlock(dataset) {
  const audit = audits.get(dataset.name);
  if (!report.audits.length || isAlone()) return null;
  const heading = h("h4", {}, "Can it be trusted?");
  if (!audit) return h("div", { class: "block" }, heading, note("Not audited: ", howToAudit(), "."));
  return h(
    "div",
    { class: "block" },
    heading,
    h("div", { class: "audit-head" }, verdictTag(audit.verdict), auditFacts(audit)),
    worstList(audit),
    h("div", { class: "block own-audit" }, auditDetails(dataset, audit, "own", 5)),
  );
}

/** What the top of the page says of red audits leads to them. */
function linkAlarms() {
  for (const item of document.querySelectorAll("#alarm li")) {
    item.querySelector("a")?.remove();
    const { at, text, of } = item.dataset;
    item.append(link(at, text, h("span", { class: "unseen" }, of)));
  }
}
