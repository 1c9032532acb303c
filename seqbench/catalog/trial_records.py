"""What a search tried: one record a trial, by `seqbench finetune` with `search`."""

from collections.abc import Mapping
from dataclasses import dataclass

from seqbench.catalog.training_records import Encoder
from seqbench.config.search import TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """Settings that were tried on eval; a later record of study and number takes its place."""

    study: str
    """Hash of everything that the trials of a search have in common."""
    number: int
    """From 0, in the order in which they were drawn."""
    run_id: str
    model: str
    dataset: str
    """Without a target's name where several targets are trained together."""
    encoder: Encoder
    method: str
    """`grid`, `random` or `tpe`."""
    values: Mapping[str, str | int | float | bool | None]
    """By dotted key of the section."""
    state: TrialState
    metric: str
    """What it is judged by on eval."""
    higher_is_better: bool
    score: float | None
    """At the best point; None where it failed."""
    points: tuple[float, ...]
    """Scores on eval as training went on."""
    steps: int
    """Of the optimiser, until it ended."""
    seconds: float
    error: str | None
    """Why it failed, None elsewhere."""
