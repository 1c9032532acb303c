"""Bits a letter, held against plain transformers (5.23) on the same hidden letters."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqbench.core.alphabets import Alphabet
from seqbench.errors import ModelError
from seqbench.likelihood.scorer import LetterScorer, NoHeadError, SegmentBits, open_scorer
from seqbench.likelihood.segments import Segment, SegmentSettings, segments_of
from seqbench.models.base import EmbedOptions
from seqbench.models.huggingface import HuggingFace
from tests.tiny_tokenizers import characters, kmers

SETTINGS = SegmentSettings(letters=40, share=0.2)
DNA = ["ACGTTGCAAC" * 9, "GGCATNNACG" * 3, "TTGACCA"]
TEXT = ["the cell divides and the nucleus of the cell grows", "proteins fold into domains of helices"]


def saved(folder: Path, tokenizer: Any, kind: str = "bert") -> Path:
    """A model whose probabilities are far from uniform."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    if kind == "bert":
        model: Any = BertForMaskedLM(
            BertConfig(
                vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                intermediate_size=32, max_position_embeddings=64, initializer_range=0.6, pad_token_id=0,
            )
        )  # fmt: skip
    else:
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=len(tokenizer),
                n_embd=16,
                n_layer=2,
                n_head=2,
                n_positions=64,
                initializer_range=0.6,
            )
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def opened(folder: Path, alphabet: Alphabet) -> LetterScorer:
    source = HuggingFace(name="m", path=str(folder), dtype="float32", options=EmbedOptions())
    return open_scorer(source, alphabet)


def segments(texts: list[str], alphabet: Alphabet) -> list[Segment]:
    return [segment for text in texts for segment in segments_of(text, alphabet, SETTINGS)]


def log_probabilities(folder: Path, ids: list[int], kind: str = "MaskedLM") -> Any:
    """(T, V) bits, with minus, as transformers alone gives them."""
    import torch
    import transformers

    model = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        return (model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1) / np.log(2)).numpy()


def assert_bits(found: list[SegmentBits], bits: list[float], n_letters: list[int]) -> None:
    assert [each.n_letters for each in found] == n_letters
    np.testing.assert_allclose([each.bits for each in found], bits, rtol=1e-4)


@pytest.fixture(scope="module")
def letter_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = characters("ACGTNM", mask_token="M")
    return saved(tmp_path_factory.mktemp("letters"), tokenizer)


def test_a_masked_model_of_letters_pays_what_transformers_says(letter_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(letter_model)
    parts = segments(DNA, "dna")
    bits, counts = [], []
    for part in parts:
        ids = tokenizer(part.text)["input_ids"]
        hidden = np.flatnonzero(part.asked_P) + 1
        masked = [tokenizer.mask_token_id if at in hidden else each for at, each in enumerate(ids)]
        table = log_probabilities(letter_model, masked)
        bits.append(-sum(table[at, ids[at]] for at in hidden))
        counts.append(len(hidden))
    found = opened(letter_model, "dna").score(parts)
    assert_bits(found, bits, counts)
    assert [each.token_bits for each in found] == pytest.approx(bits, rel=1e-4)


def test_every_model_is_asked_for_the_same_letters_and_never_for_unknown_ones() -> None:
    once, again = segments(DNA, "dna"), segments(DNA, "dna")
    assert all((one.asked_P == other.asked_P).all() for one, other in zip(once, again, strict=True))
    assert all(
        not part.asked_P[[at for at, letter in enumerate(part.text) if letter == "N"]].any() for part in once
    )
    assert sum(part.asked_P.sum() for part in once) == sum(
        round(0.2 * sum(letter != "N" for letter in part.text)) for part in once
    )
    assert "".join(part.text for part in segments(DNA[:1], "dna")) == DNA[0]


def test_of_text_whole_words_are_hidden() -> None:
    for part in segments(TEXT, "text"):
        hidden = "".join(
            "#" if asked else letter for letter, asked in zip(part.text, part.asked_P, strict=True)
        )
        changed = [word for word in hidden.split() if "#" in word]
        assert changed
        assert all(set(word) == {"#"} for word in changed)


def test_a_letter_under_kmers_has_the_probability_of_all_that_hold_it(tmp_path: Path) -> None:
    tokenizer = kmers(3)
    tokenizer.add_special_tokens({"mask_token": "<mask>"})
    folder = saved(tmp_path / "m", tokenizer)
    parts = segments([DNA[0], "GATTACA"], "dna")
    vocabulary = tokenizer.get_vocab()
    bits = []
    for part in parts:
        words = [part.text[at : at + 3] for at in range(len(part.text) - 2)]
        hidden = [part.asked_P[at : at + 3].any() for at in range(len(words))]
        own = [
            tokenizer.mask_token_id if hide else vocabulary[word]
            for word, hide in zip(words, hidden, strict=True)
        ]
        table = log_probabilities(folder, [2, *own, 3])[1:-1]
        paid = 0.0
        for letter in np.flatnonzero(part.asked_P):
            at = min(max(letter - 1, 0), len(words) - 1)
            same = [
                each
                for word, each in vocabulary.items()
                if len(word) == 3 and word[letter - at] == part.text[letter]
            ]
            paid -= np.log2(sum(2.0 ** table[at, each] for each in same))
        bits.append(paid)
    assert_bits(opened(folder, "dna").score(parts), bits, [int(part.asked_P.sum()) for part in parts])


def bpe(texts: list[str], **names: str) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    specials = ["<pad>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=60, special_tokens=specials))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", **names)


def test_a_token_of_several_letters_is_hidden_as_one_and_shared_among_them(tmp_path: Path) -> None:
    tokenizer = bpe([DNA[0], "GATTACA"], mask_token="<mask>")
    folder = saved(tmp_path / "m", tokenizer)
    parts = segments([DNA[0], "GATTACAGATTACA"], "dna")
    bits = []
    for part in parts:
        encoded = tokenizer(part.text, return_offsets_mapping=True)
        asked = [part.asked_P[start:stop].sum() for start, stop in encoded["offset_mapping"]]
        ids = encoded["input_ids"]
        table = log_probabilities(folder, [2 if each else own for own, each in zip(ids, asked, strict=True)])
        bits.append(
            -sum(
                table[at, ids[at]] * asked[at] / (stop - start)
                for at, (start, stop) in enumerate(encoded["offset_mapping"])
            )
        )
    assert max(stop - start for start, stop in encoded["offset_mapping"]) > 1
    assert_bits(opened(folder, "dna").score(parts), bits, [int(part.asked_P.sum()) for part in parts])


def test_a_causal_model_pays_by_the_chain_rule_for_all_but_the_first_token(tmp_path: Path) -> None:
    tokenizer = bpe(TEXT)
    folder = saved(tmp_path / "m", tokenizer, "gpt2")
    parts = segments(TEXT, "text")
    bits, counts = [], []
    for part in parts:
        encoded = tokenizer(part.text, return_offsets_mapping=True)
        ids, (_, first) = encoded["input_ids"], encoded["offset_mapping"][0]
        table = log_probabilities(folder, ids, "CausalLM")
        bits.append(-sum(table[at - 1, ids[at]] for at in range(1, len(ids))))
        counts.append(sum(not letter.isspace() for letter in part.text[first:]))
    assert_bits(opened(folder, "text").score(parts), bits, counts)


def test_bits_do_not_depend_on_what_is_scored_beside(letter_model: Path) -> None:
    scorer = opened(letter_model, "dna")
    parts = segments(DNA, "dna")
    alone = [scorer.score([part])[0].bits for part in parts]
    np.testing.assert_allclose([each.bits for each in scorer.score(parts)], alone, rtol=1e-5)


def test_a_masked_model_without_a_mask_token_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m", characters("ACGTN"))
    with pytest.raises(ModelError, match="its tokenizer has no mask token"):
        opened(folder, "dna")


def test_a_checkpoint_without_the_head_of_a_language_model_is_refused(tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = saved(tmp_path / "whole", characters("ACGTNM", mask_token="M"))
    AutoModel.from_pretrained(folder).save_pretrained(tmp_path / "m")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "m")
    with pytest.raises(NoHeadError, match="has no head of a language model"):
        opened(tmp_path / "m", "dna")
