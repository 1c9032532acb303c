"""Probes from the store: what is trained, what is known, and what the records hold."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, roc_auc_score

from seqbench.catalog.records import ProbeRecord
from seqbench.errors import ProbeError
from seqbench.identity import ModelIdentity
from seqbench.probe.features import Features, layer_groups, rows_of
from seqbench.probe.run import run_probes, wanted_probes
from seqbench.probe.spec import Design
from seqbench.store import Block, EmbeddingFacts, Embeddings, ItemFacts, LayerRows, SplitFacts, create_store
from seqbench.vocabulary import SplitName, Task

SIZES: dict[SplitName, int] = {"train": 200, "eval": 80, "test": 100}
LAYERS = 3
MLP = {
    "hidden": (16,), "dropout": 0.0, "lr": 1e-2, "batch_size": 32, "epochs": 10, "standardize": True,
    "choose_epoch": "best",
}  # fmt: skip


def store_with(
    folder: Path, task: Task, labels: dict[SplitName, np.ndarray], sizes: dict[SplitName, int] = SIZES
) -> Embeddings:
    """Embeddings of two sequences an item; layer l holds the labels l times as loud as the noise."""
    splits = {name: SplitFacts(n_items=n, sha256=name, block_rows=64) for name, n in sizes.items()}
    classes = tuple(np.unique(labels["train"]).tolist()) if task is Task.CLASSIFICATION else ()
    facts = EmbeddingFacts(
        task=task, n_seqs=2, n_targets=labels["train"].shape[1] if labels["train"].ndim == 2 else 1, hidden=6,
        classes=classes, alphabet="dna", ceiling=None, group=None, settings={}, versions={}, splits=splits,
    )  # fmt: skip
    identity = ModelIdentity(
        name="m", kind="huggingface", path=None, revision=None, fingerprint="f", n_layers=LAYERS, hidden=6
    )
    entry = create_store(folder / "s.zarr").require(identity, "d", facts)
    rng = np.random.default_rng(0)
    for name, n_items in sizes.items():
        entry.prepare(name, labels[name], range(LAYERS))
        signal = labels[name].reshape(n_items, -1).astype(float)
        rows = rng.standard_normal((LAYERS, n_items, 2, 6)).astype(np.float32)
        for layer in range(LAYERS):
            rows[layer, :, 0, : signal.shape[1]] += 2 * layer * signal
        for block in entry.missing_blocks(name, range(LAYERS)):
            span = slice(block.start, block.stop)
            count = block.stop - block.start
            nothing = ItemFacts(
                tokens_NS=np.ones((count, 2), np.int64), windows_NS=np.ones((count, 2), np.int32),
                coverage_NS=np.ones((count, 2), np.float32), hash_N=np.ones(count, np.uint64),
            )  # fmt: skip
            layers = [LayerRows(layer=layer, rows_NSH=rows[layer, span]) for layer in range(LAYERS)]
            entry.write_block(name, block, layers, nothing)
    return entry


def binary(n_items: int) -> np.ndarray:
    return np.where(np.arange(n_items) % 2, 7, 3)  # classes that are no indices


@pytest.fixture
def entry(tmp_path: Path) -> Embeddings:
    labels = {name: binary(n_items) for name, n_items in SIZES.items()}
    return store_with(tmp_path, Task.CLASSIFICATION, labels)


def design(head: str = "mlp", seed: int = 0, combine: str = "concat") -> Design:
    return Design(head=head, settings=MLP if head == "mlp" else {}, seed=seed, combine=combine)


def probe(entry: Embeddings, *designs: Design, known: frozenset[str] = frozenset()) -> list[ProbeRecord]:
    batches = run_probes(entry, range(LAYERS), designs, known=known, run_id="r", advance=lambda amount: None)
    return [record for batch in batches for record in batch]


def metric(record: ProbeRecord, split: str, name: str) -> float:
    (found,) = [part for part in record.splits if part.split == split]
    (score,) = [score for score in found.metrics if score.metric == name]
    assert score.value is not None
    return score.value


def test_scores_are_those_of_scikit_learn_on_the_stored_predictions(entry: Embeddings) -> None:
    for record in probe(entry, design(), design("linear")):
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
    by_layer = [metric(record, "test", "roc_auc") for record in probe(entry, design("linear"))]
    assert by_layer[0] < 0.65
    assert by_layer[2] > 0.99


def test_what_is_known_is_not_trained_again(entry: Embeddings) -> None:
    designs = [design(), design(seed=1)]
    hashes = [wanted.hash for wanted in wanted_probes(entry, range(LAYERS), designs)]
    assert len(set(hashes)) == 6
    left = probe(entry, *designs, known=frozenset(hashes[1:]))
    assert [(record.layer, record.seed) for record in left] == [(0, 0)]
    assert probe(entry, *designs, known=frozenset(hashes)) == []


def test_a_probe_is_the_same_whether_its_layer_is_trained_alone_or_with_others(entry: Embeddings) -> None:
    together = {record.layer: record for record in probe(entry, design())}
    known = frozenset(wanted.hash for wanted in wanted_probes(entry, [0, 2], [design()]))
    (alone,) = probe(entry, design(), known=known)
    for mine, theirs in zip(alone.predictions, together[1].predictions, strict=True):
        np.testing.assert_allclose(mine.scores, theirs.scores, atol=1e-5)


def test_layers_of_one_model_share_their_variant_and_other_settings_do_not(entry: Embeddings) -> None:
    records = probe(entry, design("linear"), design("linear", combine="mean"))
    assert [len({r.variant for r in records[:3]}), len({r.variant for r in records})] == [1, 2]


def test_sequences_of_an_item_stand_side_by_side_or_are_averaged(entry: Embeddings) -> None:
    stored = entry.load(1, "test")
    rows = rows_of(entry, seed=0)["test"]
    concat = Features(entry, [1], "concat").data([1], rows).features_LNH[0]
    mean = Features(entry, [1], "mean").data([1], rows).features_LNH[0]
    np.testing.assert_array_equal(concat, np.concatenate([stored[:, 0], stored[:, 1]], axis=1))
    np.testing.assert_allclose(mean, stored.mean(axis=1), rtol=1e-6)


def test_items_that_extraction_left_out_are_in_no_split(entry: Embeddings) -> None:
    facts = entry.items("train")
    facts.coverage_NS[5, 1] = 0
    facts.coverage_NS[7] = np.nan  # unknown, as of imported embeddings
    block = Block(0, 0, 64)
    span = ItemFacts(
        tokens_NS=facts.tokens_NS[:64], windows_NS=facts.windows_NS[:64],
        coverage_NS=facts.coverage_NS[:64], hash_N=facts.hash_N[:64],
    )  # fmt: skip
    rows = [entry.load(layer, "train")[:64] for layer in range(LAYERS)]
    for layer in range(LAYERS):
        rows[layer][5] = np.nan
    layers = [LayerRows(layer=layer, rows_NSH=rows[layer]) for layer in range(LAYERS)]
    entry.write_block("train", block, layers, span)
    assert 5 not in rows_of(entry, seed=0)["train"].rows_N
    assert 7 in rows_of(entry, seed=0)["train"].rows_N
    records = probe(entry, design())
    assert {(record.status, record.n_train) for record in records} == {("ok", SIZES["train"] - 1)}


def test_without_eval_a_tenth_of_train_is_held_out_and_not_trained_on(tmp_path: Path) -> None:
    sizes: dict[SplitName, int] = {"train": 200, "test": 100}
    labels = {name: binary(n_items) for name, n_items in sizes.items()}
    entry = store_with(tmp_path, Task.CLASSIFICATION, labels, sizes)
    record = probe(entry, design("linear"))[0]
    held = next(kept for kept in record.predictions if kept.split == "eval")
    assert (record.n_train, len(held.items)) == (180, 20)
    assert sorted(np.bincount(held.targets)) == [10, 10]
    np.testing.assert_array_equal(held.items, rows_of(entry, seed=0)["eval"].rows_N)


def test_regression_is_scored_in_the_units_of_its_targets(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    labels = {name: 100 + 10 * rng.standard_normal((n_items, 2)) for name, n_items in SIZES.items()}
    record = probe(store_with(tmp_path, Task.REGRESSION, labels), design("linear"))[2]
    test = next(kept for kept in record.predictions if kept.split == "test")
    by_hand = np.mean([spearmanr(test.targets[:, k], test.scores[:, k]).statistic for k in range(2)])
    assert metric(record, "test", "spearmanr") == pytest.approx(by_hand)
    assert abs(test.scores.mean() - 100) < 5


def test_one_class_in_train_is_refused_with_its_name(tmp_path: Path) -> None:
    labels = {name: np.full(n_items, 3) for name, n_items in SIZES.items()}
    with pytest.raises(ProbeError, match="m/d: train holds only class 3, nothing to tell apart"):
        probe(store_with(tmp_path, Task.CLASSIFICATION, labels), design("linear"))


def test_layers_are_read_in_groups_that_fit_into_memory(
    entry: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = probe(entry, design("linear"))
    monkeypatch.setattr("seqbench.probe.features.FEATURE_BYTES", 2 * 380 * 12 * 4)
    assert layer_groups(entry, [0, 1, 2], "concat") == [(0, 1), (2,)]
    parts = probe(entry, design("linear"))
    assert [r.spec_hash for r in parts] == [r.spec_hash for r in whole]
    assert [metric(r, "test", "roc_auc") for r in parts] == [metric(r, "test", "roc_auc") for r in whole]
