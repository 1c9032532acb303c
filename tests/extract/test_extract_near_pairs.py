"""Differences of near pairs that half precision loses are measured, and told with the key to set."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from transformers import AutoModel, AutoTokenizer

from seqbench.extract.near_pairs import correlation, measure, near_pairs, warning
from seqbench.models import arithmetic
from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.huggingface import HuggingFace
from seqbench.models.transformer import SequenceEmbedder
from seqbench.store import open_store
from tests.command import seqbench

TinyModel = Callable[[str], Path]
LETTERS = np.array(list("ACGT"))


def variants(n_pairs: int, length: int, *, changed: int = 1) -> list[tuple[str, str]]:
    """Random DNA, and the same with letters in the middle shifted by one in the alphabet."""
    rng, middle = np.random.default_rng(0), slice(length // 2, length // 2 + changed)
    pairs = []
    for _ in range(n_pairs):
        codes = rng.integers(4, size=length)
        other = codes.copy()
        other[middle] = (other[middle] + 1) % 4
        pairs.append(("".join(LETTERS[codes]), "".join(LETTERS[other])))
    return pairs


def write(folder: Path, pairs: list[tuple[str, str]]) -> None:
    folder.mkdir(parents=True)
    for split in ("train", "eval", "test"):
        lines = [json.dumps({"seq1": a, "seq2": b, "label": at % 2}) for at, (a, b) in enumerate(pairs)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")


def loaded(folder: Path, dtype: str, pooling: str = "cls") -> SequenceEmbedder:
    options = EmbedOptions(poolings=(pooling,))  # type: ignore[arg-type]
    model = HuggingFace(name="tiny", path=str(folder), dtype=dtype, options=options)
    return model.load().embedder(SequenceFacts(name="d", alphabet="dna", min_length=1, max_length=90))


@pytest.fixture
def computes_in_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the processor can."""
    monkeypatch.setattr(arithmetic, "SUPPORTED", dict.fromkeys(arithmetic.SUPPORTED, "no such operator"))


@pytest.mark.parametrize(
    ("item", "is_near"),
    [
        (("ACGT", "ACGA"), True),
        (("ACGTAC", "TGCTAC"), True),
        (("ACGTAC", "TGCAAC"), False),  # four letters
        (("ACGT", "ACGT"), False),
        (("ACGT", "acgt"), False),
        (("ACGT", "ACG"), False),
        (("ACGT",), False),
    ],
)
def test_near_pairs_have_one_length_and_differ_in_one_to_three_letters(
    item: tuple[str, ...], is_near: bool
) -> None:
    assert near_pairs([item]) == ([item] if is_near else [])


def test_a_first_sequence_is_held_against_each_other_one_and_few_pairs_suffice() -> None:
    assert near_pairs([("ACGT", "ACGA", "TGCA", "ACCT")]) == [("ACGT", "ACGA"), ("ACGT", "ACCT")]
    assert len(near_pairs(variants(30, 20))) == 8
    assert len(near_pairs(variants(30, 6_000))) == 2
    assert len(near_pairs(variants(3, 90_000))) == 1


def test_the_correlation_is_scipys_without_what_is_not_finite() -> None:
    rng = np.random.default_rng(0)
    exact = rng.normal(size=(5, 8))
    found = exact + rng.normal(size=(5, 8))
    expected = pearsonr(found.ravel()[2:], exact.ravel()[2:]).statistic  # SciPy 1.17
    found[0, 0], exact[0, 1] = np.inf, np.nan
    assert correlation(found, exact) == pytest.approx(expected)
    assert correlation(np.zeros_like(exact), exact) == 0
    assert correlation(found, np.zeros_like(exact)) is None


def test_what_float16_keeps_is_that_of_rounded_rows(tiny_model: TinyModel) -> None:
    embedder, pairs = loaded(tiny_model("esm"), "float32", "mean"), variants(3, 3_000)
    measured = measure(embedder, pairs, [0, 1, 2, 3], "float16")
    rows = embedder.embed([sequence for pair in pairs for sequence in pair], [0, 1, 2, 3]).layers
    expected = [
        pearsonr((half[::2] - half[1::2]).ravel(), (row[::2] - row[1::2]).ravel()).statistic
        for row in rows.values()
        for half in (row.astype(np.float16).astype(np.float32),)
    ]
    assert measured["stored"]["layer"] == np.argmin(expected)
    assert measured["stored"]["correlation"] == pytest.approx(min(expected), abs=1e-3)
    assert "computed" not in measured


@pytest.mark.usefixtures("computes_in_half")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_what_arithmetic_in_half_precision_keeps_is_measured_with_its_own_weights(
    tiny_model: TinyModel, dtype: str
) -> None:
    folder, pairs = tiny_model("esm"), variants(4, 50)
    embedder, sequences = loaded(folder, dtype), [sequence for pair in pairs for sequence in pair]
    before = embedder.embed(sequences, [3]).layers[3]
    measured = measure(embedder, pairs, [3], "float32")
    exact = AutoModel.from_pretrained(folder, dtype=getattr(torch, dtype)).float().eval()
    inputs = AutoTokenizer.from_pretrained(folder)(sequences, return_tensors="pt")
    with torch.inference_mode():  # transformers 5: float32 arithmetic with the same weights
        wanted = exact(inputs["input_ids"], output_hidden_states=True).hidden_states[3][:, 0].numpy()
    found = pearsonr((before[::2] - before[1::2]).ravel(), (wanted[::2] - wanted[1::2]).ravel()).statistic
    assert measured == {"pairs": 4, "computed": {"layer": 3, "correlation": pytest.approx(found, abs=1e-4)}}
    assert found < (0.96 if dtype == "bfloat16" else 0.9995)
    assert np.array_equal(embedder.embed(sequences, [3]).layers[3], before)  # as if nothing had been


def test_float32_throughout_measures_nothing(tiny_model: TinyModel) -> None:
    assert measure(loaded(tiny_model("esm"), "float32"), variants(3, 30), [0, 3], "float32") == {}


def test_the_warning_names_layers_correlations_and_keys() -> None:
    measured = {
        "pairs": 8,
        "computed": {"layer": 7, "correlation": 0.815},
        "stored": {"layer": 3, "correlation": 0.6},
    }
    text = warning(measured, computed_in="bfloat16", stored_as="float16")
    assert text is not None
    assert "correlation 0.81 in layer 7, computed in bfloat16 (set the model's dtype: float32)" in text
    assert "correlation 0.60 in layer 3, stored as float16 (set store.dtype: float32)" in text
    kept = {"pairs": 8, "stored": {"layer": 3, "correlation": 0.99}}
    assert warning(kept, computed_in="bfloat16", stored_as="float16") is None


@pytest.mark.parametrize(
    ("length", "dtype", "warned"), [(3_000, "float16", 1), (3_000, "float32", 0), (40, "float16", 0)]
)
def test_extraction_warns_once_and_notes_what_it_measured(
    tiny_model: TinyModel, tmp_path: Path, length: int, dtype: str, warned: int
) -> None:
    write(tmp_path / "data" / "variants", variants(3, length))
    config = tmp_path / "run.yaml"
    config.write_text(
        f"models: [{{path: {tiny_model('esm')}, name: tiny, dtype: float32}}]\n"
        f"datasets: {{root: data}}\nstore: {{dtype: {dtype}}}\n"
    )
    outcome = seqbench("extract", config)
    assert outcome.exit_code == 0, outcome.output
    assert " ".join(outcome.output.split()).count("set store.dtype: float32") == warned
    notes = open_store(tmp_path / "embeddings.zarr")["tiny/variants"].facts.notes
    assert ("near_pairs" in notes) == (dtype == "float16")
