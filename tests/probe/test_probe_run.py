"""Probes from the store: what is trained together, what is known, and what the records hold."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, roc_auc_score

from seqbench.core.combining import COMBINES, combined, n_vectors
from seqbench.core.missing import MISSING_CLASS
from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.networks.combining import combined as in_torch
from seqbench.probe import run
from seqbench.probe.features import Features
from seqbench.probe.heads.registry import HEADS
from seqbench.probe.items import items_of
from seqbench.probe.spec import Subset
from seqbench.probe.wanted import wanted_probes
from seqbench.store import Block, Embeddings, ItemFacts, LayerRows
from tests.probe.fake_head import CALLS
from tests.probe.stored import (
    LAYERS,
    SIZES,
    WITHOUT_EVAL,
    binary,
    binary_store,
    design,
    metric,
    predicted,
    probe,
    store_with,
)

MLP = {
    "hidden": (16,), "dropout": 0.0, "activation": "relu", "norm": "none", "lr": 1e-2, "weight_decay": 0.0,
    "batch_size": 32, "accumulate": 1, "epochs": 10, "steps": None, "patience": None, "warmup": 0.0,
    "decay": "constant", "clip": None, "class_loss": "cross_entropy", "focal_gamma": 2.0, "focal_alpha": None,
    "label_smoothing": 0.0, "value_loss": "huber", "standardize": True, "checkpoint_steps": None,
    "class_weights": "none", "choose_epoch": "best",
}  # fmt: skip
LINEAR = {"strengths": None, "class_weights": "none"}


@pytest.fixture(autouse=True)
def _fake_head(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(HEADS, "fake", "tests.probe.fake_head:FakeHead")
    CALLS.clear()
    yield
    CALLS.clear()


@pytest.fixture
def entry(tmp_path: Path) -> Embeddings:
    return binary_store(tmp_path)


def test_scores_are_those_of_scikit_learn_on_the_stored_predictions(entry: Embeddings) -> None:
    for record in probe(entry, design("mlp", settings=MLP), design("linear", settings=LINEAR)):
        for kept in record.predictions:
            positive = kept.scores[:, 1]
            assert metric(record, kept.split, "roc_auc") == pytest.approx(
                roc_auc_score(kept.targets, positive)
            )
            chosen = kept.scores.argmax(axis=1)
            assert metric(record, kept.split, "accuracy") == pytest.approx(
                accuracy_score(kept.targets, chosen)
            )


def test_the_layer_that_holds_the_labels_is_the_one_that_scores(entry: Embeddings) -> None:
    by_layer = [metric(record, "test", "roc_auc") for record in probe(entry, design())]
    assert by_layer[0] < 0.65
    assert by_layer[2] > 0.99


def test_what_is_known_is_not_trained_again(entry: Embeddings) -> None:
    designs = [design(), design(seed=1)]
    hashes = [wanted.hash for wanted in wanted_probes(entry, range(LAYERS), designs)]
    assert len(set(hashes)) == 6
    left = probe(entry, *designs, known=frozenset(hashes[1:]))
    assert [(record.layer, record.seed) for record in left] == [(0, 0)]
    CALLS.clear()
    assert probe(entry, *designs, known=frozenset(hashes)) == []
    assert CALLS == []


def test_how_often_training_is_saved_makes_no_other_probe(entry: Embeddings) -> None:
    often, never = (design("mlp", settings=MLP | {"checkpoint_steps": steps}) for steps in (5, None))
    first, second = wanted_probes(entry, [0], [often, never])
    assert first.hash == second.hash


def test_a_probe_is_the_same_whether_its_layer_is_trained_alone_or_with_others(entry: Embeddings) -> None:
    mlp = design("mlp", settings=MLP)
    together = {record.layer: record for record in probe(entry, mlp)}
    known = frozenset(wanted.hash for wanted in wanted_probes(entry, [0, 2], [mlp]))
    (alone,) = probe(entry, mlp, known=known)
    for mine, theirs in zip(alone.predictions, together[1].predictions, strict=True):
        np.testing.assert_allclose(mine.scores, theirs.scores, atol=1e-5)


def test_layers_of_one_model_share_their_variant_and_other_settings_do_not(entry: Embeddings) -> None:
    records = probe(entry, design(), design(combine="mean"))
    assert [len({r.variant for r in records[:3]}), len({r.variant for r in records})] == [1, 2]


def test_sequences_of_an_item_stand_side_by_side_or_are_averaged(entry: Embeddings) -> None:
    stored = entry.load(1, "test")
    part = items_of(entry).parts["test"]
    concat = Features(entry, [1], "concat").data([1], part).features_LNH[0]
    mean = Features(entry, [1], "mean").data([1], part).features_LNH[0]
    np.testing.assert_array_equal(concat, np.concatenate([stored[:, 0], stored[:, 1]], axis=1))
    np.testing.assert_allclose(mean, stored.mean(axis=1), rtol=1e-6)
    a, b = stored[:, 0], stored[:, 1]
    delta = Features(entry, [1], "ref_delta").data([1], part).features_LNH[0]
    np.testing.assert_array_equal(delta, np.concatenate([a, b - a], axis=1))
    symmetric = Features(entry, [1], "symmetric").data([1], part).features_LNH[0]
    np.testing.assert_array_equal(symmetric, np.concatenate([a + b, np.abs(a - b)], axis=1))
    for how in COMBINES:
        rows = torch.from_numpy(stored.copy())
        np.testing.assert_allclose(combined(stored, how), in_torch(rows, how).numpy(), rtol=1e-6)
        assert combined(stored, how).shape[1] == n_vectors(how, 2) * stored.shape[2]
    with pytest.raises(ValueError, match="items have 3"):
        combined(np.zeros((1, 3, 2), np.float32), "symmetric")


def test_items_that_extraction_left_out_are_in_no_split(entry: Embeddings) -> None:
    facts = entry.items("train")
    facts.coverage_NS[5, 1] = 0
    facts.coverage_NS[7] = np.nan  # unknown, as of imported embeddings
    span = ItemFacts(
        tokens_NS=facts.tokens_NS[:64], windows_NS=facts.windows_NS[:64],
        coverage_NS=facts.coverage_NS[:64], hash_N=facts.hash_N[:64],
    )  # fmt: skip
    rows = [entry.load(layer, "train")[:64] for layer in range(LAYERS)]
    for layer in range(LAYERS):
        rows[layer][5] = np.nan
    layers = [LayerRows(layer=layer, rows_NSH=rows[layer]) for layer in range(LAYERS)]
    entry.write_block("train", Block(0, 0, 64), layers, span)
    assert 5 not in items_of(entry).parts["train"].rows_N
    assert 7 in items_of(entry).parts["train"].rows_N
    records = probe(entry, design())
    assert {(record.status, record.n_train) for record in records} == {("ok", SIZES["train"] - 1)}


def test_without_eval_a_tenth_of_train_is_held_out_and_not_trained_on(tmp_path: Path) -> None:
    entry = binary_store(tmp_path, WITHOUT_EVAL)
    record = probe(entry, design())[0]
    held = predicted(record, "eval")
    assert (record.n_train, len(held.items)) == (180, 20)
    assert sorted(np.bincount(held.targets)) == [10, 10]
    (fit,) = CALLS[0][1]
    trained_on = {tuple(row) for row in fit.train.features_LNH[0].tolist()}
    stored = entry.load(0, "train").reshape(200, -1)
    assert not any(tuple(row) in trained_on for row in stored[held.items].tolist())


def test_regression_is_scored_in_the_units_of_its_targets(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    labels = {name: 100 + 10 * rng.standard_normal((n_items, 2)) for name, n_items in SIZES.items()}
    record = probe(store_with(tmp_path, Task.REGRESSION, labels), design("linear", settings=LINEAR))[2]
    test = predicted(record, "test")
    by_hand = np.mean([spearmanr(test.targets[:, k], test.scores[:, k]).statistic for k in range(2)])
    assert metric(record, "test", "spearmanr") == pytest.approx(by_hand)
    assert abs(test.scores.mean() - 100) < 5


def test_one_class_in_train_is_refused_with_its_name(tmp_path: Path) -> None:
    labels = {name: np.full(n_items, 3) for name, n_items in SIZES.items()}
    with pytest.raises(ProbeError, match="m/d: train holds only class 3, nothing to tell apart"):
        probe(store_with(tmp_path, Task.CLASSIFICATION, labels), design())


def test_all_seeds_subsets_and_controls_of_a_head_are_trained_in_one_call(entry: Embeddings) -> None:
    subset = Subset(kind="few-shot", amount=5, repeat=0)
    designs = [
        design(seed=seed, subset=part, shuffled=shuffled)
        for seed in (0, 1)
        for part in (None, subset)
        for shuffled in (False, True)
    ]
    records = probe(entry, *designs, design(folds=3))
    assert len(records) == 8 * LAYERS + 4 * LAYERS
    ((_, fits),) = CALLS
    assert [fit.train.n_items for fit in fits[:8]] == [200, 200, 10, 10] * 2
    assert sorted(fit.train.n_items for fit in fits[8:]) == [133, 133, 134]


def test_parts_of_the_same_items_share_their_features(entry: Embeddings) -> None:
    subset = Subset(kind="few-shot", amount=5, repeat=0)
    probe(entry, *[design(subset=part, shuffled=on) for part in (None, subset) for on in (False, True)])
    ((_, fits),) = CALLS
    for real, shuffled in (fits[:2], fits[2:]):
        assert np.shares_memory(real.train.features_LNH, shuffled.train.features_LNH)
    assert np.shares_memory(fits[0].test.features_LNH, fits[2].test.features_LNH)


def test_little_memory_means_more_calls_and_the_same_results(entry: Embeddings) -> None:
    designs = [design(seed=0), design(seed=1, folds=3), design("fake", settings={"fails": ("none",)})]
    whole = probe(entry, *designs)
    CALLS.clear()
    parts = probe(entry, *designs, memory_bytes=60_000)
    assert len(CALLS) > 4
    key = {record.spec_hash: record for record in parts}
    assert key.keys() == {record.spec_hash for record in whole}
    for record in whole:
        np.testing.assert_allclose(
            predicted(key[record.spec_hash], "test").scores, predicted(record, "test").scores, atol=1e-6
        )


def test_features_and_copies_take_half_of_the_memory_and_heads_are_told_the_rest(entry: Embeddings) -> None:
    width, stored = 2 * 6 * 4, sum(SIZES.values())
    budget = 2 * (width * (2 * stored + SIZES["train"]) + 2 * 2 * 4 * 180)
    probe(entry, design(), memory_bytes=budget * 16 // 15 + 1)  # a sixteenth is kept back
    assert [len(fits[0].train.features_LNH) for _, fits in CALLS] == [2, 1]
    CALLS.clear()
    probe(entry, design(), memory_bytes=1 << 30)
    assert CALLS[0][0].resources.memory_bytes == (15 << 26) - LAYERS * (width * stored + 2 * 4 * 180)


def test_each_layer_is_read_once_for_all_heads_and_designs(
    entry: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    load = Embeddings.load
    monkeypatch.setattr(Embeddings, "load", lambda *given: read.append(given[1:]) or load(*given))
    probe(entry, design(), design(seed=1, folds=2), design("linear", settings=LINEAR))
    assert sorted(read) == sorted((layer, split) for layer in range(LAYERS) for split in SIZES)


def test_progress_counts_probes_whatever_is_trained_for_them(entry: Embeddings) -> None:
    designs = [design(), design(folds=3), design(settings={"fails": ("few",)})]
    wanted = wanted_probes(entry, range(LAYERS), designs)
    for known in ([], [each.hash for each in wanted if each.fold == 1]):
        done: list[float] = []
        records = probe(entry, *designs, known=frozenset(known), advance=done.append)
        assert len(records) == len(wanted) - len(known)
        assert sum(done) == pytest.approx(len(records))


def test_a_head_without_enough_memory_is_called_with_less_at_once(entry: Embeddings) -> None:
    hungry = {"fails": ("few",)}
    records = probe(entry, design(settings=hungry), design(settings=hungry, seed=1))
    assert {record.status for record in records} == {"ok"}
    plain = probe(entry, design(), design(seed=1))
    for record, same in zip(records, plain, strict=True):
        np.testing.assert_array_equal(predicted(record, "test").scores, predicted(same, "test").scores)


def test_a_probe_that_fits_no_memory_fails_and_the_others_go_on(
    entry: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.probe.fake_head import FakeHead

    fit = FakeHead.fit

    def too_large(self, problem, fits, *, advance):
        if any(fit.seed == 1 for fit in fits):
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB\nmore")
        return fit(self, problem, fits, advance=advance)

    monkeypatch.setattr(FakeHead, "fit", too_large)
    records = probe(entry, design(), design(seed=1))
    assert [record.status for record in records] == ["ok"] * 3 + ["failed"] * 3
    assert records[3].error == (
        "out of memory (CUDA out of memory. Tried to allocate 20.00 MiB); set probe.memory lower"
    )


def test_a_bug_in_a_head_is_raised(entry: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object, **named: object) -> None:
        raise RuntimeError("device-side assert")

    monkeypatch.setattr("tests.probe.fake_head.FakeHead.fit", broken)
    with pytest.raises(RuntimeError, match="device-side assert"):
        probe(entry, design())


def test_a_dead_layer_is_recorded_with_its_error_and_the_rest_is_scored(entry: Embeddings) -> None:
    records = probe(entry, design(settings={"fails": ("layer 1",)}))
    assert [(record.status, record.error) for record in records] == [
        ("ok", None),
        ("failed", "diverged"),
        ("ok", None),
    ]
    assert (records[1].splits, records[1].predictions) == ((), ())


def test_predictions_that_cannot_be_scored_are_a_failure(
    entry: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tests.probe.fake_head as fake

    monkeypatch.setattr(fake.np, "clip", lambda values, low, high: values * np.nan)
    record = probe(entry, design())[0]
    assert record.status == "failed"
    assert "NaN" in str(record.error)


def test_heads_are_kept_and_those_that_are_missing_are_trained_again(entry: Embeddings) -> None:
    kept: dict[str, int] = {}

    def save(wanted, outcome, problem, thresholds):
        assert outcome.state is not None
        kept[wanted.hash] = wanted.layer
        return f"{wanted.layer}/{wanted.hash}"

    designs = [design(), design(folds=2)]
    options = {"save": save, "is_kept": lambda wanted: wanted.hash in kept}
    records = probe(entry, *designs, **options)
    assert {record.saved is None for record in records if record.folds and record.fold is None} == {True}
    assert {f"{record.layer}/{record.spec_hash}" == record.saved for record in records if record.saved} == {
        True
    }
    assert len(kept) == 3 * LAYERS
    known = frozenset(record.spec_hash for record in records)
    assert probe(entry, *designs, known=known, **options) == []
    lost = next(record for record in records if record.fold == 1 and record.layer == 2)
    del kept[lost.spec_hash]
    (again,) = probe(entry, *designs, known=known, **options)
    assert (again.spec_hash, again.saved) == (lost.spec_hash, lost.saved)


def test_checkpoints_are_named_by_what_is_trained_together(entry: Embeddings, tmp_path: Path) -> None:
    folder = tmp_path / "states"
    often = {"checkpoint_steps": 5}
    for designs in ([design(settings=often)], [design(settings=often, seed=1)], [design(settings=often)]):
        probe(entry, *designs, checkpoints=folder)
    first, second, again = (head.resources.checkpoint for head, _ in CALLS)
    assert first is not None
    assert first.parent == folder
    assert first == again != second
    CALLS.clear()
    probe(entry, design(), checkpoints=folder)
    assert CALLS[0][0].resources.checkpoint is None


def test_thresholds_are_chosen_on_eval_and_kept(entry: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def choose(task, targets, predictions, name):
        asked.append((targets, predictions, name))
        return (0.25,)

    monkeypatch.setattr("seqbench.probe.outcome.choose_thresholds", choose)
    assert {record.thresholds for record in probe(entry, design())} == {None}
    assert asked == []
    records = probe(entry, design(threshold="f1"))
    assert {record.thresholds for record in records} == {(0.25,)}
    for record, (targets, predictions, name) in zip(records, asked, strict=True):
        assert name == "f1"
        np.testing.assert_array_equal(targets, predicted(record, "eval").targets)
        np.testing.assert_array_equal(predictions, predicted(record, "eval").scores)


def test_nothing_is_loaded_where_nothing_is_missing(
    entry: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = frozenset(wanted.hash for wanted in wanted_probes(entry, range(LAYERS), [design()]))
    monkeypatch.setattr(run, "items_of", None)
    assert probe(entry, design(), known=known) == []


@pytest.mark.parametrize("head", ["linear", "fake"])
def test_items_without_a_label_count_in_no_training_and_no_score(tmp_path: Path, head: str) -> None:
    labels = {split: binary(count) for split, count in SIZES.items()}
    for values in labels.values():
        values[::5] = MISSING_CLASS
    entry = store_with(tmp_path, Task.CLASSIFICATION, labels)
    record = probe(entry, design(head, settings=LINEAR if head == "linear" else {}))[-1]
    assert (record.status, record.n_train) == ("ok", 160)
    kept = predicted(record, "test")
    assert kept.items.tolist() == [item for item in range(100) if item % 5]
    assert metric(record, "test", "accuracy") == accuracy_score(kept.targets, kept.scores.argmax(axis=1))


def test_a_split_without_any_label_is_named(tmp_path: Path) -> None:
    labels = {split: binary(count) for split, count in SIZES.items()}
    labels["test"][:] = MISSING_CLASS
    entry = store_with(tmp_path, Task.CLASSIFICATION, labels)
    with pytest.raises(ProbeError, match="m/d: no item of test has a label"):
        probe(entry, design())


def test_missing_labels_at_random_change_no_score_by_more_than_its_interval(tmp_path: Path) -> None:
    everything = {split: binary(400) for split in SIZES}
    heard = {split: (labels == 7) / 2 for split, labels in everything.items()}
    lost = np.random.default_rng(5).random(400) < 0.2
    some = {split: np.where(lost, MISSING_CLASS, labels) for split, labels in everything.items()}
    found = []
    for name, labels in (("all", everything), ("some", some)):
        entry = store_with(tmp_path / name, Task.CLASSIFICATION, labels, signal=heard)
        found.append(probe(entry, design("linear", settings=LINEAR))[1])
    pairs = zip(*(each.splits[-1].metrics for each in found), strict=True)
    measured = [(whole, thinned) for whole, thinned in pairs if whole.low is not None]
    assert {whole.metric for whole, _ in measured} >= {"accuracy", "roc_auc", "mcc"}
    assert all(whole.low <= thinned.value <= whole.high for whole, thinned in measured)
