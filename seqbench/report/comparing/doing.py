"""Comparing pairs: predictions are read in batches, scored on the same resamples, and set against each other.

Shape letters: S seeds of a side, R resamples (and the data before them).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from seqbench.catalog import Catalog
from seqbench.catalog.records import ComparisonRecord
from seqbench.core.types import Task
from seqbench.metrics import effective_items, higher_is_better, paired_difference, replicates
from seqbench.metrics.averages import Floats
from seqbench.metrics.letters import LetterPlaces
from seqbench.report.comparing.pairs import ComparedPair
from seqbench.report.comparing.predictions import (
    Array,
    Contents,
    as_predictions,
    as_targets,
    read_places,
    read_scores,
    read_targets,
)
from seqbench.report.comparing.sides import Probed

BATCH_CELLS = 1 << 21
"""Predictions read at a time, some 100 MB on their way out of the catalog; a side is never divided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A side to score on resamples."""

    probed: Probed
    task: Task
    metric: str
    n_resamples: int
    contents: Contents

    @property
    def group(self) -> tuple[str, int, int]:
        """What is scored in one call: sides of one data set that predicted the same items."""
        return (self.probed.dataset, self.n_resamples, self.contents.items)

    @property
    def cells(self) -> int:
        """Predictions to read."""
        return self.contents.n_rows * len(self.probed.side.probes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """A side with its scores."""

    work: _Work
    values_SR: Floats
    """By seed on the data and on the resamples."""
    n_items: int
    """Items that were predicted; of labels of letters sequences."""
    n_effective: int
    """Those that the metric rests on."""


def compare(
    catalog: Catalog,
    wanted: Sequence[ComparedPair],
    tasks: Mapping[str, Task],
    contents: Mapping[int, Contents],
) -> Iterator[list[ComparisonRecord]]:
    """Compare pairs; gives the records of one data set at a time.

    Args:
        catalog: Where predictions are.
        wanted: Pairs, data set by data set, whose two sides predicted the same items.
        tasks: By data set.
        contents: By probe, what is stored of it.

    Raises:
        CatalogError: The catalog can't be read.
    """
    by_dataset = {name: list(group) for name, group in groupby(wanted, key=lambda pair: pair.dataset)}
    work = [one for name, pairs in by_dataset.items() for one in _work(pairs, tasks[name], contents)]
    for dataset, scored in groupby(_scored(catalog, work), key=lambda one: one.work.probed.dataset):
        found = {one.work.probed.side.probes: one for one in scored}
        yield [_record(pair, found) for pair in by_dataset[dataset]]


def _work(pairs: Iterable[ComparedPair], task: Task, contents: Mapping[int, Contents]) -> list[_Work]:
    """The sides of a data set's pairs, each once with as many resamples as any of its pairs asks for."""
    sides: dict[tuple[int, ...], _Work] = {}
    for pair in pairs:
        for probed in (pair.a, pair.b):
            known = sides.get(probed.side.probes)
            if known is None or known.n_resamples < pair.n_resamples:
                sides[probed.side.probes] = _Work(
                    probed=probed,
                    task=task,
                    metric=pair.metric,
                    n_resamples=pair.n_resamples,
                    contents=contents[probed.side.probes[0]],
                )
    return sorted(sides.values(), key=lambda one: one.group)


def _scored(catalog: Catalog, work: Iterable[_Work]) -> Iterator[_Scored]:
    """Score each side on the same resamples as those it is compared with."""
    for batch in _batches(work):
        scores = read_scores(catalog, [probe for one in batch for probe in one.probed.side.probes])
        groups = [list(group) for _, group in groupby(batch, key=lambda one: one.group)]
        targets = read_targets(catalog, [group[0].probed.side.probes[0] for group in groups])
        for group in groups:
            first = group[0].probed.side.probes[0]
            places = read_places(catalog, first, group[0].contents)
            yield from _score(group, scores, targets[first], places)


def _batches(work: Iterable[_Work]) -> Iterator[list[_Work]]:
    batch: list[_Work] = []
    cells = 0
    for one in work:
        if batch and cells + one.cells > BATCH_CELLS:
            yield batch
            batch, cells = [], 0
        batch.append(one)
        cells += one.cells
    if batch:
        yield batch


def _score(
    group: Sequence[_Work], scores: Mapping[int, Array], targets: Array, places: LetterPlaces | None
) -> Iterator[_Scored]:
    first = group[0]
    true = as_targets(first.task, targets, first.contents)
    predictions = [
        as_predictions(one.task, scores[probe], one.contents)
        for one in group
        for probe in one.probed.side.probes
    ]
    values_LR = replicates(
        first.task,
        true,
        predictions,
        first.metric,
        thresholds=[cuts for one in group for cuts in one.probed.thresholds],
        n_resamples=first.n_resamples,
        places=places,
    )
    clusters_S = None if places is None else places.clusters_S
    n_effective = effective_items(first.task, true, first.metric, predictions[0].shape[1], clusters_S)
    n_items = first.contents.n_items if clusters_S is None else len(clusters_S)
    start = 0
    for one in group:
        stop = start + len(one.probed.side.probes)
        yield _Scored(work=one, values_SR=values_LR[start:stop], n_items=n_items, n_effective=n_effective)
        start = stop


def _record(pair: ComparedPair, found: Mapping[tuple[int, ...], _Scored]) -> ComparisonRecord:
    # A chosen layer is scored on as many resamples as models are, of which the first are those of its layers.
    a, b = (found[one.side.probes] for one in (pair.a, pair.b))
    difference = paired_difference(
        *(one.values_SR[:, : pair.n_resamples + 1] for one in (a, b)),
        higher_is_better=higher_is_better(pair.metric),
        n_items=a.n_effective,
    )
    return ComparisonRecord(
        kind=pair.recorded_as,
        dataset=pair.dataset,
        metric=pair.metric,
        a=pair.a.side,
        b=pair.b.side,
        n_items=a.n_items,
        n_resamples=pair.n_resamples,
        difference=difference.value if difference else None,
        low=difference.low if difference else None,
        high=difference.high if difference else None,
        p=difference.p if difference else None,
    )
