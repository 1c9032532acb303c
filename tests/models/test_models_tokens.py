"""Tokens against the tokenizer's own, and windows against a plain computation."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqbench.errors import ModelError
from seqbench.models.base import OverlongSequenceError
from seqbench.models.tokens import Tokens, Windows
from tests import tiny_tokenizers as tiny

NUCLEOTIDE_WORDS = ["".join(word) for word in product("ATCG", repeat=6)]
MAKERS: dict[str, Callable[[Path], Any]] = {
    "characters": lambda folder: tiny.characters(),
    "rna": lambda folder: tiny.characters("ACGUN"),
    "esm": lambda folder: tiny.esm(folder, list(tiny.RESIDUES)),
    "protbert": lambda folder: tiny.words_between_spaces(list(tiny.RESIDUES)),
    "prott5": lambda folder: tiny.sentencepiece(),
    "dnabert-3": lambda folder: tiny.kmers(3),
    "dnabert-6": lambda folder: tiny.kmers(6),
    "bpe": lambda folder: tiny.bpe(),
    "long token": lambda folder: tiny.characters_with_one_long_token(),
    "nucleotide-transformer": lambda folder: tiny.esm(folder, [*NUCLEOTIDE_WORDS, *"ATCGN"]),
    "bytes": lambda folder: tiny.python_bytes(),
    "gives up": lambda folder: tiny.GivesUp(3000),
}
STYLES = [
    ("characters", "dna", "plain, U as T, upper-cased"),
    ("characters", "rna", "plain, U as T, upper-cased"),
    ("rna", "dna", "plain, T as U, upper-cased"),
    ("esm", "protein", "plain, B O U Z as X, upper-cased"),
    ("protbert", "protein", "spaced, B O U Z as X, upper-cased"),
    ("prott5", "protein", "spaced, B O U Z as X, upper-cased"),
    ("dnabert-3", "dna", "kmer-3, U as T, upper-cased"),
    ("dnabert-6", "rna", "kmer-6, U as T, upper-cased"),
    ("bpe", "dna", "plain, U as T, upper-cased"),
    ("nucleotide-transformer", "dna", "plain, U as T, upper-cased"),
    ("bytes", "protein", "plain"),
]
FAST = {"characters", "rna", "esm", "protbert", "prott5", "dnabert-3", "dnabert-6", "bytes", "gives up"}


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {name: make(tmp_path_factory.mktemp("tokenizer")) for name, make in MAKERS.items()}


@pytest.fixture(scope="module")
def ready(tokenizers: dict[str, Any]) -> dict[str, Tokens]:
    return {name: Tokens(each, limit=None, overlong="window") for name, each in tokenizers.items()}


@pytest.mark.parametrize("unit", [2, 3, 5, 7])
def test_a_tokenizer_of_codons_is_tried_on_lengths_that_it_takes(unit: int) -> None:
    tokens = Tokens(tiny.Codons(unit), limit=None, overlong="window", alphabet="dna")
    assert tokens.style == "plain, T as U, upper-cased"
    windows = tokens.windows(["ACGTT" * unit, "A" * (unit + 1), "TTT" * unit])
    assert [len(ids) for ids in windows.ids] == [7, 5]
    assert windows.unreadable == {
        1: "the tokenizer refuses the sequence: length of input sequence must be a multiple of "
        f"{unit}, got {unit + 1}"
    }
    assert windows.coverage.tolist() == [1, 0, 1]


def test_a_sequence_without_any_token_has_no_window_and_a_reason() -> None:
    windows = Tokens(tiny.letters_or_nothing(), limit=4, overlong="truncate").windows(["NN", "ACGT"])
    assert windows.unreadable == {0: "the tokenizer makes no token of the sequence"}
    assert (windows.owner_W.tolist(), windows.coverage.tolist()) == ([1], [0, 0.5])


def own_ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer([text], add_special_tokens=False)["input_ids"][0])


@pytest.mark.parametrize(("name", "alphabet", "style"), STYLES)
def test_how_sequences_are_written_is_found_by_trial(
    tokenizers: dict[str, Any], name: str, alphabet: Any, style: str
) -> None:
    assert Tokens(tokenizers[name], limit=None, overlong="window", alphabet=alphabet).style == style


@pytest.mark.parametrize("name", MAKERS)
def test_a_table_stands_in_where_letters_or_kmers_are_tokens_and_nowhere_else(
    ready: dict[str, Tokens], name: str
) -> None:
    assert ready[name].fast == (name in FAST)


WRITTEN: dict[str, Callable[[str], str]] = {
    "protbert": " ".join,
    "prott5": " ".join,
    "dnabert-3": lambda text: " ".join(text[start : start + 3] for start in range(max(1, len(text) - 2))),
    "dnabert-6": lambda text: " ".join(text[start : start + 6] for start in range(max(1, len(text) - 5))),
}


@settings(max_examples=60, deadline=None)
@given(sequences=st.lists(st.text("ACGTACGTNRY-*", min_size=1, max_size=300), min_size=1, max_size=4))
@pytest.mark.parametrize("name", sorted(MAKERS.keys() - {"rna"}))
def test_tokens_are_always_the_tokenizers_own(
    tokenizers: dict[str, Any], ready: dict[str, Tokens], name: str, sequences: list[str]
) -> None:
    write = WRITTEN.get(name, str)
    for ids, sequence in zip(ready[name].encode(sequences), sequences, strict=True):
        assert ids.tolist() == own_ids(tokenizers[name], write(sequence))


@pytest.mark.parametrize("name", ["characters", "esm", "protbert", "prott5", "dnabert-3", "bpe"])
@settings(max_examples=30, deadline=None)
@given(sequence=st.text("ACGTacgtUuN", min_size=3, max_size=60))
def test_case_and_u_make_no_difference_to_a_dna_tokenizer(
    ready: dict[str, Tokens], name: str, sequence: str
) -> None:
    written = sequence.upper().replace("U", "T")
    first, second = ready[name].encode([sequence, written])
    assert first.tolist() == second.tolist()


def test_lower_case_stays_where_the_tokenizer_tells_it_from_upper_case(ready: dict[str, Tokens]) -> None:
    assert [ids.tolist() for ids in ready["bytes"].encode(["a", "A"])] == [[100], [68]]


def test_a_tokenizer_that_gives_up_on_long_sequences_is_believed(tokenizers: dict[str, Any]) -> None:
    tokens = Tokens(tokenizers["gives up"], limit=None, overlong="window")
    assert [len(ids) for ids in tokens.encode(["A" * 2999, "A" * 3001])] == [2999, 1]
    assert not tokens.fast


def test_a_sequence_of_a_million_letters_is_looked_up() -> None:
    sequence = "ACGTTGCA" * 131_072
    (ids,) = CHARACTERS.encode([sequence])
    assert (len(ids), ids.dtype, CHARACTERS.fast) == (1_048_576, np.int32, True)
    assert ids[-8:].tolist() == [4, 5, 6, 7, 7, 6, 5, 4]


def test_letters_beyond_ascii_go_to_the_tokenizer(
    tokenizers: dict[str, Any], ready: dict[str, Tokens]
) -> None:
    assert ready["characters"].encode(["Aβß"])[0].tolist() == own_ids(tokenizers["characters"], "Aβß")


@pytest.mark.parametrize("name", ["characters", "dnabert-6", "bpe", "nucleotide-transformer"])
def test_a_tokenizer_of_other_sequences_is_an_error_that_says_what_was_tried(
    tokenizers: dict[str, Any], name: str
) -> None:
    with pytest.raises(
        ModelError, match=r"tried plain, spaced letters, and k-mers .* it lacks .*D E"
    ) as caught:
        Tokens(tokenizers[name], limit=None, overlong="window", alphabet="protein")
    assert "\n" not in str(caught.value)


def test_a_tokenizer_that_makes_one_id_of_everything_is_refused_without_an_unknown_token() -> None:
    class Deaf:
        unk_token_id = pad_token_id = None

        def __call__(self, texts: list[str], **options: Any) -> dict[str, list[list[int]]]:
            return {"input_ids": [[0] * len(text) for text in texts]}

    with pytest.raises(ModelError, match="can't tell dna sequences apart"):
        Tokens(Deaf(), limit=None, overlong="window", alphabet="dna")


def cut(tokens_T: list[int], room: int, stride: int) -> list[list[int]]:
    """Windows by a loop: from every multiple of the stride, until one reaches the end."""
    found, start = [], 0
    while True:
        found.append(tokens_T[start : start + room])
        if start + room >= len(tokens_T):
            return found
        start += stride


@pytest.mark.parametrize(
    ("room", "stride"), [(1, None), (1, 1), (7, 3), (10, 1), (10, 10), (16, 15), (20, None)]
)
def test_windows_start_every_stride_and_say_what_they_share(room: int, stride: int | None) -> None:
    tokens = Tokens(tiny.characters(), limit=room + 2, overlong="window", stride=stride)
    lengths = [*range(1, 50), 3 * room, 3 * room + 1]
    sequences = [("ACGTTGCAN" * 7)[:length] for length in lengths]
    windows = tokens.windows(sequences)
    wanted = [cut(ids.tolist(), room, stride or room) for ids in tokens.encode(sequences)]
    assert [ids[1:-1].tolist() for ids in windows.ids] == [piece for pieces in wanted for piece in pieces]
    assert windows.owner_W.tolist() == [row for row, pieces in enumerate(wanted) for _ in pieces]
    assert new_tokens(windows) == lengths
    assert windows.coverage.tolist() == [1.0] * len(lengths)


CHARACTERS = Tokens(tiny.characters(), limit=None, overlong="window")


def new_tokens(windows: Windows) -> list[int]:
    """Own tokens of each sequence, those that windows share counted once."""
    new = np.array([len(ids) - 2 for ids in windows.ids]) - windows.overlap_W
    assert (new > 0).all()
    return np.bincount(windows.owner_W, weights=new).astype(int).tolist()


def test_ids_are_int32_and_stand_between_the_special_tokens() -> None:
    ids = CHARACTERS.windows(["ACGT"]).ids[0]
    assert ids.dtype == np.int32
    assert ids.tolist() == [2, 4, 5, 6, 7, 3]


def test_truncation_records_the_share_of_own_tokens_that_is_seen() -> None:
    tokens = Tokens(tiny.characters(), limit=12, overlong="truncate", stride=3)
    windows = tokens.windows(["A" * 40, "ACGT"])
    assert windows.coverage.tolist() == [0.25, 1.0]
    assert [len(ids) for ids in windows.ids] == [12, 6]


def test_an_overlong_sequence_is_an_error_where_the_user_said_so() -> None:
    tokens = Tokens(tiny.characters(), limit=12, overlong="error")
    with pytest.raises(OverlongSequenceError, match="sequence 1 has 13 tokens, the limit is 12"):
        tokens.windows(["A" * 10, "A" * 11])


def test_a_stride_over_the_room_names_both() -> None:
    with pytest.raises(ModelError, match=r"extract\.stride 11 .* room for 10 .* at most 10"):
        Tokens(tiny.characters(), limit=12, overlong="window", stride=11)


def test_a_limit_without_room_beside_the_special_tokens_is_refused() -> None:
    with pytest.raises(ModelError, match="max_tokens 2 leaves no room"):
        Tokens(tiny.characters(), limit=2, overlong="window")


def test_the_unknown_share_counts_own_tokens() -> None:
    assert CHARACTERS.unknown_share(["ACGT", "RRCG"]) == 0.25


def test_without_a_pad_token_padding_is_id_0_and_nothing_stands_around() -> None:
    tokens = Tokens(tiny.characters(around=False, padding_side="left"), limit=4, overlong="window")
    assert (tokens.pad_id, tokens.prefix.tolist(), tokens.suffix.tolist()) == (0, [], [])
    assert [ids.tolist() for ids in tokens.windows(["ACGTA"]).ids] == [[4, 5, 6, 7], [4]]


def test_rna_is_written_as_dna_for_a_tokenizer_that_leaves_unknown_letters_out() -> None:
    class Leaves(tiny.GivesUp):
        def __call__(self, texts: list[str], **options: Any) -> dict[str, list[list[int]]]:
            return super().__call__([text.replace("U", "") for text in texts], **options)

    tokens = Tokens(Leaves(10**6), limit=None, overlong="window", alphabet="rna")
    assert (tokens.style, len(tokens.encode(["ACGU"])[0])) == ("plain, U as T, upper-cased", 4)


def test_special_tokens_inside_sequences_are_refused() -> None:
    class Strange(tiny.GivesUp):
        def __call__(self, texts: list[str], **options: Any) -> dict[str, list[list[int]]]:
            encoded = super().__call__(texts, **options)
            if options["add_special_tokens"]:
                encoded["input_ids"] = [[2, *ids[1:3], 3, *ids[3:]] for ids in encoded["input_ids"]]
            return encoded

    with pytest.raises(ModelError, match="special tokens inside sequences"):
        Tokens(Strange(10**6), limit=None, overlong="window")
