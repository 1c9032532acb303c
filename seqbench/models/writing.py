"""How sequences are written for a tokenizer: as they are, letter by letter, or as words; found by trial.

Names of models and classes say little: one tokenizer class serves protein models that want spaces between
residues and DNA models that want overlapping words of six letters. So each way is tried on random sequences,
and the first is taken in which all letters of the alphabet are told apart and none is unknown.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import LETTERS, Alphabet
from seqbench.errors import ModelError, said

Ids = NDArray[np.int32]

SWAPS: dict[Alphabet, dict[str, str]] = {
    "dna": {"T": "U"},
    "rna": {"U": "T"},
    "protein": {},
    "text": {},
}
"""What is written for a letter that the tokenizer lacks: DNA models read RNA, RNA models DNA."""

STAND_INS: dict[Alphabet, dict[str, str]] = {
    "dna": {"U": "T"},
    "rna": {"T": "U"},
    "protein": dict.fromkeys("BOUZ", "X"),
    "text": {},
}
"""The same for further letters that sequences may hold. The cards of ProtBert and ProtT5 replace rare and
ambiguous residues by X."""

WORD_LENGTHS = range(2, 9)
"""k-mers that are tried; published models use 3 to 6."""

TRIAL_LENGTHS = (12, 36, 144, 720)
"""WordPiece gives up on words of over 100 letters, so short sequences alone would mislead. All are multiples
of 2, 3, 4 and 6: a tokenizer of codons may leave a rest out."""

UNITS = range(1, 9)
"""Letters whose multiples a tokenizer may insist on; codons are 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One way of writing sequences."""

    word: int = 0
    """0: as they are; 1: letters separated by spaces; k: overlapping k-mers separated by spaces."""
    replaced: dict[str, str] = field(default_factory=dict)
    """Letters that are written as others."""
    upper: bool = False
    """Whether lower case is written as upper case."""

    @property
    def name(self) -> str:
        """For records, such as `plain, U as T, upper-cased` or `kmer-6`."""
        words = {0: "plain", 1: "spaced"}.get(self.word, f"kmer-{self.word}")
        swaps = [
            f"{' '.join(sorted(old for old, new in self.replaced.items() if new == target))} as {target}"
            for target in sorted(set(self.replaced.values()))
        ]
        return ", ".join([words, *swaps, *(["upper-cased"] if self.upper else [])])

    @property
    def table(self) -> dict[int, str]:
        """For `str.translate`. Single ASCII letters: `str.upper` changes the length of some others."""
        table = {ord(old): new for old, new in self.replaced.items()}
        if self.upper:
            table |= {byte: table.get(byte - 32, chr(byte - 32)) for byte in range(ord("a"), ord("z") + 1)}
        return table


class SequenceWriter:
    """A tokenizer that is given sequences in one style."""

    def __init__(self, tokenizer: Any, style: Style, among: str) -> None:
        """Find out what lengths the tokenizer takes.

        Args:
            tokenizer: Of transformers, or of custom code.
            style: How it is given sequences.
            among: Letters that it should know.
        """
        self.style = style
        self.unknown: int | None = getattr(tokenizer, "unk_token_id", None)
        self._tokenizer = tokenizer
        self._table = style.table
        self.unit = next((unit for unit in UNITS if self._takes(unit, among)), 1)
        """Sequences must be multiples of so many letters; 1 for most tokenizers, 3 for some of codons."""

    def write(self, sequence: str) -> str:
        """The text that the tokenizer is given; a sequence shorter than a word is one word."""
        text, word = sequence.translate(self._table) if self._table else sequence, self.style.word
        if word == 0:
            return text
        return " ".join(text[start : start + word] for start in range(max(1, len(text) - word + 1)))

    def encode(self, sequences: Sequence[str], *, specials: bool = False) -> list[Ids]:
        """Token ids of each sequence, int32, without special tokens unless told otherwise.

        Those that the tokenizer refuses have none; `refusal` tells why.
        """
        if not sequences:
            return []
        try:
            return self._encode(sequences, specials)
        except Exception:  # of a batch with a sequence that it refuses; code of any kind raises here
            return [self._encode_alone(sequence, specials) for sequence in sequences]

    def _encode(self, sequences: Sequence[str], specials: bool = False) -> list[Ids]:
        encoded = self._tokenizer(
            [self.write(sequence) for sequence in sequences],
            add_special_tokens=specials,
            return_attention_mask=False,
            verbose=False,
        )
        return [np.asarray(ids, dtype=np.int32) for ids in encoded["input_ids"]]

    def _encode_alone(self, sequence: str, specials: bool) -> Ids:
        try:
            return self._encode([sequence], specials)[0]
        except Exception:  # as above
            return np.zeros(0, dtype=np.int32)

    def refusal(self, sequence: str) -> str:
        """Why a sequence has no token, for the end of a message."""
        try:
            self._encode([sequence])
        except Exception as error:  # as above
            return f"the tokenizer refuses the sequence: {said(error)}"
        return "the tokenizer makes no token of the sequence"

    def _takes(self, unit: int, among: str) -> bool:
        """Whether sequences of so many letters and of odd multiples are not refused."""
        try:
            self._encode([(among * unit * times)[: unit * times] for times in (5, 7, 11)])
        except Exception:  # as above
            return False
        return True

    def offsets(self, sequences: Sequence[str]) -> list[NDArray[np.int32]] | None:
        """Where in the text of `write` each token stands, (T, 2); None where the tokenizer does not tell."""
        if not getattr(self._tokenizer, "is_fast", False):
            return None
        try:
            encoded = self._tokenizer(
                [self.write(sequence) for sequence in sequences],
                add_special_tokens=False,
                return_attention_mask=False,
                return_offsets_mapping=True,
                verbose=False,
            )
        except Exception:  # as in `encode`
            return None
        return [np.asarray(each, dtype=np.int32).reshape(-1, 2) for each in encoded["offset_mapping"]]

    def texts(self, ids: Ids) -> list[str]:
        """Each token as the vocabulary writes it."""
        return [str(token) for token in self._tokenizer.convert_ids_to_tokens(ids.tolist())]

    def vocabulary(self) -> list[str]:
        """All tokens as text; none where custom code does not say."""
        try:
            return [str(token) for token in self._tokenizer.get_vocab()]
        except (NotImplementedError, AttributeError):
            return []

    def is_known(self, ids: Ids) -> bool:
        """Whether there are tokens, and none is the unknown one."""
        return len(ids) > 0 and (self.unknown is None or not bool((ids == self.unknown).any()))

    def knows(self, letters: str, among: str) -> str:
        """Those of `letters` that are told apart in sequences of `among` and not unknown or left out."""
        draw = random.Random(0)
        every = sorted({*letters, *among})
        known = set(letters)
        for length in TRIAL_LENGTHS:
            length = -(-length // self.unit) * self.unit
            context, at = "".join(draw.choices(among, k=length)), draw.randrange(length)
            varied = self.encode([context[:at] + letter + context[at + 1 :] for letter in every])
            runs = self.encode([letter * length for letter in every])
            seen = Counter(ids.tobytes() for ids in varied)
            known &= {
                letter
                for letter, ids, run in zip(every, varied, runs, strict=True)
                if seen[ids.tobytes()] == 1 and self.is_known(ids) and self.is_known(run)
            }
            if not known:
                break
        return "".join(letter for letter in letters if letter in known)


def find_writer(tokenizer: Any, alphabet: Alphabet) -> SequenceWriter:
    """Find how sequences of an alphabet are written for a tokenizer.

    Returns:
        Text is given as it is: its tokenizer knows words. Else the first way that works of: plain, spaced
        letters, overlapping k-mers. Letters that the tokenizer lacks are written as others (`SWAPS`,
        `STAND_INS`) and lower case as upper case, where it has those.

    Raises:
        ModelError: No way works.
    """
    core = LETTERS[alphabet]
    if alphabet == "text":
        return SequenceWriter(tokenizer, Style(), core)
    for style in _candidates(alphabet):
        if SequenceWriter(tokenizer, style, core).knows(core, core) == core:
            return SequenceWriter(tokenizer, _completed(tokenizer, style, alphabet), core)
    alone = SequenceWriter(tokenizer, Style(), core)
    runs = alone.encode([letter * alone.unit for letter in core])
    lacking = [letter for letter, ids in zip(core, runs, strict=True) if not alone.is_known(ids)]
    raise ModelError(
        f"the tokenizer can't tell {alphabet} sequences apart: tried plain, spaced letters, and k-mers of "
        f"{WORD_LENGTHS[0]} to {WORD_LENGTHS[-1]} letters"
        + (f"; of single letters it lacks {' '.join(lacking)}" if lacking else "")
        + " (is it a model of other sequences, or are files of its tokenizer missing?)"
    )


def _candidates(alphabet: Alphabet) -> Iterator[Style]:
    for word in (0, 1, *WORD_LENGTHS):
        yield Style(word=word)
        if SWAPS[alphabet]:
            yield Style(word=word, replaced=SWAPS[alphabet])


def _completed(tokenizer: Any, style: Style, alphabet: Alphabet) -> Style:
    """Add what is written for letters outside the core, and for lower case."""
    core = LETTERS[alphabet]
    writer = SequenceWriter(tokenizer, style, core)
    wanted = {old: new for old, new in STAND_INS[alphabet].items() if new not in style.replaced}
    known = writer.knows("".join({*wanted, *wanted.values()}), core)
    replaced = style.replaced | {
        old: new for old, new in wanted.items() if old not in known and (new in known or new in core)
    }
    lower = core.lower()
    return replace(style, replaced=replaced, upper=writer.knows(lower, lower) != lower)
