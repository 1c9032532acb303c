"""Fine-tuning on labels of letters: which tokens answer for a letter, and gradients."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from seqbench.config.finetune import FinetuneConfig
from seqbench.core.types import Task
from seqbench.finetune.batches import outputs_of
from seqbench.finetune.items import n_rows, tokenise
from seqbench.finetune.letter_head import LetterHead
from seqbench.finetune.letters import letters_of, rows_of
from seqbench.finetune.material import Material
from seqbench.finetune.network import FineTuned
from seqbench.finetune.problem import Target
from seqbench.finetune.training import Finetuning, Surroundings
from seqbench.models.base import SequenceFacts
from seqbench.predict.token_states import token_states
from seqbench.probe.heads.base import Problem
from seqbench.training.checkpoint import Checkpoint
from seqbench.tuning.prepare import prepare
from seqbench.tuning.settings import TuningSettings
from seqbench.tuning.trainable import open_encoder
from tests import tiny_tokenizers
from tests.extract.test_extract_tokens import saved
from tests.finetune.test_finetune_network import source
from tests.finetune.test_finetune_training import Kept

TinyModel = Callable[[str], Path]
SEQUENCES = ["ACGTTGCAGGATTACA", "GATTACAGATTACAGGCC", "TTGACCA", "CCGGATATACGCGGATCA"]


def network_of(folder: Path, n_outputs: int, **options: object) -> FineTuned:
    encoder = open_encoder(source(folder, **options), "dna")
    prepare(encoder, TuningSettings(method="full", encoder_dropout=0.0), seed=0, note=lambda text: None)
    tokens = encoder.tokens(overlong="window", stride=None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = LetterHead(width=encoder.hidden, n_outputs=n_outputs, dropout=0.0)
    around = (len(tokens.prefix), len(tokens.suffix))
    return FineTuned(encoder, head, special_tokens=True, n_around=around)


def test_letters_know_their_tokens_and_one_without_any_is_left_out() -> None:
    found = letters_of(np.array([[0, 2], [1, 4], [6, 7]], dtype=np.int32), 8)
    assert found.places_R.tolist() == [0, 1, 2, 3, 6]
    assert np.split(found.tokens_C, np.cumsum(found.counts_R)[:-1])[1].tolist() == [0, 1]
    assert (found.tokens_C.tolist(), found.n_letters) == ([0, 0, 1, 1, 1, 2], 8)
    assert rows_of(np.array([0, 2, 3, 6]), np.array([2, 0])).tolist() == [3, 4, 5, 0, 1]


@pytest.mark.parametrize("kind", ["characters", "kmers", "bpe"])
def test_a_letter_gets_the_mean_over_its_tokens_of_the_head_on_transformers_states(
    tmp_path: Path, kind: str
) -> None:
    tokenizer = tiny_tokenizers.kmers(3) if kind == "kmers" else getattr(tiny_tokenizers, kind)()
    folder = saved(tmp_path / "model", tokenizer)
    network = network_of(folder, 2).eval()
    tokens = network.encoder.tokens(overlong="window", stride=None)
    items = tokenise([(text,) for text in SEQUENCES], tokens, by_letter=True)[0].items
    assert [n_rows(item) for item in items] == list(map(len, SEQUENCES))
    found = outputs_of(network, items, tokens_per_batch=40, autocast=None, device=network.encoder.device)
    model, theirs = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    wanted = []
    for text in SEQUENCES:
        words = " ".join(text[at : at + 3] for at in range(len(text) - 2)) if kind == "kmers" else text
        ids = theirs(words, return_tensors="pt")["input_ids"]
        names = theirs.convert_ids_to_tokens(ids[0, 1:-1])
        with torch.no_grad():
            own = network.head.output(model(input_ids=ids).last_hidden_state[0, 1:-1])  # type: ignore[union-attr]
        ends = np.cumsum([len(name) for name in names])
        spans = [(at, at + 3) if kind == "kmers" else (end - len(name), end)
                 for at, (name, end) in enumerate(zip(names, ends, strict=True))]  # fmt: skip
        for letter in range(len(text)):
            mine = [at for at, (first, last) in enumerate(spans) if first <= letter < last]
            assert len(mine) == (min(3, letter + 1, len(text) - letter) if kind == "kmers" else 1)
            wanted.append(own[mine].mean(0))
    torch.testing.assert_close(found, torch.stack(wanted), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("family", "overlong"), [("bert", "window"), ("bert", "truncate"), ("t5", "window"), ("mamba", "window")]
)
def test_tokens_of_windows_are_those_that_extraction_stores(
    tiny_model: TinyModel, family: str, overlong: Literal["window", "truncate"]
) -> None:
    n_special = {"bert": 2, "t5": 2, "mamba": 0}[family]
    options: dict[str, Any] = {"max_tokens": 6 + n_special, "stride": 4 if overlong == "window" else None}
    options["overlong"] = overlong
    network = network_of(tiny_model(family), 2, **options).eval()
    tokens = network.encoder.tokens(overlong=overlong, stride=options["stride"])
    assert tokens.n_special == n_special
    found, _ = tokenise([(text,) for text in SEQUENCES], tokens, by_letter=True)
    with torch.no_grad():
        own = network.own_tokens(found.items).split([item[0].n_own for item in found.items])
    facts = SequenceFacts(name="d", alphabet="dna", min_length=7, max_length=18)
    embedder = source(tiny_model(family), **options).load().embedder(facts)
    wanted = token_states(embedder, SEQUENCES, 3, "none")  # type: ignore[arg-type]
    for one, other in zip(own, wanted, strict=True):
        np.testing.assert_allclose(one.numpy(), other, atol=1e-5)
    lengths = [len(text) if overlong == "window" else 6 for text in SEQUENCES]
    assert [n_rows(item) for item in found.items] == [len(each) for each in own] == lengths
    assert found.n_bare == sum(map(len, SEQUENCES)) - sum(lengths)


N = 12


def material_of(network: FineTuned, task: Task) -> Material:
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("ACGT"), random.integers(3, 12))) for _ in range(N)]
    tokens = network.encoder.tokens(overlong="window", stride=None)
    items = tokenise([(text,) for text in texts], tokens, by_letter=True)[0]
    n_letters, unknown = sum(map(len, texts)), -1.0 if task is not Task.REGRESSION else np.nan
    shape = n_letters if task is Task.CLASSIFICATION else (n_letters, 3)
    labels = random.integers(0, 3 if task is Task.CLASSIFICATION else 2, shape).astype(np.float64)
    if task is Task.REGRESSION:
        labels = random.normal(size=shape)
    labels[random.random(shape) < 0.3] = unknown
    labels = labels if task is Task.REGRESSION else labels.astype(np.int64)
    every = np.arange(N)
    target = Target(
        name="t",
        problem=Problem(task=task, n_outputs=3),
        classes=(),
        class_names=(),
        labels={"train": labels, "eval": labels},
        offsets={"train": items.offsets_N1, "eval": items.offsets_N1},
    )
    return Material(
        items={"train": items, "eval": items},
        targets=[target],
        train_N=every,
        eval_source="eval",
        eval_N=every,
        n_labels=n_letters,
    )


def plain_loss(task: Task, outputs: torch.Tensor, labels: np.ndarray) -> torch.Tensor:
    """The mean over all known letters, in torch's own words."""
    known, truth = labels >= 0 if task is not Task.REGRESSION else ~np.isnan(labels), torch.from_numpy(labels)
    if task is Task.CLASSIFICATION:
        return torch.nn.functional.cross_entropy(outputs[known], truth[known])
    if task is Task.LABELS:
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            outputs, truth.clamp_min(0).float(), reduction="none"
        )
        return losses[known].mean()
    shifted = torch.from_numpy(labels - np.nanmean(labels, 0)).float()
    errors = [(outputs[rows, at] - shifted[rows, at]).square().mean() for at, rows in enumerate(known.T)]
    return torch.stack(errors).sqrt().mean()


@pytest.mark.parametrize("task", [Task.CLASSIFICATION, Task.LABELS, Task.REGRESSION])
def test_the_gradient_of_cut_and_accumulated_batches_is_that_of_all_known_letters_at_once(
    tiny_model: TinyModel, task: Task
) -> None:
    network = network_of(tiny_model("bert"), 3)
    found = []
    for most in ("auto", 30):
        config = FinetuneConfig(head="token", batch_size=N, tokens_per_batch=most, dropout=0.0)
        around: Any = Surroundings(checkpoint=None, advance=lambda share: None, note=lambda text: None)  # type: ignore[arg-type]
        material = material_of(network, task)
        trainer = Finetuning(network, material, config, seed=5, autocast=None, around=around)
        batches = [trainer.batch(rows) for rows in (np.arange(N)[::-1][:5], np.arange(7))]
        trainer.training.gradients(batches, 0)
        assert sum(len(trainer.training._parts.of(batch)) for batch in batches) >= (
            2 if most == "auto" else 5
        )
        grads = [weight.grad for weight in network.parameters()]
        found.append(torch.cat([grad.flatten() for grad in grads if grad is not None]))
    network.zero_grad()
    parts = []
    for item in material.items["train"].items:
        states = network.encoder.encoder(input_ids=torch.from_numpy(item[0].windows[0]).long()[None])
        parts.append(network.head.output(states.last_hidden_state[0, 1:-1]))  # type: ignore[union-attr]
    plain_loss(task, torch.cat(parts), material.targets[0].labels["train"]).backward()
    wanted = torch.cat([weight.grad.flatten() for weight in network.parameters() if weight.grad is not None])
    for each in found:
        torch.testing.assert_close(each, wanted, atol=2e-6 * float(wanted.abs().max()), rtol=0)


def test_a_training_on_letters_that_was_stopped_goes_on_to_the_bit(
    tiny_model: TinyModel, tmp_path: Path
) -> None:
    config = FinetuneConfig(
        head="token", lr=1e-3, epochs=4, batch_size=3, accumulate=2, dropout=0.3, checkpoint_steps=3
    )
    state = Checkpoint(path=tmp_path / "state", fingerprint="f")

    def training(checkpoint: Any) -> Finetuning:
        network = network_of(tiny_model("bert"), 3)
        around = Surroundings(checkpoint=checkpoint, advance=lambda share: None, note=lambda text: None)
        material = material_of(network, Task.REGRESSION)
        return Finetuning(network, material, config, seed=5, autocast=None, around=around)

    class Stopping(Kept):
        def save(self, state_now: Mapping[str, Any]) -> None:
            state.save(state_now)
            super().save(state_now)

    wanted = training(Kept()).run()
    with pytest.raises(InterruptedError):
        training(Stopping(stop_at=6)).run()
    found = training(state).run()
    assert found.history == wanted.history
    for one, other in zip(found.network.parameters(), wanted.network.parameters(), strict=True):
        assert torch.equal(one, other)
