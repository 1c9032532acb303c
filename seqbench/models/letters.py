"""Fast encoding for tokenizers that make one token of each letter, or of each k letters: a table look-up.

Most models of this field read letters. Their tokenizers, made for text, run at 1 to 3 million letters a
second, a look-up at 20 to 300. That a tokenizer is of this kind is found by trial, against its own output; a
sequence with a letter that the trial did not cover goes to the tokenizer itself.

Shape letters: P letters of a sequence, T tokens.
"""

import random
import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import LETTERS, Alphabet
from seqbench.models.writing import Ids, SequenceWriter

CANDIDATES = string.ascii_letters + "-.*"
"""What sequences are made of."""

TRIAL_LENGTHS = (1, 2, 3, 5, 8, 13, 34, 90, 130, 260, 700, 2000)
TRIALS = 8
"""Random sequences of each length and kind."""

MAX_WORDS = 4**8
"""Entries of a table of k-mers at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The ids of a tokenizer by letter, or by k-mer."""

    codes: NDArray[np.int32]
    """Per byte value, the digit of the letter (for k = 1 its token id), or -1; shape (256,)."""
    words: Ids | None = None
    """The id of each k-mer, its letters being the digits of a number; shape (base**k,). None for k = 1."""
    k: int = 1
    base: int = 0

    def covers(self, sequence: str) -> bool:
        """Whether the table has every letter, and there is one."""
        codes_P = self.codes[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]
        return len(codes_P) >= self.k and bool(codes_P.min() >= 0)

    def encode(self, sequence: str) -> Ids | None:
        """Token ids, shape (T,); None where a letter is not covered or there is no whole word."""
        # Latin-1 keeps one byte a letter; what it lacks becomes "?", which no table covers.
        codes_P = self.codes[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]
        if len(codes_P) < self.k or codes_P.min() < 0:
            return None
        if self.words is None:
            return codes_P
        n_words = len(codes_P) - self.k + 1
        words_T = np.zeros(n_words, dtype=np.int32)
        for start in range(self.k):
            words_T *= self.base
            words_T += codes_P[start : start + n_words]
        return self.words[words_T]


def find_lookup(writer: SequenceWriter, alphabet: Alphabet) -> Lookup | None:
    """Find a table that gives what a tokenizer gives; None where its tokens depend on their neighbours."""
    if alphabet == "text":
        return None
    core = LETTERS[alphabet]
    if writer.style.word > 1:
        found = _words(writer, core)
        return found if found is not None and _agrees(found, writer) else None
    alone = dict(zip(CANDIDATES, writer.encode(list(CANDIDATES)), strict=True))
    single = {letter: int(ids[0]) for letter, ids in alone.items() if len(ids) == 1}
    known = {letter: token for letter, token in single.items() if token != writer.unknown}
    # Some join neighbours that they do not know into one unknown token, hence a second try without those.
    for table in (single, known):
        found = Lookup(codes=_byte_table(table))
        if set(core) <= table.keys() and _agrees(found, writer):
            return found
    return None


def _byte_table(values: dict[str, int]) -> NDArray[np.int32]:
    table = np.full(256, -1, dtype=np.int32)
    for letter, value in values.items():
        table[ord(letter)] = value
    return table


def _words(writer: SequenceWriter, core: str) -> Lookup | None:
    """A table of all k-mers of the core letters; None where they are too many or not one token each."""
    k, base = writer.style.word, len(core)
    if base**k > MAX_WORDS:
        return None
    written = {writer.write(letter): digit for digit, letter in enumerate(core)}
    digits = {letter: written.get(writer.write(letter), -1) for letter in CANDIDATES}
    ids = writer.encode(["".join(word) for word in product(core, repeat=k)])
    if any(len(each) != 1 for each in ids):
        return None
    return Lookup(codes=_byte_table(digits), words=np.concatenate(ids), k=k, base=base)


def _agrees(found: Lookup, writer: SequenceWriter) -> bool:
    """Hold a table against the tokenizer on sequences of the letters that it covers, short ones first."""
    covered = "".join(letter for letter in CANDIDATES if found.codes[ord(letter)] >= 0)
    pairs = ["".join(pair) for pair in product(covered, repeat=2)]  # merges of BPE begin with a pair
    runs = [letter * 40 for letter in covered]
    stages = [_random_sequences(covered, length) for length in TRIAL_LENGTHS]
    return all(
        _same(found, writer, stage) for stage in (pairs, runs, _multi_letter_tokens(writer, covered), *stages)
    )


def _same(found: Lookup, writer: SequenceWriter, sequences: Sequence[str]) -> bool:
    for sequence, ids in zip(sequences, writer.encode(sequences), strict=True):
        looked_up = found.encode(sequence)
        if looked_up is not None and not np.array_equal(looked_up, ids):
            return False
    return True


def _random_sequences(covered: str, length: int) -> list[str]:
    """Sequences of one length, half of them of few letters."""
    draw = random.Random(length)
    few = [draw.sample(covered, k=min(4, len(covered))) for _ in range(TRIALS)]
    return ["".join(draw.choices(letters, k=length)) for letters in (*[covered] * TRIALS, *few)]


def _multi_letter_tokens(writer: SequenceWriter, covered: str) -> list[str]:
    """Every token of several letters, between two others.

    WordPiece and Unigram may have long tokens without short ones; random sequences rarely hit those.
    """
    draw = random.Random(0)
    entries = {"".join(letter for letter in token if letter in covered) for token in writer.vocabulary()}
    return [
        draw.choice(covered) + entry + draw.choice(covered) for entry in sorted(entries) if len(entry) > 1
    ]
