"""What is tried next: by a grid, by chance, or by what earlier trials did (optuna's TPE).

Trials are drawn in rounds of `at_once`. A round depends on the seed and on the trials of the rounds before it
alone, so that it is the same whichever of them ended first, on how many workers, or in a run that was killed.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from seqbench.config.search import Between, Choices, Dimension, SearchConfig, Setting
from seqbench.errors import ConfigError
from seqbench.search.trials import Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study


def rounds(search: SearchConfig) -> list[range]:
    """The numbers of the trials of each round."""
    return [
        range(start, min(start + search.at_once, search.n_trials))
        for start in range(0, search.n_trials, search.at_once)
    ]


def draw(
    search: SearchConfig, numbers: range, earlier: Sequence[Trial], *, higher_is_better: bool
) -> list[dict[str, Setting]]:
    """Draw the trials of a round.

    Args:
        search: What is searched, and how.
        numbers: Of the trials of the round.
        earlier: Trials of the rounds before it; of use to `tpe` only.
        higher_is_better: Which scores are better.

    Returns:
        Values by dotted key, one mapping a trial.

    Raises:
        ConfigError: optuna is not installed.
    """
    if search.method == "grid":
        return [_grid(search)[number] for number in numbers]
    study = study_of(search, earlier, higher_is_better=higher_is_better, seed=numbers.start)
    distributions = {key: _distribution(dimension) for key, dimension in search.space.items()}
    return [_values(search, study.ask(distributions).params) for _ in numbers]


def _grid(search: SearchConfig) -> list[dict[str, Setting]]:
    """All points in an order drawn by the seed, so that the first are spread out."""
    axes = [
        dimension.choices if isinstance(dimension, Choices) else dimension.grid()
        for dimension in search.space.values()
    ]
    points = [dict(zip(search.space, values, strict=True)) for values in product(*axes)]
    order = np.random.default_rng(search.seed).permutation(len(points))
    return [points[place] for place in order]


def study_of(
    search: SearchConfig, earlier: Sequence[Trial], *, higher_is_better: bool, seed: int = 0
) -> "Study":
    """The trials so far as a study of optuna, in memory.

    Raises:
        ConfigError: optuna is not installed.
    """
    optuna = import_optuna()
    samplers = optuna.samplers
    mixed = int(np.random.SeedSequence([search.seed, seed]).generate_state(1)[0])
    sampler = (
        samplers.RandomSampler(seed=mixed)
        if search.method != "tpe"
        else samplers.TPESampler(seed=mixed, n_startup_trials=10, constant_liar=True)
    )
    direction = "maximize" if higher_is_better else "minimize"
    study: Study = optuna.create_study(sampler=sampler, direction=direction)
    study.add_trials([_frozen(search, trial) for trial in sorted(earlier, key=lambda one: one.number)])
    return study


def import_optuna() -> Any:
    """The library, without what it says of each trial.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ConfigError(
            "a search by `random` or `tpe`, or one that prunes, needs optuna: pip install 'seqbench[search]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _frozen(search: SearchConfig, trial: Trial) -> Any:
    optuna = import_optuna()
    states = optuna.trial.TrialState
    state = {"done": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}[trial.state]
    return optuna.trial.create_trial(
        state=state,
        value=trial.score if state == states.COMPLETE else None,
        params=_params(search, trial.values),
        distributions={key: _distribution(dimension) for key, dimension in search.space.items()},
        intermediate_values=dict(enumerate(trial.points)),
    )


def _distribution(dimension: Dimension) -> "BaseDistribution":
    distributions = import_optuna().distributions
    made: BaseDistribution
    if isinstance(dimension, Choices):
        made = distributions.CategoricalDistribution(dimension.choices)
    elif dimension.is_whole:
        made = distributions.IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    else:
        made = distributions.FloatDistribution(float(dimension.low), float(dimension.high), log=dimension.log)
    return made


def _params(search: SearchConfig, values: Mapping[str, Setting]) -> dict[str, Setting]:
    """In the type of the range: JSON may have made a whole float an int."""
    return {
        key: float(value)
        if isinstance(dimension, Between) and not dimension.is_whole and isinstance(value, int)
        else value
        for key, dimension in search.space.items()
        for value in [values[key]]
    }


def _values(search: SearchConfig, params: Mapping[str, Any]) -> dict[str, Setting]:
    """In the order of the space."""
    return {key: params[key] for key in search.space}
