"""From the catalog to `Results`, by SQL on its tables and views.

Where a probe was run with several settings, weights or versions of the data (variants), the one that the
selection names counts, else the one that was recorded last: scores of two variants are never mixed. Controls
and probes of a part of train are variants too, which no table or figure is about.
"""

import json
from collections import defaultdict
from typing import Any

from seqbench.catalog import Catalog
from seqbench.report.results import (
    Choice,
    Curve,
    DatasetFacts,
    Failure,
    ModelFacts,
    Place,
    Results,
    RunFacts,
    Score,
    Selection,
)
from seqbench.vocabulary import Task

_Key = tuple[str, str, str]
"""Data set, model, head."""

_CURRENT = """
WITH current AS (
    SELECT
        dataset, model, head,
        arg_max(variant, {'wanted': list_contains($variants, variant), 'at': recorded_at}) AS variant
    FROM probes
    WHERE list_contains($datasets, dataset) AND list_contains($models, model) AND list_contains($heads, head)
        AND control IS NULL AND subset IS NULL
    GROUP BY ALL
)
"""
_SCORES = """
SELECT dataset, model, head, layer, n_layers, metric, value, low, high, n_probes
FROM layer_scores JOIN current USING (dataset, model, head, variant)
WHERE split = 'test'
"""
_CHOICES = """
SELECT
    dataset, model, head, metric, layer, eval_score, test_score, test_low, test_high, n_probes,
    oracle_layer, oracle_score, gap
FROM best_layers JOIN current USING (dataset, model, head, variant)
"""
_FAILED = """
SELECT
    dataset, model, head, list_sort(list_distinct(list(layer))), list_sort(list_distinct(list(seed))),
    count(*), coalesce(error, 'no reason was recorded')
FROM probes JOIN current USING (dataset, model, head, variant)
WHERE status = 'failed'
GROUP BY dataset, model, head, error
ORDER BY dataset, model, head, min(layer), error
"""
_RUNS = """
SELECT run_id, command, status, started_at, finished_at, device, versions
FROM runs
WHERE run_id IN (SELECT run_id FROM probes JOIN current USING (dataset, model, head, variant))
ORDER BY started_at
"""
_MODELS = """
SELECT model, kind, path, revision, fingerprint, n_layers, hidden, dtype
FROM models WHERE list_contains($models, model)
"""
_DATASETS = """
SELECT dataset, sha256, task, n_train, n_eval, n_test, ceiling
FROM datasets WHERE list_contains($datasets, dataset)
"""


def read_results(catalog: Catalog, selection: Selection) -> Results:
    """Read what the catalog holds of a selection.

    Raises:
        CatalogNotFoundError: There is no catalog.
        CatalogError: It can't be read.
    """
    wanted = {
        "datasets": list(selection.datasets),
        "models": list(selection.models),
        "heads": list(selection.heads),
        "variants": list(selection.variants),
    }
    curves = _curves(catalog, wanted)
    return Results(
        selection=selection,
        models=_models(catalog, selection),
        datasets=_datasets(catalog, selection),
        curves=curves,
        failed=tuple(
            Failure(
                dataset=dataset,
                model=model,
                head=head,
                layers=tuple(layers),
                seeds=tuple(seeds),
                n_probes=n_probes,
                reason=reason,
            )
            for dataset, model, head, layers, seeds, n_probes, reason in catalog.query(
                _CURRENT + _FAILED, wanted
            ).rows
        ),
        missing=tuple(
            Place(model=model, dataset=dataset, head=head)
            for model in selection.models
            for head in selection.heads
            for dataset in selection.datasets
            if (dataset, model, head) not in curves
        ),
        runs=tuple(_run(row) for row in catalog.query(_CURRENT + _RUNS, wanted).rows),
    )


def _curves(catalog: Catalog, wanted: dict[str, list[str]]) -> dict[_Key, Curve]:
    scores: dict[_Key, dict[tuple[int, str], Score]] = defaultdict(dict)
    n_layers: dict[_Key, int] = {}
    for dataset, model, head, layer, layers, metric, value, low, high, n in catalog.query(
        _CURRENT + _SCORES, wanted
    ).rows:
        key = (dataset, model, head)
        scores[key][layer, metric] = Score(value=value, low=low, high=high, n_probes=n)
        n_layers[key] = layers
    choices: dict[_Key, dict[str, Choice]] = defaultdict(dict)
    for row in catalog.query(_CURRENT + _CHOICES, wanted).rows:
        choice = _choice(row[3:])
        choices[row[0], row[1], row[2]][choice.metric] = choice
    return {
        (dataset, model, head): Curve(
            dataset=dataset,
            model=model,
            head=head,
            n_layers=n_layers[dataset, model, head],
            test=test,
            choices=choices[dataset, model, head],
        )
        for (dataset, model, head), test in scores.items()
    }


def _choice(row: tuple[Any, ...]) -> Choice:
    metric, layer, eval_score, value, low, high, n_probes, oracle_layer, oracle_score, gap = row
    return Choice(
        metric=metric,
        layer=layer,
        eval_score=eval_score,
        test=Score(value=value, low=low, high=high, n_probes=n_probes or 0),
        oracle_layer=oracle_layer,
        oracle_score=oracle_score,
        gap=gap,
    )


def _models(catalog: Catalog, selection: Selection) -> tuple[ModelFacts, ...]:
    names = ("name", "kind", "path", "revision", "fingerprint", "n_layers", "hidden", "dtype")
    rows = catalog.query(_MODELS, {"models": list(selection.models)}).rows
    found = {row[0]: ModelFacts(**dict(zip(names, row, strict=True))) for row in rows}
    return tuple(found[name] for name in selection.models if name in found)


def _datasets(catalog: Catalog, selection: Selection) -> tuple[DatasetFacts, ...]:
    rows = catalog.query(_DATASETS, {"datasets": list(selection.datasets)}).rows
    found = {
        name: DatasetFacts(
            name=name,
            sha256=sha256,
            task=Task(task),
            n_train=n_train,
            n_eval=n_eval,
            n_test=n_test,
            ceiling=json.loads(ceiling) if ceiling else {},
        )
        for name, sha256, task, n_train, n_eval, n_test, ceiling in rows
    }
    return tuple(found[name] for name in selection.datasets if name in found)


def _run(row: tuple[Any, ...]) -> RunFacts:
    run_id, command, status, started_at, finished_at, device, versions = row
    return RunFacts(
        run_id=run_id,
        command=command,
        status=status,
        started_at=started_at,
        finished_at=finished_at,
        device=device,
        versions=json.loads(versions),
    )
