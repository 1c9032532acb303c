"""What is hidden of a window: in the shares asked for, never a special, unknown or odd token."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqbench.adapt.masking import Masker, MaskSettings
from seqbench.adapt.vocabulary import Vocabulary, overlapping_letters, read_vocabulary
from seqbench.errors import ModelError
from tests.tiny_tokenizers import characters, kmers, wrap

N_WINDOWS, LENGTH = 1000, 1000
SPECIAL, UNKNOWN, ODD = 2, 1, 8  # <cls>, <unk>, N


def letters(**settings: Any) -> tuple[Vocabulary, Masker]:
    tokenizer = characters("ACGTN", mask_token="<mask>")
    vocabulary = read_vocabulary(tokenizer, "dna", len(tokenizer))
    return vocabulary, Masker(vocabulary, MaskSettings(**settings), seed=1, around=(1, 1))


def windows() -> np.ndarray:
    """<cls>, letters with some N and unknown ones, <eos>: (N, T)."""
    ids = np.random.default_rng(0).choice(
        [4, 5, 6, 7, ODD, UNKNOWN], (N_WINDOWS, LENGTH), p=[0.24] * 4 + [0.03, 0.01]
    )
    ids[:, 0], ids[:, -1] = SPECIAL, 3
    return ids.astype(np.int32)


def mask_all(masker: Masker, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    masked = [masker.mask(row, str(number), epoch=0, place=0) for number, row in enumerate(ids)]
    return np.stack([each.inputs_T for each in masked]), np.stack([each.targets_T for each in masked])


def within(found: int, n: int, share: float) -> bool:
    """Within four standard deviations of a binomial count."""
    return abs(found - n * share) < 4 * np.sqrt(n * share * (1 - share))


def test_of_a_million_tokens_15_percent_are_targets_and_80_10_10_of_them_masked_random_and_as_they_were() -> (
    None
):
    vocabulary, masker = letters()
    ids = windows()
    inputs, targets = mask_all(masker, ids)
    may = np.isin(ids, [4, 5, 6, 7])
    n, chosen = int(may.sum()), int(targets.sum())
    assert within(chosen, n, 0.15)
    assert not targets[~may].any()
    assert (inputs[~targets] == ids[~targets]).all()
    is_mask = inputs[targets] == vocabulary.mask_id
    assert within(int(is_mask.sum()), chosen, 0.8)
    changed = int((~is_mask & (inputs[targets] != ids[targets])).sum())
    assert within(changed, chosen, 0.1 * 3 / 4)  # a random letter is the same one in four
    assert set(np.unique(inputs[targets])) == {4, 5, 6, 7, vocabulary.mask_id}


def test_with_mask_every_target_becomes_the_mask_token() -> None:
    vocabulary, masker = letters(replace="mask", share=0.4)
    inputs, targets = mask_all(masker, windows()[:50])
    assert (inputs[targets] == vocabulary.mask_id).all()
    assert within(int(targets.sum()), int(np.isin(windows()[:50], [4, 5, 6, 7]).sum()), 0.4)


def test_masks_depend_on_text_seed_and_epoch_alone() -> None:
    _, masker = letters()
    ids = windows()[0]
    first = masker.mask(ids, "text", epoch=0, place=0)
    masker.mask(windows()[1], "other", epoch=3, place=0)
    again = letters()[1].mask(ids, "text", epoch=0, place=0)
    assert (first.inputs_T == again.inputs_T).all()
    assert (first.targets_T == again.targets_T).all()
    for change in ({"epoch": 1}, {"place": 1}, {"text": "texts"}):
        other = masker.mask(ids, **{"text": "text", "epoch": 0, "place": 0, **change})
        assert (first.targets_T != other.targets_T).any()


def test_spans_have_their_mean_length_and_take_their_share() -> None:
    _, masker = letters(masking="span", span=4.0, share=0.2)
    ids = np.tile(np.array([2, *[4, 5, 6, 7] * 250, 3], dtype=np.int32), (400, 1))
    _, targets = mask_all(masker, ids)
    n_spans = int((np.diff(targets.astype(int), axis=1) == 1).sum())
    assert targets[:, 1:-1].mean() == pytest.approx(0.2, abs=0.005)
    assert targets.sum() / n_spans == pytest.approx(4.0, abs=0.1)


def test_a_hidden_letter_is_shown_by_no_k_mer_around_it() -> None:
    tokenizer = kmers(3)
    tokenizer.add_special_tokens({"mask_token": "<mask>"})
    draw = random.Random(0)
    text = "".join(draw.choices("ACGT", k=2000))
    ids = np.asarray(tokenizer(" ".join(text[i : i + 3] for i in range(1998)))["input_ids"], dtype=np.int32)
    assert overlapping_letters(tokenizer, ids[1:-1].tolist()) == 3
    vocabulary = read_vocabulary(tokenizer, "dna", len(tokenizer), k=3)
    settings = MaskSettings(masking="kmer", replace="mask", share=0.3)
    _, targets = Masker(vocabulary, settings, seed=0, around=(1, 1)).mask(ids, text, epoch=0, place=0)
    own = targets[1:-1]
    shown = np.zeros(2000, dtype=bool)
    for start in np.flatnonzero(~own):
        shown[start : start + 3] = True
    assert own.mean() == pytest.approx(0.3, abs=0.03)
    assert all(not shown[start : start + 3].all() for start in np.flatnonzero(own))


def word_pieces() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<pad>", "<unk>", "<cls>", "<eos>", "<mask>", "gene", "##s", "##tic", "cell", "[unused1]"]
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return wrap(tokenizer, mask_token="<mask>")


def byte_pairs() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokens = ["<pad>", "<unk>", "<cls>", "<eos>", "<mask>", "Ġ", "g", "s", "t", "Ġg", "Ġgs"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("Ġ", "g"), ("Ġg", "s")], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return wrap(tokenizer, mask_token="<mask>")


@pytest.mark.parametrize(
    ("make", "text"),
    [(word_pieces, "genes cell genetic cells " * 40), (byte_pairs, "gst gsst gs gt " * 40)],
)
def test_whole_words_are_hidden(make: Callable[[], Any], text: str) -> None:
    tokenizer = make()
    encoded = tokenizer(text)
    ids = np.asarray(encoded["input_ids"], dtype=np.int32)
    vocabulary = read_vocabulary(tokenizer, "text", len(tokenizer))
    settings = MaskSettings(masking="word", share=0.3)
    _, targets = Masker(vocabulary, settings, seed=0, around=(1, 1)).mask(ids, text, epoch=0, place=0)
    words = np.array([-1 if word is None else word for word in encoded.word_ids()])
    fates = {word: set(targets[words == word].tolist()) for word in set(words.tolist()) - {-1}}
    assert all(len(fate) == 1 for fate in fates.values())
    assert 0.15 < np.mean([True in fate for fate in fates.values()]) < 0.45


def test_placeholders_special_and_unknown_tokens_stand_for_nothing() -> None:
    tokenizer = word_pieces()
    allowed = read_vocabulary(tokenizer, "text", len(tokenizer), around=[2, 3]).allowed_ids
    assert tokenizer.convert_ids_to_tokens(allowed) == ["gene", "##s", "##tic", "cell"]


def test_what_a_tokenizer_lacks_is_told() -> None:
    no_mask = characters("ACGT")
    with pytest.raises(ModelError, match="has no mask token"):
        Masker(read_vocabulary(no_mask, "dna", len(no_mask)), MaskSettings(), seed=0)
    with pytest.raises(ModelError, match="masking: word needs a tokenizer that marks where words begin"):
        letters(masking="word")
    with pytest.raises(ModelError, match="no token of protein letters alone"):
        read_vocabulary(characters("JZ"), "protein", 8)
