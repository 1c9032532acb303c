"""Training and scoring the shortcut controls.

Fitted on train, their strength chosen on eval, scored once on test, as a probe is.

Shape letters: N items, C columns or classes, K labels or targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.features import Counted, Features
from seqbench.audit.settings import AuditSettings
from seqbench.catalog.audit_records import ControlScore
from seqbench.config.heads import LinearConfig
from seqbench.core.missing import known
from seqbench.core.types import SplitName, Task
from seqbench.datasets.dataset import Dataset
from seqbench.metrics import MetricScore, score
from seqbench.metrics.small_samples import SAME
from seqbench.probe.heads.base import Fit, FittedHead, HeadData, Problem
from seqbench.probe.heads.linear import LinearHead

JUDGED: Final = {Task.CLASSIFICATION: "roc_auc", Task.LABELS: "roc_auc", Task.REGRESSION: "spearmanr"}
"""By ranking, for its chance level does not depend on how often each class occurs."""
CHANCE: Final = {"roc_auc": 0.5, "spearmanr": 0.0}

MAJORITY: Final = "majority"
SHUFFLED: Final = "shuffled labels"
SHUFFLED_KNOWS: Final = "counts of short words, with permuted labels"
SHUFFLES: Final = 5
SHUFFLED_ITEMS: Final = 4000
"""Of train and eval at most: noise needs no more."""
PARTS: Final[tuple[SplitName, ...]] = ("train", "eval", "test")
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnItems:
    """The items that controls see, by split, and what was counted of them."""

    rows: Mapping[SplitName, NDArray[np.int64]]
    """Ascending; of eval rows of train where there is no eval split."""
    source: Mapping[SplitName, SplitName]
    targets: Mapping[SplitName, NDArray[Any]]
    counted: Mapping[SplitName, Counted]


def _problem(dataset: Dataset) -> Problem:
    n_outputs = len(dataset.classes) if dataset.task is Task.CLASSIFICATION else dataset.n_targets
    return Problem(task=dataset.task, n_outputs=n_outputs)


def train_control(
    dataset: Dataset,
    drawn: DrawnItems,
    settings: AuditSettings,
    name: str,
    knows: str,
    features: Sequence[Features],
) -> ControlScore:
    """Train on features of train, choose on those of eval, score those of test."""
    fitted = _fit(dataset, settings, features, [drawn.targets])[0]
    if fitted.error is not None:
        return left_out(dataset, name, knows, fitted.error)
    return _scored(dataset, drawn, settings, name, knows, fitted.predictions["test"])


def _fit(
    dataset: Dataset,
    settings: AuditSettings,
    features: Sequence[Features],
    targets: Sequence[Mapping[SplitName, NDArray[Any]]],
) -> list[FittedHead]:
    """One linear head for each of several labellings of the same items."""
    fits = []
    for labels in targets:
        train, evaluation, test = (
            HeadData(features_LNH=part[None], targets=labels[split])
            for split, part in zip(PARTS, features, strict=True)
        )
        fits.append(Fit(train=train, evaluation=evaluation, test=test, seed=settings.seed))
    head = LinearHead(settings=LinearConfig(), class_weights="none")
    return [found[0] for found in head.fit(_problem(dataset), fits, advance=lambda amount: None)]


def shuffled_control(dataset: Dataset, drawn: DrawnItems, settings: AuditSettings) -> ControlScore:
    """Heads that learned permuted labels; the interval is that of their mean, by Student's t.

    A single one may by luck point along what is really there, or against it, as far as features have few
    directions; a bootstrap over the items of test does not know that.
    """
    random = np.random.default_rng((settings.seed, 1))
    targets, features = dict(drawn.targets), {name: drawn.counted[name].kmers_NC for name in PARTS}
    for part in ("train", "eval"):
        chosen = np.sort(random.permutation(len(targets[part]))[:SHUFFLED_ITEMS])
        targets[part], features[part] = targets[part][chosen], features[part][chosen]
    labellings: list[Mapping[SplitName, NDArray[Any]]] = [
        {**targets, **{part: random.permutation(targets[part]) for part in ("train", "eval")}}
        for _ in range(SHUFFLES)
    ]
    heads = _fit(dataset, settings, list(features.values()), labellings)
    if any(head.error is not None for head in heads):
        return left_out(dataset, SHUFFLED, SHUFFLED_KNOWS, next(head.error or "" for head in heads))
    scores = [
        score(dataset.task, targets["test"], head.predictions["test"], n_resamples=0)[0] for head in heads
    ]
    metrics = tuple(_mean(each) for each in zip(*scores, strict=True))
    return _judged(dataset, SHUFFLED, SHUFFLED_KNOWS, len(targets["train"]), len(targets["test"]), metrics)


def _mean(scores: Sequence[MetricScore]) -> MetricScore:
    values = [each.value for each in scores if each.value is not None]
    if len(values) < 2:
        return scores[0]
    from scipy.stats import t

    mean = float(np.mean(values))
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return MetricScore(
        metric=scores[0].metric, value=mean, low=mean - half, high=mean + half, reason=scores[0].reason
    )


def majority_control(dataset: Dataset, drawn: DrawnItems, settings: AuditSettings) -> ControlScore:
    """What is known without looking: shares of the classes or labels, or the mean of the targets."""
    train, n_test = drawn.targets["train"], len(drawn.targets["test"])
    if dataset.task is Task.CLASSIFICATION:
        constant = np.bincount(train, minlength=len(dataset.classes)) / len(train)
    else:
        constant = np.nanmean(np.where(known(train), train, np.nan), axis=0)
    predictions = np.tile(constant.astype(np.float32), (n_test, 1))
    return _scored(dataset, drawn, settings, MAJORITY, "the labels of train", predictions)


def _scored(
    dataset: Dataset,
    drawn: DrawnItems,
    settings: AuditSettings,
    name: str,
    knows: str,
    predictions: NDArray[np.float32],
) -> ControlScore:
    metrics, _ = score(
        dataset.task,
        drawn.targets["test"],
        predictions,
        n_resamples=settings.resamples,
        seed=settings.seed,
    )
    return _judged(
        dataset, name, knows, len(drawn.targets["train"]), len(drawn.targets["test"]), tuple(metrics)
    )


def _judged(
    dataset: Dataset, name: str, knows: str, n_train: int, n_test: int, metrics: tuple[MetricScore, ...]
) -> ControlScore:
    judged = JUDGED[dataset.task]
    one = next(each for each in metrics if each.metric == judged)
    return ControlScore(
        control=name,
        knows=knows,
        n_train=n_train,
        n_test=n_test,
        metrics=metrics,
        way=_way(dataset, one),
        judged=judged,
        certain=_is_above(one, CHANCE[judged]),
    )


def _is_above(found: MetricScore, chance: float) -> bool:
    """Whether its interval leaves out chance; a control that is perfect on enough items has none."""
    if found.low is None:
        return found.value is not None and found.value > chance and found.reason == SAME
    return found.low > chance


def _way(dataset: Dataset, found: MetricScore) -> float | None:
    """How far from chance to the best attainable score, which is perfect where nothing else is known."""
    if found.value is None:
        return None
    chance, best = CHANCE[found.metric], (dataset.ceiling or {}).get(found.metric, 1.0)
    return (found.value - chance) / max(best - chance, _TINY)


def left_out(dataset: Dataset, name: str, knows: str, reason: str) -> ControlScore:
    """A control that was not trained, and why."""
    return ControlScore(
        control=name,
        knows=knows,
        n_train=0,
        n_test=0,
        metrics=(),
        way=None,
        judged=JUDGED[dataset.task],
        certain=False,
        reason=reason,
    )
