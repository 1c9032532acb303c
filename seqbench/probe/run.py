"""Training and scoring the missing probes of one model on one data set.

Shape letters: L layers, N items, K outputs.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seqbench.catalog.records import PredictionRecord, ProbeRecord, SplitRecord
from seqbench.metrics import score
from seqbench.probe.features import Features, SplitRows, layer_groups, problem_of, rows_of
from seqbench.probe.heads.base import FittedHead, HeadData, Problem
from seqbench.probe.heads.registry import create
from seqbench.probe.spec import Design, probe_spec, spec_hash, variant_hash
from seqbench.progress import Advance
from seqbench.store import Embeddings
from seqbench.vocabulary import SplitName

SCORED: tuple[SplitName, ...] = ("eval", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One probe that may have to be trained."""

    layer: int
    design: Design
    spec: dict[str, Any]
    hash: str


def wanted_probes(entry: Embeddings, layers: Sequence[int], designs: Sequence[Design]) -> list[Wanted]:
    """Every probe of a model on a data set: each design on each layer."""
    found = []
    for design in designs:
        for layer in layers:
            spec = probe_spec(entry, layer, design)
            found.append(Wanted(layer=layer, design=design, spec=spec, hash=spec_hash(spec)))
    return found


def run_probes(
    entry: Embeddings,
    layers: Sequence[int],
    designs: Sequence[Design],
    *,
    known: Collection[str],
    run_id: str,
    advance: Advance,
) -> Iterator[list[ProbeRecord]]:
    """Train what is missing, all layers that fit into memory together, and score it.

    Args:
        entry: The complete embeddings of a model on a data set.
        layers: Layers to probe.
        designs: Heads with seeds.
        known: Hashes of probes that need no training.
        run_id: The run that the records belong to.
        advance: Told how many more probes are done.

    Yields:
        The records of one design on one group of layers, as soon as they are there.

    Raises:
        ProbeError: The data set can't be learned from.
        StoreError: Embeddings are missing or damaged.
    """
    missing = [probe for probe in wanted_probes(entry, layers, designs) if probe.hash not in known]
    problem = problem_of(entry)
    for combine in dict.fromkeys(probe.design.combine for probe in missing):
        needed = sorted({probe.layer for probe in missing if probe.design.combine == combine})
        for group in layer_groups(entry, needed, combine):
            features = Features(entry, group, combine)
            for design in designs:
                chosen = [probe for probe in missing if probe.design is design and probe.layer in group]
                if chosen and design.combine == combine:
                    yield _train(entry, problem, features, design, chosen, run_id, advance)


def _train(
    entry: Embeddings,
    problem: Problem,
    features: Features,
    design: Design,
    probes: Sequence[Wanted],
    run_id: str,
    advance: Advance,
) -> list[ProbeRecord]:
    layers = [probe.layer for probe in probes]
    rows = rows_of(entry, design.seed)
    data = {split: features.data(layers, split_rows) for split, split_rows in rows.items()}
    head = create(design.head, design.settings)
    fitted = head.fit(problem, data["train"], data["eval"], data["test"], seed=design.seed, advance=advance)
    return [
        _record(entry, problem, probe, outcome, data, rows, run_id, head.device)
        for probe, outcome in zip(probes, fitted, strict=True)
    ]


def _record(
    entry: Embeddings,
    problem: Problem,
    probe: Wanted,
    outcome: FittedHead,
    data: dict[SplitName, HeadData],
    rows: dict[SplitName, SplitRows],
    run_id: str,
    device: str,
) -> ProbeRecord:
    scored = SCORED if outcome.error is None else ()
    return ProbeRecord(
        spec_hash=probe.hash,
        run_id=run_id,
        model=entry.model.name,
        dataset=entry.dataset,
        task=problem.task,
        layer=probe.layer,
        n_layers=entry.model.n_layers,
        head=probe.design.head,
        variant=variant_hash(probe.spec),
        seed=probe.design.seed,
        fold=None,
        spec={**probe.spec, "chosen": dict(outcome.hyperparameters)},
        status="ok" if outcome.error is None else "failed",
        error=outcome.error,
        seconds=outcome.seconds,
        n_train=data["train"].n_items,
        n_epochs=outcome.n_epochs,
        chosen_epoch=outcome.chosen_epoch,
        convergence=outcome.convergence,
        device=device,
        splits=tuple(_score(problem, split, data[split], outcome) for split in scored),
        history=outcome.history,
        predictions=tuple(
            PredictionRecord(
                split=split,
                items=rows[split].rows_N,
                targets=data[split].targets,
                scores=outcome.predictions[split],
            )
            for split in scored
        ),
    )


def _score(problem: Problem, split: SplitName, data: HeadData, outcome: FittedHead) -> SplitRecord:
    metrics, class_metrics = score(problem.task, data.targets, outcome.predictions[split])
    return SplitRecord(
        split=split, n_items=data.n_items, metrics=tuple(metrics), class_metrics=tuple(class_metrics)
    )
