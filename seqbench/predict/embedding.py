"""Embedding new sequences just as those were embedded that a head was trained on.

Shape letters: N items, S sequences of an item, U distinct sequences, H hidden width.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seqbench.config import ModelConfig
from seqbench.config.model_kinds import FROM_FILES
from seqbench.core.alphabets import reverse_complement
from seqbench.core.identity import SETTING_DEFAULTS
from seqbench.errors import DataError, ModelError, ProbeError
from seqbench.extract.strands import join_strands
from seqbench.models.base import (
    Embedder,
    EmbedOptions,
    OverlongSequenceError,
    SequenceFacts,
    TokenEmbedder,
    UnreadableSequenceError,
)
from seqbench.models.joining import embed
from seqbench.models.registry import create
from seqbench.predict.items import Item
from seqbench.predict.token_states import token_states
from seqbench.probe.saved_head import Origin, SavedHead
from seqbench.store import Ragged
from seqbench.store.tokens import offsets_of

NO_MODEL = "was trained on embeddings from files, so it can't embed sequences (give embeddings of them)"


class ItemEmbedder:
    """The model of a head, loaded, and the one layer that the head wants."""

    def __init__(self, head: SavedHead, model: ModelConfig, where: Path) -> None:
        """Load the model.

        Args:
            head: The trained head.
            model: Where the model is to be found.
            where: The head's file, for messages.

        Raises:
            ModelError: Its weights, or how it embeds, are not those that the head was trained on.
            ProbeError: The head was trained on embeddings that came from files.
        """
        self._origin = head.origin
        self._where = where
        self._embedder = self._load(model)
        self._strands = _setting(head.origin, "strands")

    def _load(self, model: ModelConfig) -> Embedder:
        origin, where = self._origin, self._where
        if origin.alphabet is None or model.kind in FROM_FILES:
            raise ProbeError(f"{where}: {NO_MODEL}")
        source = create(model.kind, model.model_dump(exclude={"kind"}), _options(origin))
        if source.fingerprint != origin.model.fingerprint:
            raise ModelError(
                f"{where}: was trained on a model of fingerprint {origin.model.fingerprint[:12]}, "
                f"{getattr(model, 'path', model.name)} has {source.fingerprint[:12]} "
                "(say with --model where the same weights are)"
            )
        embedder = source.load().embedder(_facts(origin))
        for key, now in embedder.settings.items():
            then = _setting(origin, key)
            if then != now:
                raise ModelError(
                    f"{where}: its embeddings were computed with {key}={then}, here it would be {now}"
                )
        return embedder

    def rows(self, items: Sequence[Item], path: Path) -> NDArray[np.float32]:
        """Embed items; a sequence that occurs twice is computed once.

        Args:
            items: In any order.
            path: Their file, for messages.

        Returns:
            Shape (N, S, H), rounded as the store rounded those of train.

        Raises:
            DataError: A sequence is too long, or not of the length that the head wants.
            ModelError: The model gives NaN or infinity; names the line.
        """
        number_of = {text: at for at, text in enumerate(dict.fromkeys(_flat(items)))}
        with self._placed(items, list(number_of), path):
            rows_UH = self._embed(list(number_of))
        if self._origin.stored != "float32":
            rows_UH = rows_UH.astype(self._origin.stored).astype(np.float32)
        broken = {text for text, at in number_of.items() if not np.isfinite(rows_UH[at]).all()}
        for item in items if broken else ():
            if not broken.isdisjoint(item.sequences):
                raise ModelError(f"{path}:{item.line}: the model gives NaN or infinity")
        return rows_UH[[[number_of[text] for text in item.sequences] for item in items]]

    def tokens(self, items: Sequence[Item], path: Path) -> tuple[Ragged, list[NDArray[np.int32]]]:
        """The vectors of single tokens, and the letters that each stands for.

        Args:
            items: In any order.
            path: Their file, for messages.

        Returns:
            As the store rounded those of train; and (T, 2) for each sequence, as `Tokens.spans` gives it.

        Raises:
            DataError: A sequence is too long.
            ModelError: The model gives NaN or infinity; names the line.
        """
        number_of = {text: at for at, text in enumerate(dict.fromkeys(_flat(items)))}
        distinct = list(number_of)
        embedder = cast(TokenEmbedder, self._embedder)
        with self._placed(items, distinct, path):
            found = token_states(embedder, distinct, self._origin.layer, self._strands)
            spans = embedder.spans(distinct)
        for item in items:
            if not all(np.isfinite(found[number_of[text]]).all() for text in item.sequences):
                raise ModelError(f"{path}:{item.line}: the model gives NaN or infinity")
        order = [number_of[text] for text in _flat(items)]
        values = [found[at].astype(self._origin.stored).astype(np.float32) for at in order]
        lengths_Q = np.array([len(each) for each in values], dtype=np.int64)
        ragged = Ragged(
            values_RH=np.concatenate(values), offsets_Q=offsets_of(lengths_Q), n_seqs=self._origin.n_seqs
        )
        return ragged, [spans[at] for at in order]

    @contextmanager
    def _placed(self, items: Sequence[Item], distinct: list[str], path: Path) -> Iterator[None]:
        """Check lengths first; then say by file and line what the model says of a sequence."""
        length = _setting(self._origin, "length")
        for item in items if length is not None else ():
            if any(len(text) != length for text in item.sequences):
                raise DataError(f"{path}:{item.line}: the head wants sequences of {length} letters")
        try:
            yield
        except OverlongSequenceError as error:
            text = distinct[error.index // (1 if self._strands == "none" else 2)]
            line = next(item.line for item in items if text in item.sequences)
            raise DataError(
                f"{path}:{line}: {error.tokens} tokens are over the limit of {error.limit}, which was an "
                "error in training too (extract.overlong)"
            ) from error
        except UnreadableSequenceError as error:
            text = distinct[error.index // (1 if self._strands == "none" else 2)]
            line = next(item.line for item in items if text in item.sequences)
            raise DataError(f"{path}:{line}: {error.why} (drop the item)") from error

    def _embed(self, sequences: list[str]) -> NDArray[np.float32]:
        layer = self._origin.layer
        if self._strands == "none":
            return embed(self._embedder, sequences, [layer]).layers[layer]
        both = [text for each in sequences for text in (each, reverse_complement(each))]
        rows_BH = embed(self._embedder, both, [layer]).layers[layer]
        return join_strands(rows_BH[::2], rows_BH[1::2], self._strands)[0]


def _flat(items: Sequence[Item]) -> list[str]:
    return [text for item in items for text in item.sequences]


def _setting(origin: Origin, key: str) -> Any:
    """A recorded setting, or what held before it was recorded."""
    return origin.embedding.get(key, SETTING_DEFAULTS.get(key))


def _options(origin: Origin) -> EmbedOptions:
    """The `extract:` keys of the head's embeddings; of what changes no numbers, the defaults."""
    return EmbedOptions(
        poolings=(origin.embedding.get("pooling") or "mean",),
        special_tokens=_setting(origin, "special_tokens"),
        max_tokens=origin.embedding.get("max_tokens_asked") or "auto",
        overlong=origin.embedding.get("overlong") or "window",
        stride=_setting(origin, "stride"),
    )


def _facts(origin: Origin) -> SequenceFacts:
    """What the model is told; only one-hot asks for lengths, and wants those of train."""
    length = int(_setting(origin, "length") or 1)
    return SequenceFacts(
        name=origin.dataset,
        alphabet=origin.alphabet,  # type: ignore[arg-type]
        min_length=length,
        max_length=length,
    )
