"""The documents of a corpus that models are scored on: a few, the same ones for every model and every run."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet
from seqbench.corpora.corpus import BLOCK, Corpus, Part, is_in
from seqbench.likelihood.segments import Segment, SegmentSettings, segments_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredDocument:
    """A document, or parts of a long one."""

    row: int
    """Of the corpus, from 0."""
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredCorpus:
    """What models are asked for of one corpus."""

    name: str
    alphabet: Alphabet
    is_watched: bool
    """Whether it is only watched for what is forgotten."""
    documents: tuple[ScoredDocument, ...]
    sha256: str
    """Of the segments and of the letters that are asked for."""


def choose_documents(
    corpus: Corpus,
    settings: SegmentSettings,
    *,
    part: Part,
    share: float,
    letters: int,
    longest: int,
    is_watched: bool,
) -> ScoredCorpus:
    """Take documents in the order of their hashes until there are enough letters.

    Args:
        corpus: Where they are.
        settings: How they are cut and hidden.
        part: Held-out documents, or all.
        share: Held out of the corpus.
        letters: Of all documents together, about; the last one may pass it.
        longest: Letters of a document; of a longer one segments are taken at even distances.
        is_watched: See `ScoredCorpus`.
    """
    documents: list[ScoredDocument] = []
    digest = hashlib.sha256(repr((asdict(settings), corpus.alphabet)).encode())
    n_letters = 0
    for row in _rows(corpus, part, share, letters):
        every = list(segments_of(corpus.document(row), corpus.alphabet, settings))
        wanted = max(1, longest // settings.letters)
        chosen = every if len(every) <= wanted else [every[at * len(every) // wanted] for at in range(wanted)]
        documents.append(ScoredDocument(row=row, segments=tuple(chosen)))
        for segment in chosen:
            digest.update(f"{segment.start} {segment.text}\n".encode())
            digest.update(np.packbits(segment.asked_P).tobytes())
            n_letters += len(segment.text)
        if n_letters >= letters:
            break
    return ScoredCorpus(
        name=corpus.name,
        alphabet=corpus.alphabet,
        is_watched=is_watched,
        documents=tuple(documents),
        sha256=digest.hexdigest(),
    )


def _rows(corpus: Corpus, part: Part, share: float, letters: int) -> Iterator[int]:
    """Rows of a part's documents by their hashes, equal texts once; no more are held than may be wanted."""
    parts: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
    n_held = 0
    for start in range(0, len(corpus), BLOCK):
        records = corpus.index.records(start, start + BLOCK)
        chosen = np.flatnonzero(is_in(records, part, share))
        parts.append((records["digest"][chosen], start + chosen))
        n_held += len(chosen)
        # Each document has a letter, so more than these are never wanted.
        if n_held > 2 * letters:
            parts = [_first(parts, letters)]
            n_held = len(parts[0][0])
    yield from _first(parts, letters)[1].tolist()


def _first(
    parts: Sequence[tuple[NDArray[np.uint64], NDArray[np.int64]]], wanted: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The lowest digests, each once, and their rows."""
    digests, rows = (np.concatenate(each) for each in zip(*parts, strict=True))
    lowest, place = np.unique(digests, return_index=True)
    return lowest[:wanted], rows[place[:wanted]]
