"""Giving up a trial early: its best score on eval so far against the median of earlier trials.

The rule is that of optuna's MedianPruner. It knows trials of earlier rounds alone, so that a trial ends at
the same point whatever runs beside it.
"""

from collections.abc import Callable, Sequence

from seqbench.config.search import SearchConfig
from seqbench.search.drawing import import_optuna, study_of
from seqbench.search.trials import Trial

STARTUP = 5
"""Trials that come to their end before any is given up; optuna's default."""


class Pruned(Exception):
    """A trial is given up; its points so far are known to whoever asked."""


def pruner(
    search: SearchConfig, earlier: Sequence[Trial], *, higher_is_better: bool
) -> Callable[[Sequence[float]], bool]:
    """Tell whether a trial with these points so far, the last one new, is to be given up.

    Raises:
        ConfigError: optuna is not installed.
    """
    ended = [trial for trial in earlier if trial.state == "done"]
    if not search.prune or len(ended) < STARTUP:
        return lambda points: False
    optuna = import_optuna()
    study = study_of(search, earlier, higher_is_better=higher_is_better)
    rule = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=0)
    state = optuna.trial.TrialState.RUNNING

    def is_hopeless(points: Sequence[float]) -> bool:
        frozen = optuna.trial.create_trial(state=state, intermediate_values=dict(enumerate(points)))
        return bool(rule.prune(study, frozen))

    return is_hopeless
