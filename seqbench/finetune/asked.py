"""A trial that is to be done, and what it is judged by; no torch is needed to plan one."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.config.search import SearchConfig
from seqbench.core.types import Task
from seqbench.metrics import PRIMARY, higher_is_better
from seqbench.search.trials import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A trial that is to be done."""

    study: str
    """Hash of what the trials of the search have in common."""
    number: int
    search: SearchConfig
    earlier: tuple[Trial, ...]
    """Trials of the rounds before."""


def judged_by(choose_by: str, tasks: Sequence[Task]) -> tuple[str, bool]:
    """What trials are compared by on eval, and whether more of it is better.

    Args:
        choose_by: The section's key: a metric, or the loss.
        tasks: Of the data set's targets. Losses of different settings can't be compared: in their place
            stands the metric that each task is ranked by.
    """
    if choose_by != "loss":
        return choose_by, higher_is_better(choose_by)
    own = dict.fromkeys(PRIMARY[task] for task in tasks)
    return " and ".join(own), higher_is_better(next(iter(own)))
