"""What every model offers: an identity that is cheap to know, and an embedder that is loaded when needed.

Shape letters: N sequences, B windows of a batch, P poolings, L wanted layers, H hidden width.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet
from seqbench.core.identity import ModelIdentity, Settings
from seqbench.core.types import Overlong, Oversize, Pooling, Unreadable
from seqbench.errors import SeqbenchError


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions:
    """The keys of `extract:` that concern models."""

    poolings: tuple[Pooling, ...] = ("mean",)
    """How the tokens of a sequence become one vector; several in one pass."""
    special_tokens: bool = True
    """Whether mean and max take in special tokens."""
    max_tokens: int | Literal["auto", "whole"] = "auto"
    """Tokens of one window, special tokens included; auto: what the model was made for; whole: no cutting
    except where a table of positions ends."""
    overlong: Overlong = "window"
    """What happens to a sequence of more tokens than that."""
    stride: int | None = None
    """Tokens from one window's start to the next; None for no overlap."""
    oversize: Oversize = "window"
    """What happens to a sequence that does not fit in memory alone."""
    unreadable: Unreadable = "error"
    """What happens to a sequence that has no token."""
    tokens_per_batch: int | None = None
    """Tokens of one forward pass, padding included; None for what a calibration finds."""
    compile: bool = False
    """Whether the model goes through `torch.compile`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceFacts:
    """What a model may need to know of a data set before it sees its sequences."""

    name: str
    alphabet: Alphabet
    min_length: int
    """Letters of the shortest sequence of any split."""
    max_length: int
    """Letters of the longest sequence of any split."""
    letters: int = 0
    """Letters of all sequences of all splits."""
    sequences: int = 0
    """Sequences of all splits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Windows that go through the model together; a sequence may have windows in several batches."""

    owner_B: NDArray[np.int64]
    """The sequence, by its number in the call, that each window belongs to."""
    start_B: NDArray[np.int64]
    """The sequence's own token at which each window starts: the order of its windows."""
    windows: Any
    """What the embedder needs to compute them."""

    def __len__(self) -> int:
        return len(self.owner_B)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Sequences that are tokenised, cut and grouped."""

    batches: Sequence[Batch]
    coverage_N: NDArray[np.float32]
    """Share of each sequence's own tokens that is in its windows."""
    windows_N: NDArray[np.int32]
    """Windows of each sequence."""
    unreadable: Mapping[int, str] = field(default_factory=dict)
    """Sequences without any token that are to be left out, by their number in the call, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Pooled hidden states of some windows."""

    owner_B: NDArray[np.int64]
    start_B: NDArray[np.int64]
    tokens_B: NDArray[np.int64]
    """Tokens of each window, special tokens included."""
    weight_B: NDArray[np.int64]
    """Tokens of each window that were pooled: those that no earlier window holds."""
    fetch: Callable[[], NDArray[np.float32]]
    """Waits for the device; shape (P, L, B, H) by pooling and wanted layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStates:
    """Hidden states of single tokens of some windows, without special tokens."""

    owner_B: NDArray[np.int64]
    start_B: NDArray[np.int64]
    """Number of each window's first token of these, among its sequence's own."""
    count_B: NDArray[np.int64]
    """Tokens of each window."""
    fetch: Callable[[], NDArray[np.float32]]
    """Waits for the device; shape (L, R, H): by wanted layer the tokens of the windows, one after another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A sequence that does not fit in memory and is to be left out."""

    owner: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that the user should be told."""

    text: str


Event = Pooled | TokenStates | Unfit | Remark


class OverlongSequenceError(SeqbenchError):
    """A sequence is over the limit and the config says that this is an error."""

    def __init__(self, index: int, tokens: int, limit: int) -> None:
        super().__init__(f"sequence {index} has {tokens} tokens, the limit is {limit}")
        self.index = index
        self.tokens = tokens
        self.limit = limit


class UnreadableSequenceError(SeqbenchError):
    """A sequence has no token and the config says that this is an error."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"sequence {index}: {why}")
        self.index = index
        self.why = why


class Embedder(Protocol):
    """A loaded model that is ready for one data set."""

    @property
    def hidden(self) -> int:
        """Width of every layer for this data set, before strands are joined."""

    @property
    def poolings(self) -> tuple[Pooling, ...]:
        """What `compute` gives for each window, in this order."""

    @property
    def settings(self) -> Settings:
        """What decides the values of the embeddings beside the pooling, for the store's record."""

    def tune(self, recorded: dict[str, Any], sample: Sequence[str]) -> dict[str, Any]:
        """Choose the size of batches, check the model, and give what is to be noted beside the embeddings.

        Args:
            recorded: What was noted when these embeddings were begun; empty for new ones. A budget that is
                found there is used again, so that blocks computed later come out equal.
            sample: Some sequences of the data set.
        """

    def prepare(self, sequences: Sequence[str]) -> Prepared:
        """Tokenise, cut and group sequences; safe to call in another thread than `compute`.

        Args:
            sequences: Non-empty ASCII strings.
        """

    def embed_in_float32(
        self, sequences: Sequence[str], layers: Sequence[int]
    ) -> dict[int, NDArray[np.float32]] | None:
        """Embed a handful of sequences by the first pooling, with the same weights in float32 arithmetic.

        Returns:
            By layer, (N, H); None where the model computes in float32 anyway, or can't be made to.
        """

    def compute(self, batch: Batch, layers: Sequence[int]) -> Iterator[Event]:
        """Embed the windows of a batch; a row does not depend on its batch-mates.

        Args:
            batch: Of `prepare`.
            layers: Wanted layers, each from 0 to `n_layers - 1`; layers above the deepest are not computed.
        """


class TokenEmbedder(Embedder, Protocol):
    """An embedder that also gives the hidden states of single tokens."""

    def compute(
        self, batch: Batch, layers: Sequence[int], token_layers: Sequence[int] = ()
    ) -> Iterator[Event]:
        """As `Embedder.compute`; of `token_layers` each token comes once, with most context on both sides."""

    def spans(self, sequences: Sequence[str]) -> list[NDArray[np.int32]]:
        """Which letters each token of a sequence stands for, (T, 2); see `Tokens.spans`."""


class LoadedModel(Protocol):
    """A model in memory, used for many data sets."""

    def embedder(self, facts: SequenceFacts) -> Embedder:
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


class TokenSource(Source, Protocol):
    """A model whose single tokens can be kept."""

    def tokens_per_letter(self, sequences: Sequence[str], alphabet: Alphabet) -> float:
        """How many tokens a letter makes, on average over some sequences; loads no weights."""


def told(left_out: Mapping[int, str] | Mapping[str, str]) -> str:
    """Name layers with why they are left out; those of one reason together.

    Args:
        left_out: The reason by layer, whose number may be text, as JSON has it.
    """
    layers: dict[str, list[int]] = defaultdict(list)
    for layer, reason in left_out.items():
        layers[reason].append(int(layer))
    return "; ".join(
        f"layer{'s' if len(numbers) > 1 else ''} {', '.join(map(str, sorted(numbers)))}: {reason}"
        for reason, numbers in layers.items()
    )
