from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from seqbench.core.types import Task
from seqbench.probe.heads import FittedHead, HeadData, Problem, create
from seqbench.probe.heads.base import Fit, Resources

SETTINGS: dict[str, dict[str, Any]] = {
    "mlp": {
        "hidden": [32, 16],
        "dropout": 0.1,
        "activation": "relu",
        "norm": "none",
        "lr": 5e-3,
        "weight_decay": 0.0,
        "batch_size": 64,
        "accumulate": 1,
        "epochs": 30,
        "steps": None,
        "patience": None,
        "warmup": 0.0,
        "decay": "constant",
        "clip": None,
        "class_loss": "cross_entropy",
        "focal_gamma": 2.0,
        "focal_alpha": None,
        "label_smoothing": 0.0,
        "value_loss": "huber",
        "standardize": True,
        "checkpoint_steps": None,
        "class_weights": "none",
        "choose_epoch": "best",
    },
    "linear": {"strengths": None, "class_weights": "none"},
    "xgb": {
        "n_estimators": 40,
        "learning_rate": 0.3,
        "max_depth": 4,
        "eval_metric": None,
        "patience": None,
        "multi_output": False,
        "class_weights": "none",
        "choose_epoch": "best",
    },
    "forest": {"n_estimators": 40, "class_weights": "none"},
    "knn": {"k": (1, 5, 25)},
}
FitHead = Callable[..., list[FittedHead]]
Splits = tuple[HeadData, HeadData, HeadData]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other cost tens of seconds where other work runs on the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.fixture
def fit() -> FitHead:
    """Train one fit of a head with `SETTINGS`, changed as asked; an outcome a layer."""

    def fit_head(
        name: str,
        task: Task,
        n_outputs: int,
        splits: Splits,
        *,
        seed: int = 0,
        resources: Resources = Resources(),  # noqa: B008 -- immutable
        **changed: Any,
    ) -> list[FittedHead]:
        head = create(name, SETTINGS[name] | changed, resources)
        problem, one = Problem(task=task, n_outputs=n_outputs), fit_of(splits, seed)
        (outcomes,) = head.fit(problem, [one], advance=lambda _: None)
        return outcomes

    return fit_head


def fit_of(splits: Splits, seed: int = 0) -> Fit:
    train, evaluation, test = splits
    return Fit(train=train, evaluation=evaluation, test=test, seed=seed)


@pytest.fixture
def make() -> Callable[..., Splits]:
    """Train, eval and test drawn alike: standard normal features and targets by rule of the first layer."""

    def splits(
        rule: Callable[[np.ndarray], np.ndarray], *, width: int = 8, layers: int = 1, n: int = 400
    ) -> Splits:
        random = np.random.default_rng(7)
        made = []
        for n_items in (n, 150, 150):
            features = random.standard_normal((layers, n_items, width)).astype(np.float32)
            made.append(HeadData(features_LNH=features, targets=rule(features[0])))
        return made[0], made[1], made[2]

    return splits
