"""Windows of several corpora, drawn in shares of tokens, by seed, from any place on.

Shape letters: T tokens of a window.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqbench.corpora.corpus import Pieces
from seqbench.corpora.order import key_of, order
from seqbench.errors import DataError

Ids = NDArray[np.int32]

Tokenize = Callable[[Sequence[str]], Sequence[Sequence[Ids]]]
"""Token ids of each text, in as many windows as it takes; a text without tokens has none."""

_READ_TOGETHER: Final = 256
"""Pieces that are read and tokenised together."""


class Window(NamedTuple):
    """What a model sees as one sequence."""

    portion: int
    """Position among the mixture's portions."""
    document: int
    """Row of its corpus."""
    text: str
    """Of the piece that the window is of."""
    ids_T: Ids
    """As the tokenizer gave them."""
    place: int
    """Which of the piece's windows this is, from 0."""
    epoch: int
    """Pass over its portion in which it is drawn, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """A corpus's part in a mixture."""

    pieces: Pieces
    weight: float = 1.0
    """Its share of the tokens, beside the other portions' weights."""


class Mixture:
    """An endless stream of windows of several corpora.

    The next window is always of the portion that has had the fewest tokens for its weight; within a portion,
    each pass (epoch) takes all pieces once, in an order drawn by seed. So at any time the portions' tokens
    stand in the proportion of their weights, to within a window.
    """

    def __init__(self, portions: Sequence[Portion], tokenize: Tokenize, *, seed: int) -> None:
        """Start at the first piece of each portion's first epoch.

        Args:
            portions: At least one; weights above 0.
            tokenize: Makes windows of texts.
            seed: Of the orders.
        """
        if not portions or any(portion.weight <= 0 for portion in portions):
            raise ValueError("a mixture has portions of weights above 0")
        self.portions = tuple(portions)
        self._streams = [
            _Stream(portion.pieces, tokenize, number, seed) for number, portion in enumerate(portions)
        ]

    def next(self) -> Window:
        """The next window.

        Raises:
            DataError: A corpus was changed, or no piece of it has a token.
        """
        loads = [
            stream.n_tokens / portion.weight
            for stream, portion in zip(self._streams, self.portions, strict=True)
        ]
        return self._streams[int(np.argmin(loads))].next()

    @property
    def epochs(self) -> tuple[float, ...]:
        """How often each portion's pieces have been gone through; 0.5 is half of them."""
        return tuple(
            stream.n_pieces / len(portion.pieces)
            for stream, portion in zip(self._streams, self.portions, strict=True)
        )

    @property
    def n_tokens(self) -> tuple[int, ...]:
        """Tokens that each portion has given, special ones included."""
        return tuple(stream.n_tokens for stream in self._streams)

    def state(self) -> list[list[int]]:
        """Where each portion is, for `restore`; some numbers a portion."""
        return [stream.state() for stream in self._streams]

    def restore(self, state: Any) -> None:
        """Go on from what `state` told of the same mixture: the next window is the same."""
        for stream, place in zip(self._streams, state, strict=True):
            stream.restore(place)


class _Stream:
    """The windows of one portion, epoch after epoch."""

    def __init__(self, pieces: Pieces, tokenize: Tokenize, number: int, seed: int) -> None:
        self._pieces, self._tokenize, self._number, self._seed = pieces, tokenize, number, seed
        self.n_tokens = 0
        self.n_pieces = 0
        """Pieces whose windows have all been given."""
        self._n_given = 0
        """Windows of the piece after them that have been given."""
        self._waiting: deque[deque[Window]] = deque()
        """The windows of pieces that were read, from `n_pieces` on."""

    def next(self) -> Window:
        n_without = 0
        while True:
            if not self._waiting:
                self._read()
            if self._waiting[0]:
                break
            self._end_piece()
            n_without += 1
            if n_without > len(self._pieces):
                path = self._pieces.corpus.source.path
                raise DataError(f"{path}: the model's tokenizer makes no token of any document")
        window = self._waiting[0].popleft()
        self._n_given += 1
        self.n_tokens += len(window.ids_T)
        if not self._waiting[0]:
            self._end_piece()
        return window

    def state(self) -> list[int]:
        return [self.n_pieces, self._n_given, self.n_tokens]

    def restore(self, state: Sequence[int]) -> None:
        self._waiting.clear()
        self.n_pieces, self._n_given, self.n_tokens = state
        if self._n_given:
            self._read()
            for _ in range(self._n_given):
                self._waiting[0].popleft()

    def _end_piece(self) -> None:
        self._waiting.popleft()
        self.n_pieces, self._n_given = self.n_pieces + 1, 0

    def _read(self) -> None:
        """Read the next pieces, at most to the end of the epoch."""
        n_all = len(self._pieces)
        epoch, first = divmod(self.n_pieces, n_all)
        places = np.arange(first, min(first + _READ_TOGETHER, n_all))
        numbers = order(n_all, key_of(self._seed, self._number, epoch), places)
        pieces = self._pieces.read(numbers)
        windows = self._tokenize([piece.text for piece in pieces])
        for piece, each in zip(pieces, windows, strict=True):
            self._waiting.append(
                deque(
                    Window(self._number, piece.document, piece.text, ids_T, place, epoch)
                    for place, ids_T in enumerate(each)
                )
            )
