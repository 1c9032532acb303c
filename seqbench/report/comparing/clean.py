"""Scores on the test items that an audit found nothing against, beside those on all of them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from statistics import fmean
from typing import Any

import numpy as np

from seqbench.catalog.audit_records import CleanRecord
from seqbench.core.progress import Reporter
from seqbench.core.types import SPLITS
from seqbench.metrics import METRICS, MetricScore
from seqbench.report.analysis import CleanScore
from seqbench.report.comparing.rescoring import Marked, Marks, score_clean
from seqbench.report.reading.current import Key, Reader
from seqbench.report.reading.training import place_parameters
from seqbench.report.results import UNKNOWN, Results, Score

_MARKS = """
SELECT a.dataset, any_value(a.sha256), any_value(a.marks_sha256), list(i.clean ORDER BY i.item)
FROM audits a
JOIN datasets d USING (dataset, sha256)
JOIN audit_items i USING (dataset, sha256)
WHERE i.split = 'test' AND list_contains($datasets, a.dataset)
GROUP BY a.dataset
"""
_PROBES = """
, places(dataset, model, head, layer) AS (
    SELECT unnest($place_datasets), unnest($place_models), unnest($place_heads), unnest($place_layers)
)
SELECT dataset, model, head, layer, probe_id, thresholds, spec->>'$.data', kind = 'precomputed'
FROM asked
JOIN current USING (dataset, model, head, variant)
JOIN places USING (dataset, model, head, layer)
LEFT JOIN models USING (model)
WHERE status = 'ok' AND fold IS NULL
ORDER BY probe_id
"""


Place = tuple[Key, int]
"""Data set, model and head, and a layer."""


def clean_scores(reader: Reader, results: Results, reporter: Reporter) -> tuple[CleanScore, ...]:
    """Score on clean items what the report shows of data sets whose audit is of the data as last used.

    That is the chosen layer of every model and head, all its seeds.

    Raises:
        CatalogError: The catalog can't be read.
    """
    marks = _read_marks(reader, results)
    places = [place for place in _places(results) if place[0][0] in marks]
    if not places:
        return ()
    probes = _read_probes(reader, places, marks)
    wanted = [probe for members in probes.values() for probe in members]
    found = score_clean(reader.catalog, wanted, reporter)
    return tuple(
        row
        for place in places
        for row in _rows(results, place, marks[place[0][0]], [found[one.probe_id] for one in probes[place]])
    )


def _places(results: Results) -> Iterator[Place]:
    """The layer chosen by the ranking metric of each data set, model and head that has scores."""
    for dataset in results.datasets:
        metric = results.metric_of(dataset)
        for model in results.models:
            for head in results.selection.all_heads:
                curve = results.any_curve((dataset.name, model.name, head))
                choice = None if curve is None or metric is None else curve.choices.get(metric)
                if choice is not None:
                    yield (dataset.name, model.name, head), choice.layer


def _read_marks(reader: Reader, results: Results) -> dict[str, Marks]:
    if not any(audit.is_current for audit in results.audits):
        return {}
    tasks = {dataset.name: dataset.task for dataset in results.datasets}
    return {
        name: Marks(
            dataset=name,
            task=tasks[name],
            sha256=data,
            marks_sha256=marks,
            clean_N=np.array(clean, dtype=bool),
        )
        for name, data, marks, clean in reader.named(_MARKS)
    }


def _read_probes(
    reader: Reader, places: Sequence[Place], marks: Mapping[str, Marks]
) -> dict[Place, list[Marked]]:
    found: dict[Place, list[Marked]] = {place: [] for place in places}
    rows = reader.rows(_PROBES, **place_parameters(places))
    for dataset, model, head, layer, probe_id, thresholds, data, is_imported in rows:
        probe = Marked(
            probe_id=probe_id,
            thresholds=None if thresholds is None else tuple(thresholds),
            data_hash=None if is_imported else _data_hash(json.loads(data or "{}")),
            marks=marks[dataset],
        )
        found[(dataset, model, head), layer].append(probe)
    return found


def _data_hash(files: Mapping[str, Any]) -> str:
    """The hash of a data set from those of its splits' files, as `Dataset.sha256`."""
    text = "".join(f"{split} {files[split]}\n" for split in SPLITS if split in files)
    return sha256(text.encode()).hexdigest()


def _rows(
    results: Results, place: Place, marks: Marks, known: Sequence[CleanRecord | str]
) -> Iterator[CleanScore]:
    """A row a metric of the task."""
    (dataset, model, head), layer = place
    curve = results.any_curve(place[0])
    lacking = next((one for one in known if isinstance(one, str)), None)
    records = [one for one in known if isinstance(one, CleanRecord)]
    for metric in METRICS[marks.task]:
        scores = [score for one in records for score in one.metrics if score.metric == metric]
        clean = _mean([] if lacking else scores)
        why = lacking or next((score.reason for score in scores if score.value is None), None)
        yield CleanScore(
            dataset=dataset,
            model=model,
            head=head,
            layer=layer,
            metric=metric,
            n_items=len(marks.clean_N),
            n_clean=marks.n_clean,
            full=curve.at(layer, metric) if curve else UNKNOWN,
            clean=clean,
            reason=why if clean.value is None else None,
        )


def _mean(scores: Sequence[MetricScore]) -> Score:
    """The mean over seeds, as that of scores on all items: what is undefined is left out."""

    def mean(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return fmean(known) if known else None

    # The ends of some seeds need not lie around the mean of all.
    has_ends = all(score.low is not None for score in scores if score.value is not None)
    return Score(
        value=mean(score.value for score in scores),
        low=mean(score.low for score in scores) if has_ends else None,
        high=mean(score.high for score in scores) if has_ends else None,
        n_probes=sum(score.value is not None for score in scores),
        reason=next((score.reason for score in scores if score.low is None), None),
    )
