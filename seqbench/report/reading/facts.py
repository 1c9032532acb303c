"""What the catalog knows of models, data sets, embeddings and runs."""

import json
from collections.abc import Mapping
from typing import Any

from seqbench.config.model_kinds import is_composition
from seqbench.core.types import SPLITS, SplitName, Task
from seqbench.report.reading.current import Reader
from seqbench.report.results import Failure
from seqbench.report.subjects import DatasetFacts, ModelFacts, ReportedEmbedding, ReportedSplit, RunFacts

_MODELS = """
SELECT model, kind, path, revision, fingerprint, n_layers, hidden, dtype, settings
FROM models WHERE list_contains($models, model)
"""
_DATASETS = """
SELECT
    dataset, sha256, task, n_train, n_eval, n_test, ceiling, task_group, alphabet, n_seqs, facts, class_names
FROM datasets WHERE list_contains($datasets, dataset)
"""
_EMBEDDINGS = """
SELECT
    model, dataset, split, n_items, tokens, seconds, tokens_per_s, bytes, coverage_mean, coverage_min, device,
    dtype
FROM embeddings
WHERE list_contains($models, model)
    AND dataset IN (SELECT split_part(unnest($datasets), '/', 1))
"""
_RUNS = """
SELECT run_id, command, status, started_at, finished_at, device, versions
FROM runs
WHERE run_id IN (SELECT run_id FROM asked JOIN current USING (dataset, model, head, variant))
ORDER BY started_at, run_id
"""
_FAILED = """
SELECT
    dataset, model, head, list_sort(list_distinct(list(layer))), list_sort(list_distinct(list(seed))),
    count(*), coalesce(error, 'no reason was recorded')
FROM asked
JOIN current USING (dataset, model, head, variant)
WHERE status = 'failed'
GROUP BY dataset, model, head, error
ORDER BY dataset, model, head, min(layer), error
"""


def read_models(reader: Reader) -> tuple[ModelFacts, ...]:
    """Read the models that the catalog knows, in the order of the selection."""
    found = {row[0]: _model(*row) for row in reader.named(_MODELS)}
    return tuple(found[name] for name in reader.selection.models if name in found)


def _model(*row: Any) -> ModelFacts:
    *values, settings = row
    names = ("name", "kind", "path", "revision", "fingerprint", "n_layers", "hidden", "dtype")
    counted = (json.loads(settings) if settings else {}).get("k")
    return ModelFacts(**dict(zip(names, values, strict=True)), is_composition=is_composition(counted))


def read_datasets(reader: Reader) -> tuple[DatasetFacts, ...]:
    """Read the data sets that the catalog knows, in the order of the selection."""
    found = {row[0]: _dataset(*row) for row in reader.named(_DATASETS)}
    return tuple(found[name] for name in reader.selection.datasets if name in found)


def _dataset(
    name: str,
    sha256: str,
    task: str,
    n_train: int,
    n_eval: int,
    n_test: int,
    ceiling: str | None,
    task_group: str | None,
    alphabet: str | None,
    n_seqs: int,
    facts: str | None,
    class_names: list[str] | None,
) -> DatasetFacts:
    return DatasetFacts(
        name=name,
        sha256=sha256,
        task=Task(task),
        n_train=n_train,
        n_eval=n_eval,
        n_test=n_test,
        ceiling=json.loads(ceiling) if ceiling else {},
        task_group=task_group,
        alphabet=alphabet,
        n_seqs=n_seqs,
        splits=_splits(json.loads(facts) if facts else {}),
        class_names=tuple(class_names or ()),
    )


def _splits(facts: Mapping[str, Mapping[str, Any]]) -> dict[SplitName, ReportedSplit]:
    """From `datasets.facts`; see `seqbench.catalog.records.SplitContents`."""
    return {
        split: ReportedSplit(
            n_items=facts[split]["n_items"],
            label_counts=_numbers(facts[split].get("label_counts")),
            n_unlabelled=facts[split].get("n_unlabelled", 0),
            n_letters=facts[split].get("n_letters", 0),
            missing=_numbers(facts[split].get("missing")),
            lengths=_numbers(facts[split].get("lengths")),
            targets=_numbers(facts[split].get("targets")),
        )
        for split in SPLITS
        if split in facts
    }


def _numbers(given: Any) -> Any:
    """JSON's lists as tuples, at any depth."""
    return tuple(map(_numbers, given)) if isinstance(given, list) else given


def read_embeddings(reader: Reader) -> tuple[ReportedEmbedding, ...]:
    """Read what embedding took, data sets and models in the order of the selection."""
    names = (
        *("model", "dataset", "split", "n_items", "tokens", "seconds", "tokens_per_s", "bytes"),
        *("coverage_mean", "coverage_min", "device", "dtype"),
    )
    found = [ReportedEmbedding(**dict(zip(names, row, strict=True))) for row in reader.named(_EMBEDDINGS)]
    wanted = reader.selection
    datasets = [name.partition("/")[0] for name in wanted.datasets]  # whose targets share them
    found.sort(
        key=lambda one: (
            datasets.index(one.dataset),
            wanted.models.index(one.model),
            SPLITS.index(one.split),
        )
    )
    return tuple(found)


def read_runs(reader: Reader) -> tuple[RunFacts, ...]:
    """Read the commands that made the current probes, the oldest first."""
    return tuple(
        RunFacts(
            run_id=run_id,
            command=command,
            status=status,
            started_at=started_at,
            finished_at=finished_at,
            device=device,
            versions=json.loads(versions),
        )
        for run_id, command, status, started_at, finished_at, device, versions in reader.rows(_RUNS)
    )


def read_failures(reader: Reader) -> tuple[Failure, ...]:
    """Read which of the current probes failed, and why."""
    return tuple(
        Failure(
            dataset=dataset,
            model=model,
            head=head,
            layers=tuple(layers),
            seeds=tuple(seeds),
            n_probes=n_probes,
            reason=reason,
        )
        for dataset, model, head, layers, seeds, n_probes, reason in reader.rows(_FAILED)
    )
