"""Scoring probes anew on the test items that are clean, from their stored predictions.

Shape letters: N test items.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog import Catalog
from seqbench.catalog.audit_records import CleanRecord, clean_key
from seqbench.core.progress import Reporter
from seqbench.core.types import Task
from seqbench.metrics import MetricScore, score_many
from seqbench.metrics.letters import score_letters
from seqbench.report.comparing.predictions import (
    Contents,
    as_predictions,
    as_targets,
    read_contents,
    read_places,
    read_scores,
    read_targets,
)
from seqbench.report.comparing.recording import ComparisonRecorder

RESAMPLES = 1000
"""Of the bootstrap, as many as there are behind the scores on all items."""
LEAST_ITEMS = 2
BATCH_CELLS = 1 << 21
"""Predictions read at a time, some 100 MB on their way out of the catalog."""

_ON_ALL = """
SELECT probe_id, metric, value, low, high, reason
FROM metrics
WHERE split = 'test' AND probe_id IN (SELECT unnest($probes))
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """Which test items of a data set are clean."""

    dataset: str
    task: Task
    sha256: str
    """Of the data."""
    marks_sha256: str
    clean_N: NDArray[np.bool_]

    @property
    def n_clean(self) -> int:
        """Items that are clean."""
        return int(self.clean_N.sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marked:
    """A probe whose score is shown, with the marks of its test items."""

    probe_id: int
    thresholds: tuple[float, ...] | None
    data_hash: str | None
    """Of the data it was probed on; None where embeddings were imported."""
    marks: Marks

    @property
    def key(self) -> str:
        """Names its scores on clean items."""
        return clean_key(self.probe_id, self.marks.marks_sha256, RESAMPLES)

    def record(self, metrics: Sequence[MetricScore]) -> CleanRecord:
        """What goes to the catalog."""
        return CleanRecord(
            dataset=self.marks.dataset,
            probe_id=self.probe_id,
            marks_sha256=self.marks.marks_sha256,
            n_resamples=RESAMPLES,
            n_items=len(self.marks.clean_N),
            n_clean=self.marks.n_clean,
            metrics=tuple(metrics),
        )


Found = dict[int, CleanRecord | str]
"""By probe its scores on clean items, or why there are none."""


def score_clean(catalog: Catalog, wanted: Sequence[Marked], reporter: Reporter) -> Found:
    """Take from the catalog what was scored before, score the rest, and record it.

    A catalog that can't be written costs a remark, and the same work next time.

    Raises:
        CatalogError: The catalog can't be read.
    """
    known = catalog.known_clean_scores(probe.key for probe in wanted)
    found: Found = {probe.probe_id: known[probe.key] for probe in wanted if probe.key in known}
    left = [probe for probe in wanted if probe.probe_id not in found]
    contents = read_contents(catalog, [probe.probe_id for probe in left]) if left else {}
    reasons = {probe.probe_id: _why_not(probe, contents) for probe in left}
    found |= {probe_id: why for probe_id, why in reasons.items() if why is not None}
    doable = [probe for probe in left if probe.probe_id not in found]
    if doable:
        recorder = ComparisonRecorder(catalog, reporter, "scores on clean items")
        with reporter.task("score clean items", len(doable), "probes") as advance:
            for records in chain([_copied(catalog, doable)], _computed(catalog, doable, contents)):
                found |= {record.probe_id: record for record in records}
                recorder.add(records)
                advance(len(records))
        recorder.flush()
    return found


def _why_not(probe: Marked, contents: Mapping[int, Contents]) -> str | None:
    """Why a probe can't be scored on clean items; None where it can."""
    marks, stored = probe.marks, contents.get(probe.probe_id)
    if probe.data_hash is None:
        return "its embeddings were imported, so what they are of can't be told"
    if probe.data_hash != marks.sha256:
        return "it was probed on other data than were audited"
    if marks.n_clean < LEAST_ITEMS:
        return f"too few test items are clean ({marks.n_clean})"
    if marks.clean_N.all():
        return None
    if stored is None or not (stored.of_letters or stored.n_items == len(marks.clean_N)):
        return "no predictions were stored"
    return None


def _copied(catalog: Catalog, probes: Iterable[Marked]) -> list[CleanRecord]:
    """Where all items are clean the scores on them are those on all items."""
    whole = {probe.probe_id: probe for probe in probes if probe.marks.clean_N.all()}
    by_probe: dict[int, list[MetricScore]] = {probe_id: [] for probe_id in whole}
    rows = catalog.query(_ON_ALL, {"probes": list(whole)}).rows if whole else []
    for probe_id, metric, value, low, high, reason in rows:
        by_probe[probe_id].append(MetricScore(metric=metric, value=value, low=low, high=high, reason=reason))
    return [probe.record(by_probe[probe_id]) for probe_id, probe in whole.items()]


def _computed(
    catalog: Catalog, probes: Iterable[Marked], contents: Mapping[int, Contents]
) -> Iterator[list[CleanRecord]]:
    """Score the others; those that predicted the same items together, as many at a time as fit."""

    def group(probe: Marked) -> tuple[str, int]:
        return probe.marks.dataset, contents[probe.probe_id].items

    some = [probe for probe in probes if not probe.marks.clean_N.all()]
    for _, members in groupby(sorted(some, key=group), key=group):
        alike = list(members)
        stored = contents[alike[0].probe_id]
        at_once = max(1, BATCH_CELLS // stored.n_rows)
        for start in range(0, len(alike), at_once):
            yield _score(catalog, alike[start : start + at_once], stored)


def _score(catalog: Catalog, probes: Sequence[Marked], contents: Contents) -> list[CleanRecord]:
    ids = [probe.probe_id for probe in probes]
    task, clean_N = probes[0].marks.task, probes[0].marks.clean_N
    targets = as_targets(task, read_targets(catalog, ids[:1])[ids[0]], contents)
    predicted = read_scores(catalog, ids)
    places = read_places(catalog, ids[0], contents)
    if places is not None:
        clean_N = clean_N[places.sequence_M]
    own = [as_predictions(task, predicted[probe_id], contents)[clean_N] for probe_id in ids]
    thresholds = [probe.thresholds for probe in probes]
    if places is None:
        scores = score_many(task, targets[clean_N], own, thresholds=thresholds, n_resamples=RESAMPLES)
    else:
        kept = places.take(clean_N)
        scores = score_letters(
            task, targets[clean_N], own, kept, thresholds=thresholds, n_resamples=RESAMPLES
        )
    return [probe.record(metrics) for probe, (metrics, _) in zip(probes, scores, strict=True)]
