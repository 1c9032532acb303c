"""Made-up audits for an analysis of `analyses`: red, yellow, green, of older data, and none."""

from dataclasses import replace
from datetime import datetime

from seqbench.catalog.audit_records import Finding
from seqbench.core.types import Task
from seqbench.metrics import METRICS, higher_is_better
from seqbench.report.analysis import CleanScore
from seqbench.report.results import Score
from seqbench.report.subjects import AuditControl, AuditSplit, DatasetAudit

KINDS = ("red", "yellow", "green", "older", "none", "length")
"""Of the data sets in turn: `older` is red by data that have changed since, `length` red by a shortcut."""
N_TEST = 1000
COPIES = {"red": 160, "yellow": 12, "green": 0, "older": 300, "length": 4}
WAYS = {"red": 0.12, "yellow": 0.24, "green": 0.03, "older": 0.1, "length": 0.83}
UNKNOWN = Score(value=None, low=None, high=None, n_probes=0)


def audited(whole):
    """The analysis with audits of its data sets, and scores on clean test items where an audit is current.

    On the second data set the second model's are undefined.
    """
    kinds = [KINDS[index % len(KINDS)] for index in range(len(whole.results.datasets))]
    pairs = [pair for pair in zip(whole.results.datasets, kinds, strict=True) if pair[1] != "none"]
    audits = tuple(_audit(dataset, kind) for dataset, kind in pairs)
    current = {audit.dataset: audit for audit in audits if audit.is_current}
    places = {dataset.name: place for place, dataset in enumerate(whole.results.datasets)}
    clean = tuple(
        one
        for row in whole.leaderboard
        if row.dataset in current
        for one in _clean(
            row, whole, current[row.dataset], undefined=places[row.dataset] == 1 and row.control
        )
    )
    return replace(whole, results=replace(whole.results, audits=audits), clean=clean)


def _finding(check, share, measured, yellow, red, says):
    severity = "red" if red is not None and share >= red else "yellow" if share > yellow else "green"
    return Finding(
        check=check, severity=severity, measured=measured, share=share, yellow=yellow, red=red, says=says
    )


def _items(check, count, yellow, red, says):
    measured = f"{count:,} of {N_TEST:,} test items ({count / N_TEST:.1%})"
    return _finding(check, count / N_TEST, measured, yellow, red, says)


def _audit(dataset, kind):
    copies, way = COPIES[kind], WAYS[kind]
    says = f"copies of train items: {copies} exact, 0 reverse complements; memory answers them"
    findings = [
        _items("copies", copies, 0.0, 0.05, says),
        _items(
            "near-duplicates",
            copies // 3,
            0.01,
            0.1,
            "no copies, but at least 90% identical to a train item, the median at 95.2%",
        ),
        _items(
            "shared stretches", 8, 0.05, 0.3, "neither, but with an exact stretch of 30 letters from train"
        ),
        _items("conflicting labels", 0, 0.0, 0.01, "an equal item, in any split, has another label"),
        _finding("unknown letters", 0.0004, "0.04% of the letters", 0.01, None, "outside the alphabet"),
        *(_judged(control) for control in _controls(dataset, way)),
    ]
    verdicts = {finding.severity for finding in findings}
    return DatasetAudit(
        dataset=dataset.name,
        is_current=kind != "older",
        verdict=next(word for word in ("red", "yellow", "green") if word in verdicts),
        recorded_at=datetime(2026, 11, 19, 8, 15),
        findings=tuple(findings),
        splits=(
            AuditSplit(split="train", n_items=8000, marks={"repeat": 3, "conflict": 0}),
            AuditSplit(split="eval", n_items=N_TEST, marks=_marks(copies // 2)),
            AuditSplit(split="test", n_items=N_TEST, marks=_marks(copies)),
        ),
        controls=_controls(dataset, way),
    )


def _marks(copies):
    near = copies // 3
    return {"copy": copies, "near_duplicate": near, "conflict": 0, "clean": N_TEST - copies - near}


def _controls(dataset, way):
    given = (
        ("length alone", "how many letters", way),
        ("composition alone", "share of each letter, in any order", 0.21),
        ("k-mers alone", "counts of short words", 0.55),
        ("shuffled labels", "k-mers, with labels permuted", -0.01),
    )
    chance, judged = (0.0, "spearmanr") if dataset.task is Task.REGRESSION else (0.5, "roc_auc")
    best = dataset.ceiling.get(judged, 1.0)
    values = [(name, knows, way, chance + way * (best - chance)) for name, knows, way in given]
    return (
        *(
            AuditControl(
                control=name,
                knows=knows,
                judged=judged,
                value=value,
                low=value - 0.02,
                high=value + 0.02,
                way=way,
                certain=value - 0.02 > chance,
                reason=None,
            )
            for name, knows, way, value in values
        ),
        AuditControl(
            control="GC alone", knows="share of G and C", judged=judged, value=None, low=None, high=None,
            way=None, certain=False, reason="all sequences have one share",
        ),
    )  # fmt: skip


LIMITS = {
    "length alone": (0.2, 0.6),
    "composition alone": (0.5, 0.9),
    "k-mers alone": (0.96, None),
    "shuffled labels": (0.1, 0.3),
    "GC alone": (0.5, 0.9),
}


def _judged(control):
    yellow, red = LIMITS[control.control]
    if control.way is None:
        says = f"not applicable: {control.reason}"
        return Finding(
            check=control.control,
            severity="green",
            measured="–",
            share=None,
            yellow=yellow,
            red=red,
            says=says,
        )
    way = max(0.0, control.way) if control.certain else 0.0
    measured = f"{control.judged} {control.value:.3f}, {way:.0%} of the way"
    return _finding(control.control, way, measured, yellow, red, f"given only {control.knows}")


def _clean(row, whole, audit, *, undefined):
    """Worse by a tenth of the share that is not clean, the best model by so much that it falls behind."""
    curve = whole.results.curves[row.dataset, row.model, row.head]
    test = audit.splits[-1]
    lost = 1 - test.marks["clean"] / test.n_items
    task = next(each.task for each in whole.results.datasets if each.name == row.dataset)
    for metric in METRICS[task]:
        full = curve.at(row.choice.layer, metric)
        worse = lost * (0.8 if row.place == 1 else 0.1)
        value = full.value - worse if higher_is_better(metric) else full.value + worse
        yield CleanScore(
            dataset=row.dataset,
            model=row.model,
            head=row.head,
            layer=row.choice.layer,
            metric=metric,
            n_items=test.n_items,
            n_clean=test.marks["clean"],
            full=full,
            clean=UNKNOWN
            if undefined
            else Score(value=value, low=value - 0.03, high=value + 0.03, n_probes=full.n_probes),
            reason="one class is left" if undefined else None,
        )
