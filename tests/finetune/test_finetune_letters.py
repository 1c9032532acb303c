"""Fine-tuning on labels of letters: which tokens answer for a letter, gradients, and a planted rule."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from transformers import AutoModel, AutoTokenizer

from seqbench.config import load_config
from seqbench.config.finetune import FinetuneConfig
from seqbench.core.progress import Silent
from seqbench.core.types import Task
from seqbench.finetune.batches import outputs_of
from seqbench.finetune.folder import open_folder
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
from seqbench.schedule.run import Outcome, run
from seqbench.tuning.prepare import prepare
from seqbench.tuning.settings import TuningSettings
from seqbench.tuning.trainable import open_encoder
from tests import tiny_tokenizers
from tests.command import rows, seqbench
from tests.extract.test_extract_tokens import saved
from tests.finetune.planted import config_of, motif_label, write_config, write_motif
from tests.finetune.test_finetune_network import source
from tests.tiny import save_tiny_model

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


@pytest.mark.parametrize("overlong", ["window", "truncate"])
def test_tokens_of_windows_are_those_that_extraction_stores(tiny_model: TinyModel, overlong: str) -> None:
    options: dict[str, Any] = {"max_tokens": 8, "stride": 4 if overlong == "window" else None}
    options["overlong"] = overlong
    network = network_of(tiny_model("bert"), 2, **options).eval()
    tokens = network.encoder.tokens(overlong=overlong, stride=options["stride"])  # type: ignore[arg-type]
    found, _ = tokenise([(text,) for text in SEQUENCES], tokens, by_letter=True)
    with torch.no_grad():
        own = network.own_tokens(found.items).split([item[0].n_own for item in found.items])
    facts = SequenceFacts(name="d", alphabet="dna", min_length=7, max_length=18)
    embedder = source(tiny_model("bert"), **options).load().embedder(facts)
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


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A training on labels of letters, and where everything of it lies."""

    config: Path
    out: Path
    data: Path
    outcome: Outcome

    def lines(self, split: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.data / f"{split}.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("letters")
    base = save_tiny_model("esm", folder / "base")
    data = write_motif(folder / "data" / "motif")
    settings = {
        "lr": 0.01,
        "epochs": 12,
        "batch_size": 16,
        "encoder_dropout": 0.0,
        "head": "token",
        "keep": 2,
    }
    config = config_of(folder / "data", base, encoder=["full"], **settings)
    config["datasets"]["info"] = str(data.parent / "info.yaml")
    path = write_config(folder / "config.yaml", config)
    outcome = run(load_config(path).config, Silent(), "finetune")
    return Planted(config=path, out=folder / "out", data=data, outcome=outcome)


def test_a_planted_rule_of_letters_is_learned_to_the_ceiling(planted: Planted) -> None:
    assert not planted.outcome.failed
    found = rows(planted.config, "SELECT split, metric, value, low, high FROM metrics")
    scores = {(row["split"], row["metric"]): row for row in found}
    assert scores["test", "accuracy"]["value"] > 0.99
    assert scores["test", "segment_f1"]["value"] > 0.95
    (probe,) = rows(planted.config, "SELECT head, n_train, dataset FROM probes")
    n_known = sum(len(line["label"].replace(".", "")) for line in planted.lines("train"))
    assert probe == {"head": "full", "n_train": n_known, "dataset": "motif"}


def test_scores_are_over_all_known_letters_of_what_predict_writes(planted: Planted, tmp_path: Path) -> None:
    folder, test = planted.out / "m-motif-full-42", planted.data / "test.jsonl"
    for ending in ("jsonl", "tsv", "npy"):
        shown = seqbench("predict", folder, test, "--out", tmp_path / f"said.{ending}")
        assert shown.exit_code == 0, shown.output
    told = [json.loads(line) for line in (tmp_path / "said.jsonl").read_text().splitlines()]
    items = planted.lines("test")
    assert [len(one["predicted"]) for one in told] == [len(item["seq"]) for item in items]
    assert [one["id"] for one in told] == [item["id"] for item in items]
    truth = "".join(item["label"] for item in items)
    said = "".join(one["predicted"] for one in told)
    known = [place for place, label in enumerate(truth) if label != "."]
    pair = [truth[place] for place in known], [said[place] for place in known]
    found = rows(planted.config, "SELECT metric, value FROM metrics WHERE split = 'test'")
    scores = {row["metric"]: row["value"] for row in found}
    assert scores["accuracy"] == pytest.approx(accuracy_score(*pair))
    assert scores["f1"] == pytest.approx(f1_score(*pair, average="macro"))
    array = np.load(tmp_path / "said.npy")
    assert array.shape == (len(truth), 5)
    with (tmp_path / "said.tsv").open() as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    assert "".join(row["letter"] for row in table) == "".join(item["seq"] for item in items)
    assert [row["predicted"].lstrip("'") for row in table] == list(said)
    assert [float(row["class_d"]) for row in table] == pytest.approx(array[:, 4].tolist(), abs=1e-6)


def test_new_sequences_get_a_label_a_letter(planted: Planted, tmp_path: Path) -> None:
    (tmp_path / "new.fasta").write_text(">one\nACGATCTT\n>two\nTTGATCGATC\n")
    out = tmp_path / "said.jsonl"
    shown = seqbench("predict", planted.out / "m-motif-full-42", tmp_path / "new.fasta", "--out", out)
    assert shown.exit_code == 0, shown.output
    told = {one["id"]: one for one in map(json.loads, out.read_text().splitlines())}
    wanted = {"one": "ACGATCTT", "two": "TTGATCGATC"}
    assert {name: one["predicted"] for name, one in told.items()} == {
        name: "".join(motif_label(text)) for name, text in wanted.items()
    }
    assert {len(scores) for scores in told["two"]["scores"].values()} == {10}


def test_the_other_point_that_is_kept_opens_and_answers_for_letters(planted: Planted) -> None:
    predictor = open_folder(planted.out / "m-motif-full-42" / "best-2")
    items = tokenise([("ACGT",), ("GATCGATC",)], predictor.tokens, by_letter=True)[0].items
    assert predictor.predict(items).shape == (12, 5)
    assert set(predictor.facts.scores["motif"]) == {"eval"}
