"""The loss on targets alone is the loss of the plain model, of every family."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench.adapt.objective import Example, LanguageObjective, causal_example
from seqbench.corpora.mixture import Window
from seqbench.models.batches import pad
from tests.adapt.making import opened, save_language_model
from tests.tiny import DECODERS

MASKED = ["bert", "roberta", "esm", "modernbert", "deberta"]
CAUSAL = ["llama", "mixtral", "gpt_neox", "gpt2", "opt", "bloom"]
TEXTS = ["ACGTNACGTACGT", "GGGTTTACGTACCAGTNNAGCTTACGACAGT", "ACGATCAGCTACGACTAC"]


def examples(maker: object) -> list[Example]:
    windows = maker.windows(TEXTS)  # type: ignore[attr-defined]
    return [
        maker.example(Window(0, row, text, ids, 0, 0))  # type: ignore[attr-defined]
        for row, (text, (ids,)) in enumerate(zip(TEXTS, windows, strict=True))
    ]


@pytest.mark.parametrize("family", [*MASKED, *CAUSAL])
def test_the_loss_is_that_of_transformers(family: str, tmp_path: Path) -> None:
    model, maker = opened(save_language_model(family, tmp_path / family), mask=0.4)
    objective = LanguageObjective(model)
    assert objective.method == "targets"
    batch = examples(maker)
    ids_BT, mask_BT = map(torch.from_numpy, pad([each.inputs_T for each in batch], 0))
    labels_BT = torch.full_like(ids_BT, -100)
    for row, each in enumerate(batch):
        places = np.flatnonzero(each.asked_T) + (family in DECODERS)  # transformers shifts labels itself
        labels_BT[row, places] = torch.from_numpy(each.labels_M.astype(np.int64))
    with torch.no_grad():
        plain = model.bare(input_ids=ids_BT, attention_mask=mask_BT, labels=labels_BT).loss
        sums, weights = objective.sums(model, batch), objective.weights(batch)
    if family == "mixtral":  # its own loss adds that of balancing experts only where asked for
        assert not model.bare.config.output_router_logits
    assert float(objective.mean(sums, weights)) == pytest.approx(float(plain), abs=1e-5)


def test_losses_do_not_depend_on_batch_mates(tmp_path: Path) -> None:
    model, maker = opened(save_language_model("esm", tmp_path / "esm"), mask=0.4)
    objective, batch = LanguageObjective(model), examples(maker)
    with torch.no_grad():
        together = objective.target_losses(model, batch)
        for each, losses_M in zip(batch, together, strict=True):
            torch.testing.assert_close(objective.target_losses(model, [each])[0], losses_M)


def test_odd_and_special_tokens_are_asked_of_no_causal_model() -> None:
    ids = np.array([2, 4, 5, 8, 6, 3], dtype=np.int32)  # <cls> A C N G <eos>
    example = causal_example(ids, np.isin(ids, [4, 5, 6]))
    assert example.asked_T.tolist() == [True, True, False, True, False, False]
    assert example.labels_M.tolist() == [4, 5, 6]


def test_a_batch_without_targets_has_no_loss(tmp_path: Path) -> None:
    model, _ = opened(save_language_model("bert", tmp_path / "bert"))
    objective = LanguageObjective(model)
    empty = Example(
        inputs_T=np.array([2, 8, 8, 3], dtype=np.int32),
        asked_T=np.zeros(4, dtype=bool),
        labels_M=np.zeros(0, dtype=np.int32),
    )
    loss = objective.mean(objective.sums(model, [empty]), objective.weights([empty]))
    assert loss.item() == 0
