"""Training and scoring the missing probes that read the tokens of one model on one data set.

Layers and trainings go one after another: each streams its layer from the store.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from seqbench.catalog.records import ProbeRecord
from seqbench.core.progress import Advance
from seqbench.errors import ProbeError, TrainingError
from seqbench.probe.features import check_combine, problem_of
from seqbench.probe.heads.base import FittedHead, Problem
from seqbench.probe.items import items_of
from seqbench.probe.jobs import Job, jobs_of
from seqbench.probe.letter_vectors import letter_vectors
from seqbench.probe.outcome import Keep, Recorder, Trained
from seqbench.probe.run import records_of
from seqbench.probe.spec import Design, probe_spec, spec_hash
from seqbench.probe.token_heads.state import settings_of
from seqbench.probe.token_heads.training import TokenFit
from seqbench.probe.wanted import Wanted, missing_probes, wanted_probes
from seqbench.store import TokenEmbeddings
from seqbench.training.checkpoint import Checkpoint, fingerprint


def run_token_probes(
    entry: TokenEmbeddings,
    layers: Sequence[int],
    designs: Sequence[Design],
    *,
    known: Collection[str],
    run_id: str,
    advance: Advance,
    checkpoints: Path | None = None,
    save: Keep | None = None,
    is_kept: Callable[[Wanted], bool] | None = None,
) -> Iterator[list[ProbeRecord]]:
    """Train what is missing; see `probe.run.run_probes`, whose arguments these are.

    Args:
        entry: The complete tokens of a model on a data set, under the model's own name.
        layers: Layers to probe.
        designs: What to train on each of them.
        known: Hashes of probes that need no training.
        run_id: The run that the records belong to.
        advance: Told how many more probes are done.
        checkpoints: Folder for the states of long trainings; None: none are kept.
        save: Keeps trained heads; None: they are not kept.
        is_kept: Tells whether the head of a known probe is there; None: heads need not be kept.

    Yields:
        The records of one training on one layer, as soon as they are there.

    Raises:
        ProbeError: The data set can't be learned from.
        StoreError: Tokens are missing or damaged.
    """
    problem = problem_of(entry)
    missing = missing_probes(wanted_probes(entry, layers, designs), known, is_kept)
    if not missing:
        return
    for design in designs:
        check_combine(entry, design.combine)
    recorder = Recorder(entry=entry, problem=problem, run_id=run_id, keep=save)
    for job in jobs_of(missing, items_of(entry)):
        for layer in job.layers:
            yield _train(entry, recorder, problem, job.only([layer]), layer, advance, checkpoints)


def _train(
    entry: TokenEmbeddings,
    recorder: Recorder,
    problem: Problem,
    job: Job,
    layer: int,
    advance: Advance,
    checkpoints: Path | None,
) -> list[ProbeRecord]:
    worth, told = job.progress(layer), 0.0

    def progress(share: float) -> None:
        nonlocal told
        told += share
        advance(share * worth)

    fault, device = job.training.fault(problem.task), "none"
    if fault is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            fitted = _fit(entry, problem, job, layer, checkpoints).run(progress)
        except (TrainingError, ProbeError) as error:
            fault = str(error)
    if fault is not None:
        fitted = FittedHead(layer_index=0, error=fault)
    advance((1 - told) * worth)
    trained = Trained(
        fitted=fitted, parts=job.training.scored, n_train=len(job.training.train), device=device
    )
    return records_of(recorder, job, [layer], [trained])


def _fit(
    entry: TokenEmbeddings, problem: Problem, job: Job, layer: int, checkpoints: Path | None
) -> TokenFit:
    design, training = job.design, job.training
    own: dict[str, Any] = dict(design.settings)
    weights, choose = own.pop("class_weights"), own.pop("choose_epoch")
    settings, letters = settings_of(design.head, own), letter_vectors(entry)
    return TokenFit(
        kind=design.head,
        settings=settings,
        class_weights=weights,
        choose_epoch=choose,
        combine=design.combine,
        seed=design.seed,
        problem=problem,
        arrays={
            split: entry.tokens(layer, split) if letters is None else letters[split].array(layer)
            for split in entry.splits
        },
        letters=letters,
        train=training.train,
        scored=training.scored,
        checkpoint=_checkpoint(entry, job, layer, checkpoints) if settings.checkpoint_steps else None,
    )


def _checkpoint(entry: TokenEmbeddings, job: Job, layer: int, checkpoints: Path | None) -> Checkpoint | None:
    """A file whose name is that of everything its training depends on."""
    if checkpoints is None:
        return None
    name = spec_hash(probe_spec(entry, layer, job.design, job.training.fold))
    place = fingerprint(name, job.training.train.targets.tobytes())
    return Checkpoint(
        path=checkpoints / f"{name}.pt",
        fingerprint=place,
        way_out=f"make room there, or set probe.{job.design.head}.checkpoint_steps to null",
    )
