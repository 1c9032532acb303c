"""The vectors of single tokens of a handful of sequences, in memory.

Shape letters: N sequences, T tokens of one, H width.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import reverse_complement
from seqbench.core.types import Strands
from seqbench.errors import ModelError
from seqbench.extract.strands import join_strands
from seqbench.models.base import TokenEmbedder, TokenStates, Unfit


def token_states(
    embedder: TokenEmbedder, sequences: Sequence[str], layer: int, strands: Strands
) -> list[NDArray[np.float32]]:
    """Embed sequences token by token, as extraction does.

    Args:
        embedder: The model, ready for a data set.
        sequences: Non-empty strings.
        layer: Which layer.
        strands: What is made of both strands.

    Returns:
        For each sequence (T, H).

    Raises:
        ModelError: A sequence does not fit in memory, or the reverse complement has other tokens.
    """
    if strands == "none":
        return _states(embedder, sequences, layer)
    both = [text for each in sequences for text in (each, reverse_complement(each))]
    found = _states(embedder, both, layer)
    joined = []
    for forward_TH, reverse_TH in zip(found[::2], found[1::2], strict=True):
        if len(forward_TH) != len(reverse_TH):
            raise ModelError("the reverse complement of a sequence has another number of tokens")
        joined.append(join_strands(forward_TH, reverse_TH[::-1], strands)[0])
    return joined


def _states(embedder: TokenEmbedder, sequences: Sequence[str], layer: int) -> list[NDArray[np.float32]]:
    parts: dict[int, list[tuple[int, NDArray[np.float32]]]] = defaultdict(list)
    for batch in embedder.prepare(sequences).batches:
        for event in embedder.compute(batch, [], [layer]):
            if isinstance(event, Unfit):
                raise ModelError(f"sequence {event.owner} of {event.tokens} tokens does not fit in memory")
            if isinstance(event, TokenStates):
                rows = np.split(event.fetch()[0], np.cumsum(event.count_B)[:-1])
                for owner, start, own in zip(
                    event.owner_B.tolist(), event.start_B.tolist(), rows, strict=True
                ):
                    parts[owner].append((start, own))
    return [
        np.concatenate([own for _, own in sorted(parts[number], key=lambda part: part[0])])
        for number in range(len(sequences))
    ]
