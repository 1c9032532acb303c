"""Which letters of a document a model is asked for: the same ones, whatever its tokenizer.

    document  ->  segments of at most so many letters  ->  some letters (of text: words) of each are hidden

Shape letters: P letters of a segment.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import LETTERS, Alphabet

_WORD: Final = re.compile(r"\S+")
SLACK: Final = 64
"""Letters within which a segment of text ends at a space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSettings:
    """How documents are cut and hidden; equal settings ask for equal letters."""

    letters: int = 512
    """Of a segment at most: the context that a model is given. A model whose window is shorter sees less."""
    share: float = 0.15
    """Of the letters, of text the words, that are hidden from masked models."""
    seed: int = 0


class Segment(NamedTuple):
    """A part of a document."""

    start: int
    """Letter of the document at which it begins."""
    text: str
    asked_P: NDArray[np.bool_]
    """Letters that are hidden from masked models, and that they are scored on."""
    countable_P: NDArray[np.bool_]
    """Letters that can be asked for: of the alphabet (not N or X), of text all that is no white space. Causal
    models are scored on all of these."""


def segments_of(text: str, alphabet: Alphabet, settings: SegmentSettings) -> Iterator[Segment]:
    """Cut a document and draw what is hidden, by its content and the seed alone.

    Of nucleotides and residues single letters are hidden, of text whole words. Each segment has at least one
    that is asked for, unless it has none that could be.
    """
    for start, part in _parts(text, alphabet, settings.letters):
        random = _generator(part, start, settings.seed)
        countable_P = _countable(part, alphabet)
        asked_P = np.zeros(len(part), dtype=np.bool_)
        if alphabet == "text":
            words = [match.span() for match in _WORD.finditer(part)]
            for place in _drawn(len(words), settings.share, random):
                asked_P[slice(*words[place])] = True
        else:
            places = np.flatnonzero(countable_P)
            asked_P[places[_drawn(len(places), settings.share, random)]] = True
        yield Segment(start, part, asked_P, countable_P)


def _drawn(n: int, share: float, random: np.random.Generator) -> list[int]:
    n_drawn = min(n, max(1, round(share * n)))
    drawn: list[int] = random.permutation(n)[:n_drawn].tolist()
    return drawn


def _parts(text: str, alphabet: Alphabet, letters: int) -> Iterator[tuple[int, str]]:
    """Parts of about equal length; of text they end behind a space where one is near."""
    n_parts = max(1, -(-len(text) // letters))
    start = 0
    for number in range(1, n_parts + 1):
        stop = len(text) * number // n_parts
        if alphabet == "text" and number < n_parts:
            space = text.rfind(" ", max(start, stop - SLACK), stop)
            stop = space + 1 if space >= 0 else stop
        if stop > start:
            yield start, text[start:stop]
        start = stop


def _countable(part: str, alphabet: Alphabet) -> NDArray[np.bool_]:
    if alphabet == "text":
        return np.array([not letter.isspace() for letter in part], dtype=np.bool_)
    letters = "ACGTU" if alphabet in ("dna", "rna") else LETTERS[alphabet]
    known = np.zeros(256, dtype=np.bool_)
    known[list((letters + letters.lower()).encode())] = True
    return known[np.frombuffer(part.encode("latin-1", "replace"), dtype=np.uint8)]


def _generator(part: str, start: int, seed: int) -> np.random.Generator:
    digest = blake2b(f"{seed} {start}\n{part}".encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
