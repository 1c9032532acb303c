"""One training as it is asked for: what is trained on what, and where its files go."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqbench.config.extract import ExtractConfig
from seqbench.config.finetune import FinetuneConfig
from seqbench.datasets.dataset import Dataset
from seqbench.finetune.design import FinetuneDesign, training_key
from seqbench.finetune.folder import HeadFacts
from seqbench.finetune.problem import Target, target_of
from seqbench.models.checkpoint import Checkpoint
from seqbench.models.transformer import default_device
from seqbench.training.checkpoint import Checkpoint as State
from seqbench.training.checkpoint import fingerprint
from seqbench.tuning.settings import LoraSettings, TuningSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training, and where everything for it is."""

    design: FinetuneDesign
    source: Checkpoint
    """The model as the config has it."""
    datasets: Sequence[Dataset]
    """The data set, or all its targets."""
    shares: Sequence[float]
    """Weight of each one's loss."""
    specs: Sequence[Mapping[str, Any]]
    """Of each; see `design.specs_of`."""
    config: FinetuneConfig
    extract: ExtractConfig
    checkpoints: Path
    """Folder for the states of unfinished trainings."""
    run_id: str

    @property
    def folder(self) -> Path:
        """Where the trained model goes."""
        return self.config.out / self.design.folder

    @property
    def is_of_letters(self) -> bool:
        """Whether labels are of the letters of sequences."""
        return self.datasets[0].level == "token"

    @property
    def key(self) -> str:
        """Names the training."""
        return training_key(dict(self.specs[0]))

    @property
    def state(self) -> State:
        """What a training that was stopped goes on from."""
        return State(
            path=self.checkpoints / f"finetune-{self.key[:24]}",
            fingerprint=fingerprint(self.key, platform.machine(), default_device().type),
            way_out="make room there, or set finetune.checkpoint_steps to null",
        )

    def targets(self) -> list[Target]:
        """What is predicted: of several targets all, whose outputs stand side by side."""
        return [target_of(*pair) for pair in zip(self.datasets, self.shares, strict=True)]


def tuning_settings(job: Job) -> TuningSettings:
    """What of the model is trained, as the config says."""
    config, lora = job.config, job.config.lora
    return TuningSettings(
        method=job.design.encoder,
        lora=LoraSettings(
            rank=lora.rank,
            alpha=lora.alpha,
            dropout=lora.dropout,
            targets=lora.targets,
            modules_to_save=lora.modules_to_save or (),
        ),
        freeze_blocks=config.freeze_blocks,
        gradient_checkpointing=config.gradient_checkpointing,
        encoder_dropout=config.encoder_dropout,
    )


def head_facts(job: Job, width: int, targets: Sequence[Target]) -> HeadFacts:
    """What the head of a training is made with, on hidden states of a width."""
    return HeadFacts(
        kind=job.config.head,
        combine=job.config.combine,
        width=width,
        n_seqs=job.datasets[0].n_seqs,
        n_outputs=sum(target.n_outputs for target in targets),
        dropout=job.config.dropout,
    )
