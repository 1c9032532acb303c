"""The longest window that a model takes, by trial: what its tables hold is not always what their size says.

RNA-FM's table of positions has a padding row and one more that it never uses. A pass is ended at the first
block, or behind it, so that a trial costs little.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from seqbench.models.arithmetic import is_emulated
from seqbench.models.state import FreshState
from seqbench.models.tap import FAULTS, LayerTap

BLOCK_TRIED: Final = 4096
"""Tokens up to which a block is run as well: attention may take memory by their square."""

LONGEST_TRIED: Final = 131_072
"""Tokens above which a limit is taken as it is."""

WHOLE_TRIED: Final = 1024
"""The same of a model whose blocks can't be told, so that all of it runs."""


def longest_that_runs(
    model: nn.Module, n_layers: int, window: Callable[[int], NDArray[np.int32]], limit: int, known: int
) -> int:
    """Find the longest window that does not end in an error.

    Args:
        model: On the CPU: on a GPU, an index beyond a table ends every later computation of the process.
        n_layers: Layers, layer 0 included.
        window: Makes token ids of a length.
        limit: Tokens that are believed to work.
        known: Tokens that surely do.

    Returns:
        `limit`, or less. `limit` too where the model does not run here at all, or memory ends first.
    """
    tap, state = LayerTap(model, n_layers), FreshState(model)

    def runs(tokens: int, way: tuple[int, bool]) -> bool:
        layer, masked = way
        ids = torch.from_numpy(window(tokens).astype(np.int64))[None]
        inputs: dict[str, Any] = {"input_ids": ids}
        if masked:
            inputs["attention_mask"] = torch.ones_like(ids)
        try:
            tap.run(inputs, [layer], lambda hidden: hidden[:, :1])
        except MemoryError:
            return True
        except FAULTS as error:
            return "not enough memory" in str(error)
        return True

    with torch.inference_mode():
        longest = limit
        for way in _ways(tap, model, limit):
            if runs(limit, way):
                break
            if runs(known, way):
                longest = _last(lambda tokens, way=way: runs(tokens, way), known, limit)  # type: ignore[misc]
                break
    state.close()
    return longest


def _last(runs: Callable[[int], bool], good: int, bad: int) -> int:
    """The last length that works, between one that does and one that does not."""
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if runs(middle) else (good, middle)
    return good


def _ways(tap: LayerTap, model: nn.Module, limit: int) -> Iterator[tuple[int, bool]]:
    """Deepest layer that is run, and whether a mask of ones goes with it; best first."""
    if tap.blocks is None:
        depths = [tap.n_layers - 1] if limit <= WHOLE_TRIED else []
    elif limit <= BLOCK_TRIED and not is_emulated(next(model.parameters()).dtype):
        depths = [1, 0]
    else:
        depths = [0] if limit <= LONGEST_TRIED else []
    for depth in depths:
        yield depth, False
        yield depth, True
