"""Which items a fold or a part of train has, where several targets of grouped items are trained together."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.errors import TrainingError
from seqbench.finetune.design import FinetuneDesign
from seqbench.finetune.items import Sequences, TokenisedItems
from seqbench.finetune.material import Material, applicable, material_of
from seqbench.finetune.problem import Target
from seqbench.probe.heads.base import Problem
from seqbench.probe.spec import Subset

N, FOLDS = 120, 4
DESIGN = FinetuneDesign(model="m", dataset="d", encoder="full", seed=7, folds=FOLDS)


def targets_of(n_items: int = N) -> list[Target]:
    """Three classes, some unknown, and a value."""
    random = np.random.default_rng(0)
    classes = random.choice([0, 0, 0, 1, 1, 2, -1], n_items)
    values = random.normal(size=(n_items, 1))
    values[::11] = np.nan
    tasks = ((Task.CLASSIFICATION, 3, classes), (Task.REGRESSION, 1, values))
    return [
        Target(
            name=f"d/{task.value}",
            problem=Problem(task=task, n_outputs=n_outputs),
            classes=(),
            class_names=(),
            labels={"train": labels, "test": labels},
        )
        for task, n_outputs, labels in tasks
    ]


def dataset_of(groups: np.ndarray | None) -> Any:
    return SimpleNamespace(splits={name: SimpleNamespace(groups=groups) for name in ("train", "test")})


def folds(targets: list[Target], groups: np.ndarray | None = None, unreadable: int = 3) -> list[Material]:
    ids = np.array([0, 1], dtype=np.int32)
    items: list[Any] = [(Sequences(windows=(ids,), overlaps=(0,), kept=((0, 2),)),) for _ in range(N)]
    items[unreadable] = ()
    tokenised = {"train": TokenisedItems(items=items), "test": TokenisedItems(items=items)}
    return [material_of(fold, dataset_of(groups), targets, tokenised) for fold in DESIGN.each_fold()]


def test_folds_share_out_every_item_with_a_token_and_a_label_and_no_other() -> None:
    targets = targets_of()
    labelled = (targets[0].labels["train"] >= 0) | ~np.isnan(targets[1].labels["train"][:, 0])
    labelled[3] = False  # it has no token
    found = folds(targets)
    held = np.concatenate([one.eval_N for one in found])
    assert sorted(held.tolist()) == np.flatnonzero(labelled).tolist()
    for one in found:
        assert one.eval_source == "train"
        assert not set(one.train_N) & set(one.eval_N)
        assert sorted([*one.train_N, *one.eval_N]) == sorted(held.tolist())
        assert [name for name, *_ in one.scored()] == ["eval", "test"]


def unevenness(held: list[np.ndarray], targets: list[Target]) -> float:
    """Pearson's chi-square of folds by classes, and by fifths of the value, what is not known among them."""
    classes, values = (target.labels["train"] for target in targets)
    edges = np.nanquantile(values, [0.2, 0.4, 0.6, 0.8])
    fifths = np.where(np.isnan(values[:, 0]), -1, np.searchsorted(edges, values[:, 0]))
    total = 0.0
    for strata in (classes, fifths):
        counts = np.array([[(strata[rows] == each).sum() for each in np.unique(strata)] for rows in held])
        wanted = counts.sum(0) * np.array([[len(rows)] for rows in held]) / counts.sum()
        total += float(((counts - wanted) ** 2 / wanted).sum())
    return total


@pytest.mark.parametrize("is_grouped", [False, True])
def test_each_target_is_more_alike_in_all_folds_than_in_any_of_200_random_ones(is_grouped: bool) -> None:
    targets = targets_of()
    groups = np.repeat(np.arange(N // 3), 3) if is_grouped else np.arange(N)
    held = [one.eval_N for one in folds(targets, groups if is_grouped else None)]
    every = np.sort(np.concatenate(held))
    by_chance = []
    for seed in range(200):
        fold_of_group = np.random.default_rng(seed).permutation(np.arange(groups.max() + 1) % FOLDS)
        by_chance.append(
            unevenness([every[fold_of_group[groups[every]] == fold] for fold in range(FOLDS)], targets)
        )
    assert unevenness(held, targets) < min(by_chance)
    assert max(map(len, held)) - min(map(len, held)) <= (3 if is_grouped else 1)
    families = [set(groups[rows]) for rows in held]
    assert sum(map(len, families)) == len(set.union(*families))


def test_fewer_groups_than_folds_are_told() -> None:
    with pytest.raises(TrainingError, match=r"train has 2 groups .* too few for 4 folds \(set folds lower\)"):
        folds(targets_of(), np.arange(N) % 2)


def test_a_part_that_would_be_all_of_train_is_left_out() -> None:
    designs = [DESIGN, *(DESIGN.on(Subset(kind="size", amount=size, repeat=0)) for size in (0.5, 60, N))]
    left = applicable(designs, dataset_of(None), targets_of())
    assert [design.subset and design.subset.amount for design in left] == [None, 0.5, 60]
