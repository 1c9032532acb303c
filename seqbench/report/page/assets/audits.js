/** What audits say, in words and marks that several parts of the page show. */

const SEVERITIES = ["red", "yellow", "green"];
const HOW_TO_AUDIT = "seqbench datasets audit CONFIG";

/** A verdict as a coloured word. */
function verdictTag(severity, title = null) {
  return h("span", { class: `verdict ${severity}`, title }, severity);
}

/** Findings of a severity, in the order of the checks. */
function findingsOf(audit, severity) {
  return audit.findings.filter((finding) => finding.severity === severity);
}

/** A finding as sentences. */
function findingText({ measured, says }) {
  return `${measured}. ${says.charAt(0).toUpperCase()}${says.slice(1)}.`;
}

/** The worst of a red audit in a line, for those who see only its mark. */
function alarmText(audit) {
  const [worst, ...others] = findingsOf(audit, "red");
  return [
    `Red in the audit${audit.is_current ? "" : " of older data"}`,
    worst ? `: ${worst.check}, ${worst.measured}` : "",
    others.length ? `, and ${others.length} more` : "",
  ].join("");
}

/** Beside the name of a data set: nothing, unless its audit is red. */
function redMark(dataset) {
  const audit = audits.get(dataset.name);
  if (audit?.verdict !== "red") return null;
  const mark = link(`audit/${dataset.name}`, verdictTag("red"));
  return fill(mark, { class: "red-mark", title: alarmText(audit), "aria-label": alarmText(audit) }, []);
}

/** `{n_items, n_clean}` of test; null where the audit does not say. */
function cleanItems(audit) {
  const test = audit.splits.find((split) => split.split === "test");
  const clean = test?.marks.clean ?? null;
  return clean === null ? null : { n_items: test.n_items, n_clean: clean };
}

/** How much of test is clean, in words. */
function cleanText(audit) {
  const found = cleanItems(audit);
  if (!found) return null;
  const items = `${grouped(found.n_items)} test items`;
  if (found.n_clean === found.n_items) return `all ${items} clean`;
  if (!found.n_clean) return `none of ${items} clean`;
  // 1,999 of 2,000 are not 100 %.
  const share = Math.floor((1000 * found.n_clean) / Math.max(1, found.n_items)) / 1000;
  return `${percent(share, 1)} of ${items} clean`;
}

/** Why rows of a data set have no score on clean items, in short and with the way out; null where they may have one. */
function withoutCleanWhy(dataset) {
  const audit = audits.get(dataset.name);
  if (!audit) return ["not audited", `Not audited: ${HOW_TO_AUDIT}`];
  return audit.is_current ? null : ["older data", `The audit is of older data, audit again: ${HOW_TO_AUDIT}`];
}
