"""The fine-tuned network's parts: padding, windows, pairs, missing labels."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from seqbench.config.finetune import FinetuneConfig, TokenHead
from seqbench.core.types import Task
from seqbench.finetune.batches import Batch, outputs_of
from seqbench.finetune.items import tokenise
from seqbench.finetune.network import FineTuned, Head
from seqbench.finetune.problem import Target, loss_of, scaling_of
from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.huggingface import HuggingFace
from seqbench.networks.combining import combined
from seqbench.probe.heads.base import Problem
from seqbench.tuning.trainable import TrainableModel, open_encoder

TinyModel = Callable[[str], Path]
SEQUENCES = [("ACGTACGTAC",), ("GG",), ("TTTTTTACGGT",), ("CAT",)]


def source(folder: Path, **options: object) -> HuggingFace:
    return HuggingFace(name="m", path=str(folder), dtype="float32", options=EmbedOptions(**options))  # type: ignore[arg-type]


def network(encoder: TrainableModel, kind: TokenHead = "mean", n_seqs: int = 1) -> FineTuned:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = Head(kind, "concat", width=encoder.hidden, n_seqs=n_seqs, n_outputs=3, dropout=0.0)
    return FineTuned(encoder, head, special_tokens=True, n_around=(1, 1)).eval()


@pytest.mark.parametrize("kind", get_args(TokenHead))
@pytest.mark.parametrize("family", ["bert", "mamba"])
def test_outputs_do_not_depend_on_batch_mates(tiny_model: TinyModel, family: str, kind: TokenHead) -> None:
    encoder = open_encoder(source(tiny_model(family)), "dna")
    tokens = encoder.tokens(overlong="window", stride=None)
    items = tokenise(SEQUENCES, tokens)[0].items
    net = network(encoder, kind)
    with torch.no_grad():
        together = net(items)
        alone = torch.cat([net([item]) for item in items])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_the_mean_of_windows_is_what_extraction_stores(tiny_model: TinyModel) -> None:
    options = source(tiny_model("bert"), max_tokens=8)
    encoder = open_encoder(options, "dna")
    tokens = encoder.tokens(overlong="window", stride=4)
    items = tokenise(SEQUENCES, tokens)[0].items
    with torch.no_grad():
        hidden, mask = network(encoder).tokens(items)
    found = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    facts = SequenceFacts(name="d", alphabet="dna", min_length=1, max_length=11)
    embedder = source(tiny_model("bert"), max_tokens=8, stride=4).load().embedder(facts)
    wanted = embedder.embed([sequence for (sequence,) in SEQUENCES], [3]).layers[3]
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)


def test_pairs_share_the_encoder_and_are_combined_as_told() -> None:
    vectors = torch.tensor([[[1.0, 2.0], [4.0, 8.0]]])
    assert combined(vectors, "concat").tolist() == [[1, 2, 4, 8]]
    assert combined(vectors, "mean").tolist() == [[2.5, 5]]
    assert combined(vectors, "difference").tolist() == [[1, 2, 3, 6]]
    assert combined(vectors, "ref_delta").tolist() == [[1, 2, 3, 6]]
    assert combined(vectors.flip(1), "symmetric").tolist() == [[5, 10, 3, 6]]
    assert combined(vectors[:, :1], "symmetric").tolist() == [[1, 2]]
    with pytest.raises(ValueError, match="items have 3"):
        combined(torch.zeros(1, 3, 2), "symmetric")


def test_items_are_run_in_order_and_cut_by_tokens(tiny_model: TinyModel) -> None:
    encoder = open_encoder(source(tiny_model("bert")), "dna")
    items = tokenise(SEQUENCES, encoder.tokens(overlong="window", stride=None))[0].items
    net = network(encoder)
    with torch.no_grad():
        wanted = net(items)
    found = outputs_of(net, items, tokens_per_batch=13, autocast=None, device=encoder.device)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    whole = Batch(items=items, targets_RO=wanted)
    assert whole.n_tokens == 4 * 13
    parts = whole.cut(26)  # of 12, 4, 13 and 5 tokens
    assert [part.n_tokens for part in parts] == [2 * 13, 2 * 5]
    assert torch.equal(torch.cat([part.targets_RO for part in parts]), wanted[[2, 0, 3, 1]])
    assert [len(part.items) for part in whole.cut(1)] == [1, 1, 1, 1]


def test_sequences_without_a_token_make_an_empty_item(tiny_model: TinyModel) -> None:
    tokens = open_encoder(source(tiny_model("bert")), "dna").tokens(overlong="truncate", stride=None)
    found, why = tokenise([("ACGT", "A" * 100), ("AC", "AC")], tokens)
    assert (found.n_cut, found.n_in_windows, why) == (1, 0, {})
    assert found.lengths_N.tolist() == [6 + 64, 8]


def target(task: Task, labels: list[object], n_outputs: int) -> Target:
    every = {"train": np.asarray(labels)}
    problem = Problem(task=task, n_outputs=n_outputs)
    return Target(name="t", problem=problem, classes=(), class_names=(), labels=every)  # type: ignore[arg-type]


def test_missing_labels_of_several_targets_count_in_no_loss() -> None:
    classes = target(Task.CLASSIFICATION, [0, -1, 1], 2)
    labels = target(Task.LABELS, [[1, 0], [-1, -1], [0, 1]], 2)
    values = target(Task.REGRESSION, [[1.0], [3.0], [np.nan]], 1)
    both, rows = [classes, labels, values], np.arange(3)
    matrix = torch.cat([each.matrix("train", rows) for each in both], -1)
    assert matrix.isnan().sum(0).tolist() == [1, 1, 1, 1, 1]
    loss = loss_of(both, rows, FinetuneConfig())
    outputs = torch.zeros(3, 5)
    total = loss.mean(loss.sums(outputs, matrix), loss.weights(matrix))
    wanted = (np.log(2) + np.log(2) + np.sqrt((1 + 9) / 2)) / 3
    assert float(total) == pytest.approx(wanted, rel=1e-6)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    known = np.array([0, 0, 0, 1, 1, 2])
    (part,) = loss_of(
        [target(Task.CLASSIFICATION, [*known, -1], 3)], np.arange(7), FinetuneConfig(class_weights="balanced")
    ).parts
    wanted = compute_class_weight("balanced", classes=np.unique(known), y=known)
    assert part.weights_2K is not None
    np.testing.assert_allclose(part.weights_2K[1].numpy(), wanted, rtol=1e-6)


def test_values_are_centred_on_train_and_scaled_unless_in_their_own_units() -> None:
    values = target(Task.REGRESSION, [[1.0, 10.0], [3.0, np.nan], [100.0, 30.0]], 2)
    rows = np.array([0, 1])
    own = scaling_of([values], rows, FinetuneConfig())
    assert (own.shift_O.tolist(), own.scale_O.tolist()) == ([2, 10], [1, 1])
    scaled = scaling_of([values], rows, FinetuneConfig(value_loss="huber"))
    assert scaled.scale_O.tolist() == [1, 1]
    assert scaled.undo(scaled.apply(torch.tensor([[7.0, 8.0]]))).tolist() == [[7, 8]]
