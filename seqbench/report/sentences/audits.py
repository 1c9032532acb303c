"""What audits say of the data sets: which can't be trusted and why, which are not audited."""

from seqbench.catalog.audit_records import Finding
from seqbench.core.types import Task
from seqbench.report.analysis import Analysis, CleanScore
from seqbench.report.phrases import counted, listed, number
from seqbench.report.subjects import DatasetAudit


def red_datasets(analysis: Analysis) -> tuple[str, ...]:
    """A sentence for each data set whose score does not measure what it is taken for."""
    return tuple(_red(analysis, audit) for audit in analysis.results.audits if audit.verdict == "red")


def other_datasets(analysis: Analysis) -> tuple[str, ...]:
    """One line each on data sets with a yellow audit, with that of other data only, and without any."""
    audits = {audit.dataset: audit for audit in analysis.results.audits}
    # An audit is of sequences; cells have checks of their own.
    names = [each.name for each in analysis.results.datasets if each.task is not Task.PERTURBATION]
    yellow = [
        f"{name} ({', '.join(one.check for one in audits[name].findings if one.severity == 'yellow')})"
        for name in names
        if name in audits and audits[name].verdict == "yellow"
    ]
    changed = [name for name in names if name in audits and not audits[name].is_current]
    without = [name for name in names if name not in audits]
    return (
        *([f"Audited yellow: {listed(yellow)}."] if yellow else []),
        *(
            [f"Changed since the audit: {listed(changed)} (seqbench datasets audit CONFIG)."]
            if changed
            else []
        ),
        *([f"Not audited: {listed(without)} (seqbench datasets audit CONFIG)."] if without else []),
    )


def _red(analysis: Analysis, audit: DatasetAudit) -> str:
    finding = max((one for one in audit.findings if one.severity == "red"), key=_how_far)
    old = "" if audit.is_current else " (the data have changed since)"
    return (
        f"{audit.dataset} is red in its audit{old}: {finding.check}: {finding.measured}; {finding.says}."
        f"{_on_clean_items(analysis, audit)}"
    )


def _how_far(finding: Finding) -> float:
    """How many times over the threshold; the first of equals is taken."""
    return (finding.share or 0.0) / finding.red if finding.red else 0.0


def _on_clean_items(analysis: Analysis, audit: DatasetAudit) -> str:
    """What is left of the best score where only clean items count."""
    if not audit.is_current:
        return ""
    test = next(split for split in audit.splits if split.split == "test")
    clean = test.marks["clean"]
    if clean == test.n_items:
        return ""
    left = f" {clean:,} of {counted(test.n_items, 'test item')} {'is' if clean == 1 else 'are'} clean"
    best = _best(analysis, audit.dataset)
    if best is None or best.clean.value is None:
        return f"{left}."
    scores = f"{number(best.clean.value)} {best.metric} there, {number(best.full.value)} on all"
    return f"{left}: {best.model} scores {scores}."


def _best(analysis: Analysis, dataset: str) -> CleanScore | None:
    """The scores of the first model of the leaderboard."""
    row = next((row for row in analysis.leaderboard if row.dataset == dataset), None)
    return next(
        (
            one
            for one in analysis.clean
            if row is not None
            and (one.dataset, one.model, one.head, one.metric) == (dataset, row.model, row.head, row.metric)
        ),
        None,
    )
