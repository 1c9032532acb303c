"""Single tokens in the store, held against the hidden states that transformers gives."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from seqbench.config import Config
from seqbench.core.progress import Silent
from seqbench.schedule.run import run
from seqbench.store import Embeddings, TokenEmbeddings, open_store
from tests import tiny_tokenizers
from tests.tiny import COMMON

TinyModel = Callable[[str], Path]
SEQUENCES = ["ACGTTGCAGGATTACA", "GATTACAGATTACAGGCC", "TTGACCA", "ACGTTGCAGGATTACA", "CCGGATATACGCGGATCA"]


def config(root: Path, model: Path, **extract: Any) -> Config:
    """Five DNA sequences a split and a model in float32, whose tokens are kept in float32."""
    for split in ("train", "eval", "test"):
        path = root / "data/d" / f"{split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [{"seq": text, "label": at % 2} for at, text in enumerate(SEQUENCES)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    tokens = {"layers": "all", "dtype": "float32"}
    return Config.model_validate(
        {
            "models": [{"path": str(model), "name": "m", "dtype": "float32"}],
            "datasets": {"root": root / "data"},
            "extract": {"tokens": tokens, **extract},
            "store": {"path": root / "embeddings.zarr"},
            "catalog": root / "catalog.duckdb",
        }
    )


def extracted(root: Path, model: Path, **extract: Any) -> Embeddings:
    assert run(config(root, model, **extract), Silent(), "extract").failed == ()
    return open_store(root / "embeddings.zarr")["m/d"]


def hidden_states(folder: Path, text: str) -> list[np.ndarray]:
    """transformers' own, of one sequence alone; special tokens included."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    model = model.get_encoder() if model.config.is_encoder_decoder else model
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        output = model(input_ids=ids, output_hidden_states=True)
    return [hidden[0].numpy() for hidden in output.hidden_states]


def saved(folder: Path, tokenizer: Any) -> Path:
    """A tiny BERT with a tokenizer of its own."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(3)
    wanted = {**COMMON, "vocab_size": len(tokenizer), "max_position_embeddings": 64}
    BertModel(BertConfig(**wanted)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", ["bert", "esm", "esmc", "llama", "t5"])
def test_every_token_of_every_layer_is_transformers_hidden_state(
    tmp_path: Path, tiny_model: TinyModel, family: str
) -> None:
    entry = extracted(tmp_path, tiny_model(family))
    around = 0 if family == "llama" else 1
    for layer in range(4):
        stored = entry.tokens(layer, "train")[:]
        for text, found in zip(SEQUENCES, stored, strict=True):
            own = hidden_states(tiny_model(family), text)[layer]
            np.testing.assert_allclose(found, own[around : around + len(text)], atol=1e-5, rtol=1e-5)


def test_tokens_of_a_state_space_model_are_its_blocks_outputs(tmp_path: Path, tiny_model: TinyModel) -> None:
    entry = extracted(tmp_path, tiny_model("mamba"))
    for text, found in zip(SEQUENCES, entry.tokens(-1, "test")[:], strict=True):
        np.testing.assert_allclose(found, hidden_states(tiny_model("mamba"), text)[-1], atol=1e-5, rtol=1e-5)


def test_words_of_six_letters_tell_their_letters(tmp_path: Path) -> None:
    model = saved(tmp_path / "model", tiny_tokenizers.kmers(6))
    entry = extracted(tmp_path, model)
    found = entry.tokens(-1, "train")
    for at, text in enumerate(SEQUENCES):
        words = " ".join(text[start : start + 6] for start in range(len(text) - 5))
        np.testing.assert_allclose(found[at], hidden_states(model, words)[-1][1:-1], atol=1e-5, rtol=1e-5)
    spans = tokens_entry(tmp_path).spans("train", 2, 3)  # of TTGACCA
    assert spans.tolist() == [[0, 6], [1, 7]]


def test_byte_pairs_tell_their_letters(tmp_path: Path) -> None:
    model = saved(tmp_path / "model", tiny_tokenizers.bpe())
    entry, tokenizer = extracted(tmp_path, model), AutoTokenizer.from_pretrained(model)
    found = entry.tokens(-1, "train")
    for at, text in enumerate(SEQUENCES):
        np.testing.assert_allclose(found[at], hidden_states(model, text)[-1][1:-1], atol=1e-5, rtol=1e-5)
        spans = tokens_entry(tmp_path).spans("train", at, at + 1)
        letters = [text[first:last] for first, last in spans.tolist()]
        assert letters == tokenizer.tokenize(text)
        assert "".join(letters) == text


def tokens_entry(root: Path) -> TokenEmbeddings:
    entry = open_store(root / "embeddings.zarr")["m@tokens/d"]
    assert isinstance(entry, TokenEmbeddings)
    return entry


def test_where_letters_are_tokens_no_letters_are_stored(tmp_path: Path, tiny_model: TinyModel) -> None:
    extracted(tmp_path, tiny_model("bert"))
    assert not tokens_entry(tmp_path).has_spans("train")
    assert tokens_entry(tmp_path).spans("train", 2, 3).tolist() == [[at, at + 1] for at in range(7)]


def test_of_overlapping_windows_a_token_is_taken_where_it_has_most_context(
    tmp_path: Path, tiny_model: TinyModel
) -> None:
    entry = extracted(tmp_path, tiny_model("bert"), max_tokens=10, stride=4)  # windows of 8 letters
    found = entry.tokens(-1, "train")
    for at, text in enumerate(SEQUENCES):
        starts = list(range(0, max(len(text) - 8 + 4, 1), 4))
        windows = [hidden_states(tiny_model("bert"), text[start : start + 8])[-1][1:-1] for start in starts]
        for place in range(len(text)):
            holding = [
                (min(place - start if start else 99, end - 1 - place if end < len(text) else 99), -number)
                for number, start in enumerate(starts)
                if start <= place < (end := min(start + 8, len(text)))
            ]
            best = -max(holding)[1]
            own = windows[best][place - starts[best]]
            np.testing.assert_allclose(found[at][place], own, atol=1e-5, rtol=1e-5)


def test_of_cut_sequences_the_tokens_that_were_seen_are_kept(tmp_path: Path, tiny_model: TinyModel) -> None:
    entry = extracted(tmp_path, tiny_model("bert"), max_tokens=10, overlong="truncate")
    assert entry.tokens(-1, "train").lengths_NS.ravel().tolist() == [8, 8, 7, 8, 8]


@pytest.mark.parametrize("strands", ["mean", "concat"])
def test_tokens_of_the_reverse_complement_come_back_in_the_order_of_the_sequence(
    tmp_path: Path, tiny_model: TinyModel, strands: str
) -> None:
    entry = extracted(tmp_path, tiny_model("bert"), reverse_complement=strands)
    turned = SEQUENCES[1].translate(str.maketrans("ACGT", "TGCA"))[::-1]
    forward, reverse = (hidden_states(tiny_model("bert"), text)[-1][1:-1] for text in (SEQUENCES[1], turned))
    parts = [forward, reverse[::-1]]
    wanted = np.mean(parts, axis=0) if strands == "mean" else np.concatenate(parts, axis=1)
    np.testing.assert_allclose(entry.tokens(-1, "train")[1], wanted, atol=1e-5, rtol=1e-5)
    assert tokens_entry(tmp_path).strand_cosine("train", 3) is not None


def test_byte_pairs_of_both_strands_are_refused_with_file_and_line(tmp_path: Path) -> None:
    wanted = config(tmp_path, saved(tmp_path / "model", tiny_tokenizers.bpe()), reverse_complement="mean")
    (failed,) = run(wanted, Silent(), "extract").failed
    assert "train.jsonl:1: the tokens of the reverse complement stand for other letters" in str(failed)


def test_tokens_are_added_to_what_was_pooled_before(tmp_path: Path, tiny_model: TinyModel) -> None:
    pooled = extracted(tmp_path, tiny_model("bert"), tokens=None).load(3, "train")
    entry = extracted(tmp_path, tiny_model("bert"), tokens={"dtype": "float32"}, special_tokens=True)
    np.testing.assert_array_equal(entry.load(3, "train"), pooled)
    assert tokens_entry(tmp_path).layers == (3,)
    own = hidden_states(tiny_model("bert"), SEQUENCES[4])[3][1:-1]
    np.testing.assert_allclose(entry.tokens(3, "train")[4], own, atol=1e-5, rtol=1e-5)


def test_half_precision_is_stored_with_its_rounding_error(tmp_path: Path, tiny_model: TinyModel) -> None:
    entry = extracted(tmp_path, tiny_model("bert"), tokens={"layers": [-1]})
    own = hidden_states(tiny_model("bert"), SEQUENCES[0])[3][1:-1]
    np.testing.assert_allclose(entry.tokens(-1, "train")[0], own, atol=4e-3)
    assert 0 < (tokens_entry(tmp_path).rounding_error("train", 3) or 0) <= 2**-11


def test_a_disk_that_cannot_hold_the_tokens_is_told_before_anything_runs(
    tmp_path: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqbench.errors import StoreError
    from seqbench.extract import room

    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: type("U", (), {"free": 1000}))
    with pytest.raises(StoreError, match=r"the tokens of m@tokens/d take 115kB, 1kB are free"):
        run(config(tmp_path, tiny_model("bert")), Silent(), "extract")
