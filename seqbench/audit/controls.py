"""Shortcut controls: how far a linear head gets on what should not be enough.

Fitted on train, its strength chosen on eval, scored once on test, as a probe is.

Shape letters: N items, S sequences an item, C columns or classes, K labels or targets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.features import Counted, Features, binned, count, target_means
from seqbench.audit.identical import Digests
from seqbench.audit.records import ControlScore
from seqbench.audit.settings import AuditSettings
from seqbench.datasets.dataset import Dataset
from seqbench.errors import ProbeError
from seqbench.metrics import MetricScore, score
from seqbench.probe.heads.base import Fit, FittedHead, HeadData, Problem
from seqbench.probe.heads.linear import LinearHead
from seqbench.probe.split import holdout
from seqbench.progress import Advance
from seqbench.vocabulary import SplitName, Task

JUDGED: Final = {Task.CLASSIFICATION: "roc_auc", Task.LABELS: "roc_auc", Task.REGRESSION: "spearmanr"}
"""By ranking, for its chance level does not depend on how often each class occurs."""
CHANCE: Final = {"roc_auc": 0.5, "spearmanr": 0.0}

MAJORITY: Final = "majority"
KMERS: Final = "k-mers alone"
SHUFFLED: Final = "shuffled labels"
SHUFFLED_KNOWS: Final = "counts of short words, with permuted labels"
SHUFFLES: Final = 5
SHUFFLED_ITEMS: Final = 4000
"""Of train and eval at most: noise needs no more."""
PARTS: Final[tuple[SplitName, ...]] = ("train", "eval", "test")
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawn:
    """The items that controls see, by split, and what was counted of them."""

    rows: Mapping[SplitName, NDArray[np.int64]]
    """Ascending; of eval rows of train where there is no eval split."""
    source: Mapping[SplitName, SplitName]
    targets: Mapping[SplitName, NDArray[Any]]
    counted: Mapping[SplitName, Counted]


_Made = list[Features] | str
"""Features of train, eval and test; or why there are none."""


def run_controls(
    dataset: Dataset, sequences: Mapping[SplitName, Digests], settings: AuditSettings, advance: Advance
) -> tuple[ControlScore, ...]:
    """Train every control that applies, the majority class or mean first.

    Args:
        dataset: With at least a few items a split.
        sequences: Digests (N, S) of each split's sequences.
        settings: How many items, resamples, which seed.
        advance: Told the letters read: each split once.

    Raises:
        DataError: A file was changed since it was indexed.
    """
    try:
        drawn = _draw(dataset, settings, advance)
    except ProbeError as error:
        return (_left_out(dataset, MAJORITY, "the labels of train", str(error)),)
    found = [_majority(dataset, drawn, settings)]
    for name, knows, make in _controls(dataset, drawn, sequences, settings):
        made = make()
        if isinstance(made, str):
            found.append(_left_out(dataset, name, knows, made))
        else:
            found.append(_train(dataset, drawn, settings, name, knows, made))
    return (*found, _shuffled(dataset, drawn, settings))


def _controls(
    dataset: Dataset, drawn: _Drawn, sequences: Mapping[SplitName, Digests], settings: AuditSettings
) -> list[tuple[str, str, Callable[[], _Made]]]:
    parts = [drawn.counted[name] for name in PARTS]
    return [
        ("length alone", "how many letters", lambda: _curve([part.length_NS for part in parts])),
        (
            "case and unknown letters alone",
            "shares of lower case and of letters outside the alphabet",
            lambda: _curve([part.written_NC for part in parts]),
        ),
        ("GC alone", "share of G and C", lambda: _gc(dataset, parts)),
        (
            "composition alone",
            "share of each letter, in any order",
            lambda: [part.letters_NC for part in parts],
        ),
        (KMERS, "counts of short words", lambda: [part.kmers_NC for part in parts]),
        (
            "sequence identity alone",
            "which sequences of train an item holds, not what is in them",
            lambda: _identity(dataset, drawn, sequences, settings.seed),
        ),
    ]


def _draw(dataset: Dataset, settings: AuditSettings, advance: Advance) -> _Drawn:
    random = np.random.default_rng(settings.seed)
    rows: dict[SplitName, NDArray[np.int64]] = {
        name: np.sort(random.permutation(len(split))[: settings.control_items])
        for name, split in dataset.splits.items()
    }
    targets: dict[SplitName, NDArray[Any]] = {
        name: np.asarray(dataset.splits[name].targets)[chosen] for name, chosen in rows.items()
    }
    source: dict[SplitName, SplitName] = {name: name for name in rows}
    counted = {name: count(dataset, dataset.splits[name], chosen, advance) for name, chosen in rows.items()}
    if "eval" not in rows:
        kept, held = holdout(targets["train"], dataset.task, settings.seed)
        source["eval"] = "train"
        rows["eval"], rows["train"] = rows["train"][held], rows["train"][kept]
        targets["eval"], targets["train"] = targets["train"][held], targets["train"][kept]
        whole = counted["train"]
        counted["eval"], counted["train"] = _take(whole, held), _take(whole, kept)
    return _Drawn(rows=rows, source=source, targets=targets, counted=counted)


def _take(counted: Counted, rows: NDArray[np.int64]) -> Counted:
    return Counted(**{name: getattr(counted, name)[rows] for name in Counted.__slots__})


def _curve(columns: Sequence[Features]) -> _Made:
    if (np.ptp(columns[0], axis=0) < _TINY).all():
        return "the same for all items of train"
    return binned(columns[0], columns[1:])


def _gc(dataset: Dataset, parts: Sequence[Counted]) -> _Made:
    return "proteins have none" if dataset.alphabet == "protein" else _curve([each.gc_NS for each in parts])


def _identity(dataset: Dataset, drawn: _Drawn, sequences: Mapping[SplitName, Digests], seed: int) -> _Made:
    if dataset.n_seqs == 1:
        return "items have one sequence"
    known = sequences["train"]
    if not np.isin(sequences["test"], known).any():
        return "no sequence of test occurs in train"
    if "eval" not in sequences:
        # What is held out must not tell of itself.
        return "there is no eval split"
    targets = np.asarray(dataset.splits["train"].targets)
    if dataset.task is Task.CLASSIFICATION:
        targets = np.eye(len(dataset.classes))[targets]
    others = [sequences[name][drawn.rows[name]] for name in ("eval", "test")]
    return target_means(known, targets.astype(np.float64), drawn.rows["train"], others, seed)


def _problem(dataset: Dataset) -> Problem:
    n_outputs = len(dataset.classes) if dataset.task is Task.CLASSIFICATION else dataset.n_targets
    return Problem(task=dataset.task, n_outputs=n_outputs)


def _train(
    dataset: Dataset,
    drawn: _Drawn,
    settings: AuditSettings,
    name: str,
    knows: str,
    features: Sequence[Features],
) -> ControlScore:
    fitted = _fit(dataset, settings, features, [drawn.targets])[0]
    if fitted.error is not None:
        return _left_out(dataset, name, knows, fitted.error)
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
    head = LinearHead(strengths=None, class_weights="none")
    return [found[0] for found in head.fit(_problem(dataset), fits, advance=lambda amount: None)]


def _shuffled(dataset: Dataset, drawn: _Drawn, settings: AuditSettings) -> ControlScore:
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
        return _left_out(dataset, SHUFFLED, SHUFFLED_KNOWS, next(head.error or "" for head in heads))
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


def _majority(dataset: Dataset, drawn: _Drawn, settings: AuditSettings) -> ControlScore:
    """What is known without looking: shares of the classes or labels, or the mean of the targets."""
    train, n_test = drawn.targets["train"], len(drawn.targets["test"])
    if dataset.task is Task.CLASSIFICATION:
        constant = np.bincount(train, minlength=len(dataset.classes)) / len(train)
    else:
        constant = train.mean(axis=0)
    predictions = np.tile(constant.astype(np.float32), (n_test, 1))
    return _scored(dataset, drawn, settings, MAJORITY, "the labels of train", predictions)


def _scored(
    dataset: Dataset,
    drawn: _Drawn,
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
        certain=one.low is not None and one.low > CHANCE[judged],
    )


def _way(dataset: Dataset, found: MetricScore) -> float | None:
    """How far from chance to the best attainable score, which is perfect where nothing else is known."""
    if found.value is None:
        return None
    chance, best = CHANCE[found.metric], (dataset.ceiling or {}).get(found.metric, 1.0)
    return (found.value - chance) / max(best - chance, _TINY)


def _left_out(dataset: Dataset, name: str, knows: str, reason: str) -> ControlScore:
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
