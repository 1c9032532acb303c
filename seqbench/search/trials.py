"""A trial of a search, and which one is chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqbench.config.search import Setting, TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Settings that were tried, and how they did on eval."""

    number: int
    """From 0, in the order in which they were drawn."""
    values: Mapping[str, Setting]
    """By dotted key."""
    state: TrialState
    score: float | None
    """On eval, of the point that was kept; None where it failed."""
    points: tuple[float, ...] = ()
    """Scores on eval as training went on."""
    error: str | None = None


def chosen(trials: Sequence[Trial], *, higher_is_better: bool) -> Trial | None:
    """The best of those that came to their end, of equals the first; None where there is none."""
    ended = [trial for trial in trials if trial.state == "done" and trial.score is not None]
    sign = -1 if higher_is_better else 1
    return min(ended, key=lambda trial: (sign * (trial.score or 0.0), trial.number), default=None)
