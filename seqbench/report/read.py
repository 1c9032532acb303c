"""From the catalog to `Results`, by SQL; `seqbench.report.reading.current` tells which probes count."""

from collections.abc import Mapping, Sequence

from seqbench.catalog import Catalog
from seqbench.metrics import PRIMARY
from seqbench.report.reading.audits import read_audits
from seqbench.report.reading.bits import read_bits
from seqbench.report.reading.classes import read_output_scores
from seqbench.report.reading.current import Key, Reader
from seqbench.report.reading.curves import read_curves
from seqbench.report.reading.designs import read_designs, read_efficiency, read_selectivity
from seqbench.report.reading.effects import read_effects
from seqbench.report.reading.facts import (
    read_datasets,
    read_embeddings,
    read_failures,
    read_models,
    read_runs,
)
from seqbench.report.reading.training import read_learning, read_verdicts
from seqbench.report.reading.trials import read_studies
from seqbench.report.results import Curve, MissingPlace, Results
from seqbench.report.selection import Selection
from seqbench.report.subjects import DatasetFacts


def read_results(catalog: Catalog, selection: Selection) -> Results:
    """Read what the catalog holds of a selection.

    Raises:
        CatalogNotFoundError: There is no catalog.
        CatalogError: It can't be read.
    """
    reader = Reader(catalog, selection)
    datasets = read_datasets(reader)
    every = read_curves(reader)
    curves = {key: curve for key, curve in every.items() if key[2] not in selection.trained}
    trained = {key: curve for key, curve in every.items() if key[2] in selection.trained}
    metrics = _metrics(selection, datasets)
    places = _chosen(selection, curves, metrics)
    has_parts, has_controls = read_designs(reader)
    return Results(
        selection=selection,
        models=read_models(reader),
        datasets=datasets,
        curves=curves,
        trained=trained,
        failed=read_failures(reader),
        missing=_missing(selection, every),
        runs=read_runs(reader),
        embeddings=read_embeddings(reader),
        learning=read_learning(reader, [*places, *_chosen(selection, trained, metrics)]),
        effects=read_effects(reader, places),
        efficiency=read_efficiency(reader, metrics) if has_parts else (),
        selectivity=read_selectivity(reader, places, metrics) if has_controls else (),
        verdicts=read_verdicts(reader),
        outputs=read_output_scores(reader, places),
        audits=read_audits(reader),
        studies=read_studies(reader),
        bits=read_bits(reader),
    )


def _metrics(selection: Selection, datasets: Sequence[DatasetFacts]) -> dict[str, str]:
    """What each data set is ranked by, without those whose task lacks the wanted metric."""
    wanted = {dataset.name: selection.metric or PRIMARY[dataset.task] for dataset in datasets}
    return {dataset.name: wanted[dataset.name] for dataset in datasets if dataset.has(wanted[dataset.name])}


def _chosen(
    selection: Selection, curves: Mapping[Key, Curve], metrics: Mapping[str, str]
) -> list[tuple[Key, int]]:
    """The layer that is chosen on eval by the metric of its data set, in the order of the selection."""
    keys = [
        (dataset, model, head)
        for dataset in selection.datasets
        for model in selection.models
        for head in selection.all_heads
        if dataset in metrics and (dataset, model, head) in curves
    ]
    choices = {key: curves[key].choices.get(metrics[key[0]]) for key in keys}
    return [(key, choice.layer) for key, choice in choices.items() if choice is not None]


def _missing(selection: Selection, curves: Mapping[Key, Curve]) -> tuple[MissingPlace, ...]:
    return tuple(
        MissingPlace(model=model, dataset=dataset, head=head)
        for dataset, model, head in selection.expected()
        if (dataset, model, head) not in curves
    )
