"""What it took to train a model: one record a training, by `seqbench finetune` or `seqbench adapt`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

TrainingStage = Literal["finetune", "adapt"]
Encoder = Literal["lora", "full"]
"""How the encoder was trained: low-rank adapters beside its weights (LoRA), or the weights themselves."""

TRAINED_HEADS: tuple[Encoder, ...] = ("lora", "full")
"""Heads of probes that trained the encoder with them, in the order in which they are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """A training that came to its end; a later record of the key takes its place.

    One that failed leaves a failed `ProbeRecord`, and none of these.
    """

    key: str
    """Hash of everything that the trained weights depend on."""
    run_id: str
    stage: TrainingStage
    model: str
    """Name that its results stand under: of the model that was fine-tuned, or that adapting made."""
    base: str
    """Model whose weights it began with; the same as `model` for fine-tuning."""
    dataset: str | None
    """Data set, without a target's name where several targets were trained together; None for adaptation."""
    encoder: Encoder
    seed: int
    fold: int | None
    """Fold that was held out; None where there are none."""
    trained_parameters: int
    """Numbers that the optimiser changed, the head's among them."""
    total_parameters: int
    """Numbers of encoder and head together."""
    seconds: float
    """Of training and evaluating, all resumed parts together; what was lost to a kill is left out."""
    device: str
    """`cpu`, `cuda` or `mps`, as in `ProbeRecord.device`."""
    peak_memory_bytes: int | None
    """Greatest memory: allocated on a GPU, else resident of the process; None where nobody measured."""
    steps: int
    """Of the optimiser."""
    items: int
    """Items seen, each as often as it was seen: sequences of a corpus, items of a data set."""
    tokens: int
    """Tokens seen, without padding."""
    folder: str | None
    """Where the trained model is, as the config names it; None where none was kept."""
    fingerprint: str | None
    """Of the trained weights, as `ModelRecord.fingerprint` is once the folder is named in `models`; None
    where none were kept."""
    probes: tuple[int, ...]
    """Ids of the probes it gave (`ProbeRecord.probe_id`): one, or one a target; none for adaptation."""
    settings: Mapping[str, object]
    """What it was trained with, as JSON can hold it."""
    finished_at: datetime
    """With a time zone; stored as UTC."""
