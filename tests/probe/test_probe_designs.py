"""Cross-validation, subsets and the control of shuffled labels, from the store to the records."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from seqbench.catalog.records import ProbeRecord
from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.probe.heads.registry import HEADS
from seqbench.probe.items import items_of, items_of_labels
from seqbench.probe.spec import Subset
from seqbench.probe.trainings import applicable, trainings_of
from seqbench.probe.wanted import probes_a_layer, wanted_probes
from seqbench.store import Embeddings
from seqbench.stratification.folds import folds_of
from tests.probe.fake_head import CALLS
from tests.probe.stored import (
    LAYERS,
    SIZES,
    WITHOUT_EVAL,
    binary_store,
    design,
    metric,
    predicted,
    probe,
    store_with,
)


@pytest.fixture(autouse=True)
def _fake_head(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(HEADS, "fake", "tests.probe.fake_head:FakeHead")
    CALLS.clear()
    yield
    CALLS.clear()


@pytest.fixture
def entry(tmp_path: Path) -> Embeddings:
    return binary_store(tmp_path)


@pytest.fixture
def values(tmp_path: Path) -> Embeddings:
    rng = np.random.default_rng(1)
    labels = {name: rng.standard_normal((n_items, 2)) for name, n_items in WITHOUT_EVAL.items()}
    return store_with(tmp_path, Task.REGRESSION, labels)


def of(records: list[ProbeRecord], layer: int, fold: int | None) -> ProbeRecord:
    (found,) = [record for record in records if (record.layer, record.fold) == (layer, fold)]
    return found


def test_out_of_fold_predictions_are_those_of_a_plain_loop_over_the_same_folds(values: Embeddings) -> None:
    whole = of(probe(values, design(folds=4, seed=3)), 1, None)
    features = {split: values.load(1, split).reshape(-1, 12).astype(float) for split in ("train", "test")}
    targets = values.labels("train")
    fold = folds_of(targets, Task.REGRESSION, 4, seed=3)
    by_hand, test = np.empty_like(targets), []
    for f in range(4):
        model = LinearRegression().fit(features["train"][fold != f], targets[fold != f])
        by_hand[fold == f] = model.predict(features["train"][fold == f])
        test.append(model.predict(features["test"]))
    kept = predicted(whole, "eval")
    np.testing.assert_array_equal(kept.items, np.arange(200))
    np.testing.assert_array_equal(kept.targets, targets)
    np.testing.assert_allclose(kept.scores, by_hand, atol=1e-4)
    np.testing.assert_allclose(predicted(whole, "test").scores, np.mean(test, axis=0), atol=1e-4)


def test_without_eval_a_fold_is_chosen_and_scored_on_what_it_does_not_train_on(values: Embeddings) -> None:
    records = probe(values, design(folds=4, seed=3))
    fold = folds_of(values.labels("train"), Task.REGRESSION, 4, seed=3)
    for f in range(4):
        record = of(records, 0, f)
        assert [part.split for part in record.splits] == ["eval", "test"]
        np.testing.assert_array_equal(predicted(record, "eval").items, np.flatnonzero(fold == f))
        assert (record.n_train, record.folds, record.chosen_epoch) == (150, 4, 3)
    whole = of(records, 0, None)
    assert (whole.n_train, whole.folds, whole.chosen_epoch, whole.seconds) == (200, 4, None, 4.0)
    assert [part.split for part in whole.splits] == ["eval", "test"]


def test_with_eval_a_fold_is_chosen_on_it_and_its_own_items_are_scored_as_train(entry: Embeddings) -> None:
    records = probe(entry, design(folds=3))
    targets = items_of(entry).parts["train"].targets
    fold = folds_of(targets, Task.CLASSIFICATION, 3, seed=0)
    for f in range(3):
        record = of(records, 2, f)
        assert {part.split: part.n_items for part in record.splits} == {
            "train": (fold == f).sum(), "eval": SIZES["eval"], "test": SIZES["test"],
        }  # fmt: skip
        np.testing.assert_array_equal(predicted(record, "train").items, np.flatnonzero(fold == f))
    whole = of(records, 2, None)
    np.testing.assert_array_equal(predicted(whole, "train").targets, targets)
    assert metric(whole, "train", "roc_auc") > 0.99
    for split in ("eval", "test"):
        mean = np.mean([predicted(of(records, 2, f), split).scores for f in range(3)], axis=0)
        np.testing.assert_allclose(predicted(whole, split).scores, mean, atol=1e-6)


@pytest.mark.parametrize("sizes", [SIZES, WITHOUT_EVAL])
@pytest.mark.parametrize("shuffled", [False, True])
def test_no_item_is_trained_on_that_is_chosen_or_scored_by(tmp_path: Path, sizes, shuffled) -> None:
    entry = binary_store(tmp_path, sizes, layers=1)
    subset = Subset(kind="size", amount=0.5, repeat=0)
    probe(entry, *[design(shuffled=shuffled, **given) for given in ({}, {"folds": 4}, {"subset": subset})])
    for _, fits in CALLS:
        for fit in fits:
            rows = [{tuple(row) for row in data.features_LNH[0].tolist()} for data in fit.splits.values()]
            assert not rows[0] & rows[1]
            assert not rows[0] & rows[2]
            assert not rows[1] & rows[2]


@pytest.mark.parametrize("sizes", [SIZES, WITHOUT_EVAL])
def test_a_held_out_fold_is_predicted_by_the_training_without_it(tmp_path: Path, sizes) -> None:
    (task, items) = (Task.CLASSIFICATION, items_of(binary_store(tmp_path, sizes, layers=1)))
    trainings = trainings_of(design(folds=5), items)
    every = []
    for training in trainings:
        held = training.held_out or training.evaluation
        assert not set(training.train.rows_N) & set(held.rows_N)
        assert len(training.train) + len(held) == 200
        assert training.fault(task) is None
        every += held.rows_N.tolist()
    assert sorted(every) == list(range(200))


def test_a_failed_fold_fails_all_folds_together_and_is_named(
    entry: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.probe.fake_head import FakeHead, FittedHead

    fit = FakeHead.fit

    def one_dies(self, problem, fits, *, advance):
        outcomes = fit(self, problem, fits, advance=advance)
        outcomes[1][2] = FittedHead(layer_index=2, error="diverged")
        return outcomes

    monkeypatch.setattr(FakeHead, "fit", one_dies)
    records = probe(entry, design(folds=3))
    failed = {(record.layer, record.fold): record.error for record in records if record.status == "failed"}
    assert failed == {(2, 1): "diverged", (2, None): "fold 1: diverged"}


def test_a_missing_fold_is_trained_alone_and_missing_all_folds_together_train_every_fold(
    entry: Embeddings,
) -> None:
    cross = design(folds=3)
    wanted = wanted_probes(entry, range(LAYERS), [cross])
    assert len(wanted) == 4 * LAYERS == LAYERS * probes_a_layer([cross])
    known = {each.hash for each in wanted if not (each.fold == 1 and each.layer == 2)}
    (record,) = probe(entry, cross, known=frozenset(known))
    assert (record.layer, record.fold) == (2, 1)
    assert len(CALLS[-1][1]) == 1
    known = {each.hash for each in wanted if not (each.fold is None and each.layer == 2)}
    (record,) = probe(entry, cross, known=frozenset(known))
    assert (record.layer, record.fold, record.status) == (2, None, "ok")
    assert [len(fit.train.features_LNH) for fit in CALLS[-1][1]] == [1, 1, 1]


def test_folds_of_a_layer_share_their_variant_which_no_other_number_of_folds_has(entry: Embeddings) -> None:
    records = probe(entry, design(folds=2), design(folds=3), design())
    variants = {folds: {r.variant for r in records if r.folds == folds} for folds in (None, 2, 3)}
    assert [len(found) for found in variants.values()] == [1, 1, 1]
    assert len(set.union(*variants.values())) == 3


def test_a_fold_that_leaves_one_class_fails_alone_with_the_way_out(tmp_path: Path) -> None:
    labels = {name: np.array([0] * (n - 1) + [1]) for name, n in SIZES.items()}
    records = probe(store_with(tmp_path, Task.CLASSIFICATION, labels), design(folds=4))
    failed = [record for record in records if record.status == "failed"]
    assert len(failed) == 2 * LAYERS
    assert "only one class is among the 150 items it would be trained on" in str(failed[0].error)
    assert len({record.fold for record in failed}) == 2


def test_more_folds_than_items_fail_without_a_training(tmp_path: Path) -> None:
    entry = binary_store(tmp_path, {"train": 4, "eval": 10, "test": 10}, layers=1)
    records = probe(entry, design(folds=6), design())
    failed = [record.error for record in records if record.status == "failed"]
    assert "4 items of train do not fill 6 folds (set folds lower)" in failed
    assert records[-1].status == "ok"


def test_a_subset_is_drawn_from_train_and_leaves_eval_and_test_whole(entry: Embeddings) -> None:
    subsets = [Subset(kind="few-shot", amount=5, repeat=r) for r in (0, 1)]
    subsets.append(Subset(kind="size", amount=0.1, repeat=0))
    records = probe(entry, *[design(subset=subset) for subset in subsets])
    described = [(r.subset, r.repeat, r.n_train) for r in records if r.layer == 0]
    assert described == [("few-shot 5", 0, 10), ("few-shot 5", 1, 10), ("size 0.1", 0, 20)]
    assert {part.n_items for record in records for part in record.splits} == {SIZES["eval"], SIZES["test"]}
    assert len({record.variant for record in records}) == 2


def test_without_eval_it_is_held_out_before_a_subset_is_drawn(tmp_path: Path) -> None:
    items = items_of(binary_store(tmp_path, WITHOUT_EVAL, layers=1))
    (plain,) = trainings_of(design(), items)
    (part,) = trainings_of(design(subset=Subset(kind="size", amount=100, repeat=0)), items)
    np.testing.assert_array_equal(part.evaluation.rows_N, plain.evaluation.rows_N)
    assert set(part.train.rows_N) <= set(plain.train.rows_N)
    assert len(part.train) == 100


def test_subsets_that_would_be_all_of_train_are_no_probes(tmp_path: Path) -> None:
    entry = binary_store(tmp_path, WITHOUT_EVAL, layers=1)  # 180 items, 90 a class, are left to train on
    amounts = [("few-shot", 89), ("few-shot", 90), ("size", 179), ("size", 180), ("size", 0.999)]
    designs = [design(subset=Subset(kind=kind, amount=amount, repeat=0)) for kind, amount in amounts]
    wanted = wanted_probes(entry, [0], designs)
    assert [probe.design.subset.amount for probe in wanted if probe.design.subset] == [89, 179]
    labels = {name: entry.labels(name) for name in WITHOUT_EVAL}
    before = applicable(designs, items_of_labels(Task.CLASSIFICATION, labels, {}))
    assert len(before) == 2


def test_the_control_learns_permuted_labels_and_is_scored_on_true_ones(entry: Embeddings) -> None:
    real, control = probe(entry, design())[2], probe(entry, design(shuffled=True))[2]
    assert (real.control, control.control) == (None, "shuffled-labels")
    assert real.variant != control.variant
    np.testing.assert_array_equal(predicted(control, "test").targets, predicted(real, "test").targets)
    shuffled = predicted(control, "eval").targets
    np.testing.assert_array_equal(np.sort(shuffled), np.sort(predicted(real, "eval").targets))
    assert not np.array_equal(shuffled, predicted(real, "eval").targets)
    assert metric(real, "test", "roc_auc") > 0.99
    assert metric(control, "test", "accuracy") < 0.8
    ((_, (fit,)),) = CALLS[1:]
    assert np.bincount(fit.train.targets).tolist() == [100, 100]
    assert 0.35 < (fit.train.targets == items_of(entry).parts["train"].targets).mean() < 0.65


@pytest.mark.parametrize("sizes", [SIZES, WITHOUT_EVAL])
def test_the_controls_folds_keep_their_classes_and_an_item_its_wrong_label(tmp_path: Path, sizes) -> None:
    items = items_of(binary_store(tmp_path, sizes, layers=1))
    real, control = (trainings_of(design(folds=4, shuffled=on), items) for on in (False, True))
    label: dict[int, int] = {}
    for mine, theirs in zip(control, real, strict=True):
        np.testing.assert_array_equal(mine.train.rows_N, theirs.train.rows_N)
        assert np.bincount(mine.train.targets).tolist() == np.bincount(theirs.train.targets).tolist()
        for row, target in zip(mine.train.rows_N.tolist(), mine.train.targets.tolist(), strict=True):
            assert label.setdefault(row, target) == target
    assert len(label) == 200


def test_a_few_shot_control_has_so_many_items_of_each_class(entry: Embeddings) -> None:
    subset = Subset(kind="few-shot", amount=5, repeat=0)
    (training,) = trainings_of(design(subset=subset, shuffled=True), items_of(entry))
    assert np.bincount(training.train.targets).tolist() == [5, 5]


def test_labels_and_several_targets_can_be_cross_validated(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = {name: rng.integers(0, 2, (n_items, 3)) for name, n_items in SIZES.items()}
    records = probe(store_with(tmp_path, Task.LABELS, labels), design(folds=3, shuffled=False))
    assert {record.status for record in records} == {"ok"}
    assert metric(of(records, 2, None), "train", "roc_auc") > 0.95


def test_too_few_items_to_hold_any_out_are_refused_with_the_way_out(tmp_path: Path) -> None:
    labels = {"train": np.array([0, 1]), "test": np.array([0, 1])}
    with pytest.raises(ProbeError, match="add an eval split"):
        probe(store_with(tmp_path, Task.CLASSIFICATION, labels), design())
