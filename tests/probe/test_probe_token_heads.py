"""Heads on tokens: a motif's place is found, batches are those of plan and seed, whatever is held."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqbench.config.tokens import TOKEN_HEADS
from seqbench.core.identity import ModelIdentity
from seqbench.core.types import Task
from seqbench.probe.heads.base import FittedHead, Problem
from seqbench.probe.heads.registry import predict
from seqbench.probe.items import items_of
from seqbench.probe.token_heads import stream
from seqbench.probe.token_heads.state import TokenPredictor, settings_of
from seqbench.probe.token_heads.stream import TokenBatches, TokenItems
from seqbench.probe.token_heads.training import TokenFit
from seqbench.store import (
    EmbeddingFacts,
    ItemFacts,
    LayerTokens,
    SplitFacts,
    TokenEmbeddings,
    create_store,
)
from seqbench.store.layout import blocks
from seqbench.training.checkpoint import Checkpoint

N = {"train": 240, "eval": 60, "test": 120}
H = 4


def planted(split: str, task: Task = Task.CLASSIFICATION) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences of one-hot tokens; class 1 where A stands right before B, class 0 where B before A."""
    rng = np.random.default_rng([*split.encode()])
    sequences, labels = [], np.arange(N[split]) % 2
    for label in labels:
        tokens = rng.integers(2, H, rng.integers(8, 20))
        at = rng.integers(0, len(tokens) - 1)
        tokens[at : at + 2] = [0, 1] if label else [1, 0]
        sequences.append(np.eye(H, dtype=np.float32)[tokens])
    if task is Task.REGRESSION:
        return sequences, np.stack([labels * 5.0 + 3, -labels], axis=1).astype(np.float64)
    return sequences, labels if task is Task.CLASSIFICATION else np.stack([labels, 1 - labels], axis=1)


def stored(path: Path, task: Task = Task.CLASSIFICATION, n_seqs: int = 1) -> TokenEmbeddings:
    facts = EmbeddingFacts(
        task=task, n_seqs=n_seqs, n_targets=1 if task is Task.CLASSIFICATION else 2, hidden=H,
        classes=(0, 1) if task is Task.CLASSIFICATION else (), alphabet="dna", ceiling=None, group=None,
        settings={}, versions={}, unit="token",
        splits={
            split: SplitFacts(
                n_items=count // n_seqs, sha256=split, block_rows=100, token_file=512, token_chunk=128
            )
            for split, count in N.items()
        },
    )  # fmt: skip
    identity = ModelIdentity(
        name="m@tokens", kind="huggingface", path="p", revision=None, fingerprint="f", n_layers=2, hidden=H
    )
    entry = create_store(path).require(identity, "d", facts)
    assert isinstance(entry, TokenEmbeddings)
    for split in entry.splits:
        sequences, labels = planted(split, task)
        entry.put_lengths(split, np.array([len(each) for each in sequences]), None)
        entry.prepare(split, labels[::n_seqs], [1])
        for block in blocks(N[split] // n_seqs, 100):
            shape = (block.stop - block.start, n_seqs)
            items = ItemFacts(
                tokens_NS=np.ones(shape, dtype=np.int64), windows_NS=np.ones(shape, dtype=np.int32),
                coverage_NS=np.ones(shape, dtype=np.float32), hash_N=np.zeros(shape[0], dtype=np.uint64),
            )  # fmt: skip
            parts = sequences[block.start * n_seqs : block.stop * n_seqs]
            entry.write_tokens(split, block, [LayerTokens(layer=1, parts=parts)], items)
    return entry


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> TokenEmbeddings:
    return stored(tmp_path_factory.mktemp("tokens") / "s.zarr")


def fit(
    entry: TokenEmbeddings, kind: str, checkpoint: Checkpoint | None = None, **settings: Any
) -> FittedHead:
    """A training with the true labels; a few epochs unless told otherwise."""
    parts = items_of(entry).parts
    own = {"class_weights": "none", "choose_epoch": "best", "combine": "concat", "seed": 0}
    own |= {key: settings.pop(key) for key in own.keys() & settings.keys()}
    task = entry.facts.task
    training = TokenFit(
        kind=kind,
        settings=settings_of(kind, {"epochs": 3, "batch_size": 16, **settings}),
        problem=Problem(task=task, n_outputs=2),
        arrays={split: entry.tokens(1, split) for split in entry.splits},
        train=parts["train"],
        scored={"eval": parts["eval"], "test": parts["test"]},
        checkpoint=checkpoint,
        **own,
    )
    return training.run(lambda share: None)


def accuracy(fitted: FittedHead) -> float:
    return float((fitted.predictions["test"].argmax(axis=1) == np.arange(N["test"]) % 2).mean())


@pytest.mark.parametrize("kind", ["conv", "light_attention", "drsn"])
def test_heads_that_look_at_neighbours_find_the_order_of_two_motifs(
    entry: TokenEmbeddings, kind: str
) -> None:
    own = {"kernel": 3} if kind != "light_attention" else {"kernel": 3, "channels": 16}
    assert accuracy(fit(entry, kind, epochs=25, lr=1e-2, **own)) == 1.0


def test_a_weighted_mean_stays_at_chance_where_the_order_is_the_label(entry: TokenEmbeddings) -> None:
    assert abs(accuracy(fit(entry, "attention", epochs=10, lr=1e-2)) - 0.5) < 0.15


SOME = {
    "attention": {"hidden": [8]},
    "light_attention": {"hidden": [8], "channels": 6, "kernel": 3},
    "conv": {"hidden": [8], "width": 6, "kernel": 3},
    "drsn": {"hidden": [8], "base_channels": 4},
}
OTHER: dict[str, Any] = {
    "hidden": [6], "dropout": 0.5, "activation": "gelu", "norm": "layer", "lr": 1e-2, "weight_decay": 0.5,
    "batch_size": 8, "accumulate": 2, "epochs": 2, "steps": 7, "patience": 1, "warmup": 0.5,
    "decay": "cosine", "clip": 0.01, "class_loss": "focal", "label_smoothing": 0.2,
    "standardize": False, "channels": 5, "kernel": 5, "value_dropout": 0.6, "width": 5, "depth": 3,
    "dilation": 2, "blocks": 2, "base_channels": 6, "grows": False, "stride": 2, "dimensions": 2,
}  # fmt: skip


@pytest.mark.parametrize("kind", TOKEN_HEADS)
def test_every_setting_of_a_head_changes_what_it_predicts(entry: TokenEmbeddings, kind: str) -> None:
    base = fit(entry, kind, **SOME[kind]).predictions["test"]
    np.testing.assert_array_equal(fit(entry, kind, **SOME[kind]).predictions["test"], base)
    untouched = {"checkpoint_steps", "value_loss", "focal_gamma", "focal_alpha", "patience"}
    for name in TOKEN_HEADS[kind].model_fields.keys() - untouched:
        changed = fit(entry, kind, **{**SOME[kind], name: OTHER[name]})
        assert not np.array_equal(changed.predictions["test"], base), name


def test_losses_and_patience_have_their_settings(entry: TokenEmbeddings, tmp_path: Path) -> None:
    focal = {"class_loss": "focal", "width": 4}
    found = [
        fit(entry, "conv", **focal, **more).predictions["test"]
        for more in ({}, {"focal_gamma": 5.0}, {"focal_alpha": 0.1}, {"class_weights": "balanced"})
    ]
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert fit(entry, "conv", width=4, epochs=30, lr=1e-9, patience=2).n_epochs < 30
    values = stored(tmp_path / "v.zarr", Task.REGRESSION)
    huber, mse = (fit(values, "conv", width=4, value_loss=loss) for loss in ("huber", "mse"))
    assert not np.array_equal(huber.predictions["test"], mse.predictions["test"])


def test_values_are_predicted_in_their_own_units(tmp_path: Path) -> None:
    entry = stored(tmp_path / "s.zarr", Task.REGRESSION)
    found = fit(entry, "conv", epochs=25, lr=1e-2, kernel=3, value_loss="mse").predictions["test"]
    wanted = planted("test", Task.REGRESSION)[1]
    assert np.corrcoef(found[:, 0], wanted[:, 0])[0, 1] > 0.9
    assert abs(found[:, 0].mean() - wanted[:, 0].mean()) < 1


@pytest.mark.parametrize("combine", ["concat", "mean", "ref_delta", "symmetric"])
def test_the_sequences_of_a_pair_are_combined(tmp_path: Path, combine: str) -> None:
    entry = stored(tmp_path / "s.zarr", n_seqs=2)
    assert fit(entry, "attention", combine=combine).predictions["test"].shape == (N["test"] // 2, 2)


def test_a_training_that_was_cut_goes_on_to_the_same_bit(
    entry: TokenEmbeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(entry, "drsn", epochs=3, base_channels=4)
    checkpoint = Checkpoint(path=tmp_path / "c.pt", fingerprint="f")
    saves = []

    class Cut(RuntimeError):
        pass

    def save(self: Checkpoint, state: Any, keep: Any = Checkpoint.save) -> None:
        keep(self, state)
        saves.append(1)
        if len(saves) == 4:
            raise Cut

    monkeypatch.setattr(Checkpoint, "save", save)
    with pytest.raises(Cut):
        fit(entry, "drsn", checkpoint, epochs=3, base_channels=4, checkpoint_steps=5)
    again = fit(entry, "drsn", checkpoint, epochs=3, base_channels=4, checkpoint_steps=5)
    np.testing.assert_array_equal(again.predictions["test"], whole.predictions["test"])
    assert again.history == whole.history


def test_what_is_held_and_what_is_streamed_train_alike(
    entry: TokenEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STRETCH_BYTES", 2048)
    held = fit(entry, "conv", width=4).predictions["test"]
    monkeypatch.setattr(stream, "HELD_BYTES", 0)
    np.testing.assert_array_equal(fit(entry, "conv", width=4).predictions["test"], held)


def test_a_pass_has_every_item_once_and_goes_on_behind_what_is_skipped(
    entry: TokenEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STRETCH_BYTES", 1024)
    rows = np.arange(0, N["train"], 2)  # a fold: every other item
    numbers = torch.arange(len(rows), dtype=torch.float32)[:, None]
    items = TokenItems(entry.tokens(1, "train"), rows, numbers, batch_size=16, device=torch.device("cpu"))
    batches = list(TokenBatches(items, seed=3).begin(0))
    assert sorted(torch.cat([batch.targets_BK for batch in batches])[:, 0].tolist()) == list(range(len(rows)))
    assert TokenBatches(items, seed=3).n_steps(1, 1) == len(batches)
    rest = list(TokenBatches(items, seed=3).begin(4))
    assert [len(batch) for batch in rest] == [len(batch) for batch in batches[4:]]
    torch.testing.assert_close(rest[0].x_QTH, batches[4].x_QTH, rtol=0, atol=0)
    first = batches[0]
    own = planted("train")[0][rows[int(first.targets_BK[0, 0])]]
    np.testing.assert_array_equal(first.x_QTH[0][first.mask_QT[0]].numpy(), own)


def test_a_kept_head_predicts_what_it_predicted(entry: TokenEmbeddings) -> None:
    fitted = fit(entry, "light_attention", channels=4, kernel=3)
    assert fitted.state is not None
    again = predict(fitted.state, entry.tokens(1, "test")[:])
    np.testing.assert_allclose(again, fitted.predictions["test"], atol=1e-6)


def test_attention_weights_are_one_in_sum_a_sequence(entry: TokenEmbeddings) -> None:
    fitted = fit(entry, "attention")
    assert fitted.state is not None
    weights = TokenPredictor(fitted.state).weights(entry.tokens(1, "test")[:20])
    assert [len(each) for each in weights] == entry.tokens(1, "test").lengths_NS[:20, 0].tolist()
    np.testing.assert_allclose([each.sum() for each in weights], 1, atol=1e-5)


def test_a_rate_that_is_far_too_high_is_told_as_diverged(entry: TokenEmbeddings) -> None:
    fitted = fit(entry, "conv", lr=1e30)
    assert fitted.convergence == "diverged"
    assert "lower probe.conv.lr" in (fitted.error or "")


def test_three_sequences_are_not_combined_as_two(
    entry: TokenEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from seqbench.errors import ProbeError
    from seqbench.probe.features import check_combine

    check_combine(entry, "symmetric")
    monkeypatch.setattr(entry, "facts", replace(entry.facts, n_seqs=3))
    check_combine(entry, "ref_delta")
    with pytest.raises(ProbeError, match="symmetric is of two sequences, items have 3"):
        check_combine(entry, "symmetric")
