"""What a preflight needs of a loaded transformer, which asks for certificates: it can't be imported."""

from collections.abc import Sequence
from typing import Protocol

from seqbench.core.identity import ModelIdentity
from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.calibrate import Budget
from seqbench.models.forward import Forward
from seqbench.models.joining import Embedded
from seqbench.models.tokens import Tokens


class Loaded(Protocol):
    """A transformer in memory."""

    @property
    def identity(self) -> ModelIdentity:
        """Which weights."""

    @property
    def dtype(self) -> str:
        """What it was asked to compute in."""

    @property
    def limit(self) -> int | None:
        """Tokens of a window at most; None where nothing limits it."""

    @property
    def ends_at(self) -> int | None:
        """Tokens at which its positions end; None where they do not."""

    def embedder(self, facts: SequenceFacts) -> "Ready":
        """Get ready for a data set; a ModelError where the tokenizer can't read it."""


class Ready(Protocol):
    """A transformer that is ready for one data set."""

    @property
    def transformer(self) -> Loaded:
        """The same for any data set."""

    @property
    def facts(self) -> SequenceFacts:
        """Of the data set."""

    @property
    def tokens(self) -> Tokens:
        """The tokenizer, made ready for its alphabet."""

    @property
    def forward(self) -> Forward:
        """The model on its device."""

    @property
    def options(self) -> EmbedOptions:
        """How sequences are cut, and what becomes of those that can't be read."""

    @property
    def budget(self) -> Budget:
        """Tokens of a batch."""

    @property
    def hidden(self) -> int:
        """Width of a layer."""

    def embed(self, sequences: Sequence[str], layers: Sequence[int]) -> Embedded:
        """Embed a handful of sequences."""
