"""What every model offers: an identity that is cheap to know, and an embedder that is loaded when needed.

Shape letters: N sequences, H hidden width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import SeqbenchError
from seqbench.identity import ModelIdentity, Settings
from seqbench.vocabulary import Overlong, Pooling


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions:
    """The keys of `extract:` that concern models."""

    pooling: Pooling = "mean"
    """How the tokens of a sequence become one vector."""
    max_tokens: int | None = None
    """Tokens of one window, special tokens included; None for the model's own limit."""
    overlong: Overlong = "window"
    """What happens to a sequence of more tokens than that."""
    tokens_per_batch: int | None = None
    """Tokens of one forward pass, padding included; None for a default by device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """What a model may need to know of a data set before it sees its sequences."""

    name: str
    alphabet: Literal["dna", "rna", "protein"]
    min_length: int
    """Letters of the shortest sequence of any split."""
    max_length: int
    """Letters of the longest sequence of any split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Embeddings of some sequences, in their order."""

    layers: dict[int, NDArray[np.float32]]
    """Per wanted layer, shape (N, H)."""
    tokens: NDArray[np.int64]
    """Tokens of each sequence that went through the model, special tokens included."""
    windows: NDArray[np.int32]
    """Windows that each sequence was cut into."""
    coverage: NDArray[np.float32]
    """Share of each sequence's own tokens that was seen."""


class OverlongSequenceError(SeqbenchError):
    """A sequence is over the limit and the config says that this is an error."""

    def __init__(self, index: int, tokens: int, limit: int) -> None:
        super().__init__(f"sequence {index} has {tokens} tokens, the limit is {limit}")
        self.index = index
        self.tokens = tokens
        self.limit = limit


Advance = Callable[[float], None]
"""Told how many more sequences are embedded."""


class Embedder(Protocol):
    """A loaded model that is ready for one data set."""

    @property
    def hidden(self) -> int:
        """Width of every layer for this data set."""

    @property
    def settings(self) -> Settings:
        """What decides the values of the embeddings, for the store's record."""

    def embed(self, sequences: Sequence[str], layers: Sequence[int], advance: Advance) -> Embedded:
        """Embed sequences; a row does not depend on the other sequences of the call.

        Args:
            sequences: Non-empty ASCII strings.
            layers: Wanted layers, each from 0 to `n_layers - 1`; layers above the deepest are not computed.
            advance: Called as sequences are done.
        """


class LoadedModel(Protocol):
    """A model in memory, used for many data sets."""

    def embedder(self, facts: DatasetFacts) -> Embedder:
        """Get ready for a data set.

        Raises:
            NotApplicableError: The model can't embed such data by its nature.
        """


class Source(Protocol):
    """A model as the config describes it, not yet loaded."""

    def identity(self) -> ModelIdentity:
        """Read what identifies the model, without loading weights."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what decides the embeddings beside the settings; reads files, loads nothing."""

    def declared(self) -> Settings:
        """The settings that are known before the model is loaded; none contradicts the embedder's."""

    def load(self) -> LoadedModel:
        """Load the model onto the device."""
