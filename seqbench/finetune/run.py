"""One training from files to a folder and records: tokenise, train, predict, save, open again and compare."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from seqbench.catalog.records import ProbeRecord
from seqbench.catalog.training_records import TrainingRecord
from seqbench.core.types import SplitName
from seqbench.finetune.items import TokenisedItems, tokenise_split
from seqbench.finetune.job import Job, head_facts, tuning_settings
from seqbench.finetune.material import Material, material_of
from seqbench.finetune.network import FineTuned
from seqbench.finetune.problem import Target
from seqbench.finetune.saving import finish
from seqbench.finetune.training import Finetuning, Surroundings
from seqbench.training.randomness import seeded
from seqbench.tuning.prepare import prepare
from seqbench.tuning.trainable import TrainableModel, autocast_dtype, open_encoder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """A training that can begin."""

    trainer: Finetuning
    targets: Sequence[Target]
    material: Material


def finetune(
    job: Job, *, advance: Callable[[float], None], note: Callable[[str], None]
) -> tuple[list[ProbeRecord], TrainingRecord]:
    """Train, score, and save.

    Args:
        job: What.
        advance: Takes shares of the training as they are done.
        note: Told what the user should know.

    Returns:
        A record for each target, and one of the training.

    Raises:
        SeqbenchError: Model and data do not fit together, or the saved model predicts otherwise.
    """
    made = prepared(job, advance=advance, note=note)
    outcome = made.trainer.run()
    found = finish(job, made.trainer, outcome, made.targets, made.material)
    job.state.remove()
    return found


def prepared(
    job: Job,
    *,
    advance: Callable[[float], None],
    note: Callable[[str], None],
    watch: Callable[[Sequence[float]], None] | None = None,
) -> Prepared:
    """Open the model, tokenise the data, and put together what is trained.

    Args:
        job: What.
        advance: Takes shares of the training as they are done.
        note: Told what the user should know.
        watch: Given the scores on eval of all points so far at each new one.

    Raises:
        SeqbenchError: Model and data do not fit together.
    """
    encoder = prepare(
        open_encoder(job.source, job.datasets[0].alphabet),
        tuning_settings(job),
        seed=job.design.seed,
        note=note,
    )
    if encoder.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(encoder.device)
    targets = job.targets()
    tokens = encoder.tokens(overlong=job.extract.overlong, stride=job.extract.stride)
    items = {
        name: tokenise_split(
            split, tokens, skip_unreadable=job.extract.unreadable == "skip", by_letter=job.is_of_letters
        )
        for name, split in job.datasets[0].splits.items()
    }
    _tell_cut(job, items, encoder, note)
    material = material_of(job.design, job.datasets[0], targets, items)
    network = _network(job, encoder, targets, (len(tokens.prefix), len(tokens.suffix)))
    trainer = Finetuning(
        network,
        material,
        job.config,
        seed=job.design.seed,
        autocast=autocast_dtype(job.source.dtype, encoder.device),
        around=Surroundings(checkpoint=job.state, advance=advance, note=note, watch=watch),
    )
    return Prepared(trainer=trainer, targets=targets, material=material)


def _tell_cut(
    job: Job, items: Mapping[SplitName, TokenisedItems], encoder: TrainableModel, note: Callable[[str], None]
) -> None:
    """One line on sequences that are longer than a window."""
    pair, limit = f"{job.design.model} × {job.design.dataset}", encoder.limit or 0
    if n_cut := sum(each.n_cut for each in items.values()):
        note(f"{pair}: {n_cut:,} sequences are cut to their first {limit:,} tokens (extract.overlong)")
    if n_bare := sum(each.n_bare for each in items.values()):
        note(f"{pair}: {n_bare:,} letters have no token, so they count nowhere")
    if n_long := sum(each.n_in_windows for each in items.values()):
        note(
            f"{pair}: {n_long:,} sequences are longer than {limit:,} tokens: the head reads all of their "
            "windows (extract.overlong)"
        )


def _network(
    job: Job, encoder: TrainableModel, targets: Sequence[Target], n_around: tuple[int, int]
) -> FineTuned:
    with seeded(torch.device("cpu"), job.design.seed):
        head = head_facts(job, encoder.hidden, targets).make()
    return FineTuned(
        encoder, head.to(encoder.device), special_tokens=job.extract.special_tokens, n_around=n_around
    )
