"""A search over settings as a report shows it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A trial."""

    number: int
    values: Mapping[str, str | int | float | bool | None]
    """By key."""
    state: str
    """`done`, `pruned` or `failed`."""
    score: float | None
    """On eval."""
    steps: int
    seconds: float
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The trials of a model, data set and way of training."""

    dataset: str
    """Without a target's name where several targets are trained together."""
    model: str
    way: str
    """`lora` or `full`."""
    method: str
    metric: str
    """What trials are judged by on eval."""
    higher_is_better: bool
    keys: tuple[str, ...]
    trials: tuple[Tried, ...]
    """By number."""

    @property
    def chosen(self) -> Tried | None:
        """The best that came to its end, of equals the first; None where there is none."""
        ended = [trial for trial in self.trials if trial.state == "done" and trial.score is not None]
        sign = -1 if self.higher_is_better else 1
        return min(ended, key=lambda trial: (sign * (trial.score or 0.0), trial.number), default=None)
