"""An opened corpus, its held-out part, and pieces of its documents read at random.

Shape letters: N documents, P pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet, reverse_complement
from seqbench.core.progress import Advance, Reporter
from seqbench.corpora.documents import files_of
from seqbench.corpora.index import CorpusIndex, IndexFacts, open_index
from seqbench.corpora.source import CorpusSource, format_of
from seqbench.datasets.facts import alphabet_of
from seqbench.datasets.importing.inputs import check_file
from seqbench.datasets.importing.record import Place
from seqbench.errors import DataError

Part = Literal["all", "train", "held_out"]

BLOCK: Final = 256
"""Documents whose records are read together; of each block 8 bytes are held in memory."""
SLACK: Final = 64
"""Bytes within which the end of a piece moves on to the next white space."""
SAMPLE_BYTES: Final = 1 << 20
"""Of a corpus that are read to tell its alphabet."""
BAR_BYTES: Final = 100_000_000
"""Indexing a smaller corpus takes a second or so and shows no bar."""
_LETTERS: Final = 256


class Piece(NamedTuple):
    """A document, or a part of a long one."""

    document: int
    """Row of the corpus, from 0."""
    start: int
    """Byte of the document's text at which it begins; of ASCII its letter."""
    text: str
    opposite: bool
    """Whether the text is the reverse complement of what stands there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corpus:
    """A corpus whose every document was read once."""

    source: CorpusSource
    alphabet: Alphabet
    index: CorpusIndex

    @property
    def name(self) -> str:
        """As the user calls it."""
        return self.source.name

    @property
    def facts(self) -> IndexFacts:
        """Counts, and the hash of all texts."""
        return self.index.facts

    def __len__(self) -> int:
        return len(self.index)

    def place(self, row: int) -> Place:
        """Where a document stands, for messages."""
        record = self.index.records(row, row + 1)[0]
        path = self.index.files[record["file"]]
        return Place(path, int(record["number"]), rows=format_of(self.source) == "arrow")

    def document(self, row: int) -> str:
        """The text of a document."""
        record = self.index.records(row, row + 1)[0]
        return self.index.read(record, 0, int(record["n_bytes"])).decode()

    def documents(self, part: Part = "all", share: float = 0.0) -> Iterator[tuple[int, str]]:
        """Row and text of each document of a part that is not empty, in their order."""
        for start in range(0, len(self), BLOCK):
            records = self.index.records(start, start + BLOCK)
            for at in np.flatnonzero(is_in(records, part, share)):
                record = records[at]
                yield start + int(at), self.index.read(record, 0, int(record["n_bytes"])).decode()

    def count(self, part: Part, share: float) -> int:
        """How many documents that are not empty a part has."""
        starts = range(0, len(self), BLOCK)
        return sum(
            int(is_in(self.index.records(start, start + BLOCK), part, share).sum()) for start in starts
        )


def open_corpus(source: CorpusSource, reporter: Reporter | None = None, *, kept: bool = True) -> Corpus:
    """Read a corpus once, or open what was kept of an earlier reading.

    Args:
        source: Where it lies.
        reporter: Shows a bar for corpora over 100 MB.
        kept: Whether the index of one over 1 MB is kept in the user's cache folder.

    Raises:
        DataError: It can't be read, a document is at fault, or both strands are asked of what has none.
    """
    size = sum(map(check_file, files_of(source)))
    if reporter is None or size < BAR_BYTES:
        index = open_index(source, _silent, kept=kept)
    else:
        with reporter.task(f"index {source.name}", size, "B") as advance:
            index = open_index(source, advance, kept=kept)
    corpus = Corpus(source=source, alphabet=source.alphabet or _alphabet(index), index=index)
    if source.both_strands and corpus.alphabet not in ("dna", "rna"):
        raise DataError(f"{source.path}: both strands are asked for, but its letters are {corpus.alphabet}")
    return corpus


_silent: Advance = lambda _: None  # noqa: E731


def _alphabet(index: CorpusIndex) -> Alphabet:
    """Told by the letters of the first megabyte; what holds more than ASCII is text."""
    letters = np.zeros(_LETTERS, dtype=np.int64)
    n_read = 0
    for start in range(0, len(index), BLOCK):
        for record in index.records(start, start + BLOCK):
            raw = index.read(record, 0, SAMPLE_BYTES)
            letters += np.bincount(np.frombuffer(raw, dtype=np.uint8), minlength=_LETTERS)
            n_read += len(raw)
            if n_read >= SAMPLE_BYTES:
                return _told_by(letters)
    return _told_by(letters)


def _told_by(letters: NDArray[np.int64]) -> Alphabet:
    return "text" if letters[128:].any() else alphabet_of(letters)


def is_in(records: NDArray[np.void], part: Part, share: float) -> NDArray[np.bool_]:
    """Which documents are in a part, empty ones in none: held out is the share with the lowest digests."""
    present: NDArray[np.bool_] = records["n_bytes"] > 0
    if part == "all":
        return present
    # 2^64 digests: compared by their upper 53 bits, which a float holds exactly.
    held_out = (records["group"] >> np.uint64(11)).astype(np.float64) < share * 2.0**53
    return present & (held_out if part == "held_out" else ~held_out)


class Pieces:
    """The documents of a part of a corpus, long ones in pieces, read in any order."""

    def __init__(self, corpus: Corpus, letters: int, *, part: Part = "all", share: float = 0.0) -> None:
        """Count them, in one pass over the index.

        Args:
            corpus: Where they are.
            letters: Bytes of a piece, at least 128; where white space follows within `SLACK` bytes a piece
                ends there, so no word is cut.
            part: Train is what is not held out.
            share: Held out of the corpus, by hash of text or group.

        Raises:
            DataError: The part holds no document.
        """
        if letters < 2 * SLACK:
            raise ValueError(f"pieces have at least {2 * SLACK} letters, not {letters}")
        self.corpus, self._letters, self._part, self._share = corpus, letters, part, share
        self._strands = 2 if corpus.source.both_strands else 1
        counts = [
            int(self._counts(corpus.index.records(start, start + BLOCK)).sum())
            for start in range(0, len(corpus), BLOCK)
        ]
        self._ends = np.cumsum(counts, dtype=np.int64)
        if not len(self):
            what = "nothing is held out" if part == "held_out" else "nothing is left to train on"
            raise DataError(f"{corpus.source.path}: with a share of {share:g} for eval {what} (change eval)")

    def __len__(self) -> int:
        return self._strands * int(self._ends[-1])

    def read(self, numbers: NDArray[np.int64]) -> list[Piece]:
        """Read some pieces; numbers from 0, those of reverse complements after all others.

        Raises:
            DataError: A file was changed since it was indexed.
        """
        self.corpus.index.check_unchanged()
        found: dict[int, Piece] = {}
        forward = numbers % int(self._ends[-1])
        opposite = numbers >= int(self._ends[-1])
        blocks = np.searchsorted(self._ends, forward, side="right")
        for block in np.unique(blocks):
            start = int(block) * BLOCK
            records = self.corpus.index.records(start, start + BLOCK)
            ends = np.cumsum(self._counts(records))
            before = int(self._ends[block - 1]) if block else 0
            for at in np.flatnonzero(blocks == block).tolist():
                number = int(forward[at]) - before
                row = int(np.searchsorted(ends, number, side="right"))
                part = number - (int(ends[row - 1]) if row else 0)
                begin, text = self._text(records[row], part)
                if opposite[at]:
                    text = reverse_complement(text)
                found[at] = Piece(start + row, begin, text, bool(opposite[at]))
        return [found[at] for at in range(len(numbers))]

    def _counts(self, records: NDArray[np.void]) -> NDArray[np.int64]:
        """Pieces of each document; none of those in the other part."""
        n_pieces = -(-records["n_bytes"] // self._letters)
        return np.where(is_in(records, self._part, self._share), n_pieces, 0)

    def _text(self, record: np.void, part: int) -> tuple[int, str]:
        """A piece's first byte and its text."""
        start, stop = part * self._letters, (part + 1) * self._letters
        raw = self.corpus.index.read(record, start, stop + SLACK)
        begin = 0 if part == 0 else _cut(raw, 0)
        end = len(raw) if start + len(raw) <= stop else _cut(raw, self._letters)
        return start + begin, raw[begin:end].decode()


def _cut(raw: bytes, at: int) -> int:
    """Where pieces meet: behind the first white space from a byte on, or at the first whole character."""
    for place in range(at, min(at + SLACK, len(raw))):
        if raw[place] in b" \t\n\r":
            return place + 1
    while at < len(raw) and 0x80 <= raw[at] < 0xC0:
        at += 1
    return at
