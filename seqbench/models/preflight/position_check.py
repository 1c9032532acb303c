"""What limits the length of a window, and whether the model works right at that limit."""

from typing import Final

import torch

from seqbench.core.memory import is_out_of_memory
from seqbench.models.preflight.certificate import Check, Verdict
from seqbench.models.preflight.passes import Passes

TRIED_TOKENS: Final = 4096
"""Longest window that the preflight runs; a longer limit is left untested."""

RAISED: Final = (RuntimeError, IndexError, ValueError)
"""What models raise for input that is too long for them."""

NAME: Final = "positions"


def check_positions(passes: Passes, *, at_most: int = TRIED_TOKENS) -> Check:
    """Run one window of exactly as many tokens as the limit allows.

    Args:
        passes: Of the model.
        at_most: A longer limit is not tried.
    """
    limit = passes.limit
    if limit is None:
        return Check(
            name=NAME,
            verdict=Verdict.PASS,
            measured="no limit",
            says="Nothing limits the length of a sequence but memory.",
        )
    hard = passes.embedder.transformer.ends_at == limit
    kind = "hard" if hard else "declared"
    why = "positions end there" if hard else "declared or asked for; longer ones would run"
    if limit > at_most:
        return Check(
            name=NAME,
            verdict=Verdict.PASS,
            measured=f"{limit:,} {kind}, untested",
            value=float(limit),
            says=f"Windows hold {limit:,} tokens at most ({why}); that long a window was not tried here.",
        )
    fault = _fault_at(passes, limit)
    if fault is not None:
        return Check(
            name=NAME,
            verdict=Verdict.FAIL,
            measured=f"fails at {limit:,}",
            value=float(limit),
            says=f"A window of {limit:,} tokens, the limit in use, {fault}.",
            advice=f"Set extract.max_tokens below {limit:,}, or correct the limit in the model's files.",
        )
    return Check(
        name=NAME,
        verdict=Verdict.PASS,
        measured=f"{limit:,} {kind}",
        value=float(limit),
        says=f"Windows hold {limit:,} tokens at most ({why}); one of just that length works.",
    )


def check_runs(passes: Passes) -> Check | None:
    """Whether the model runs at all on the window that all other checks use; None where it does."""
    found = _attempt(passes, passes.long)
    if not isinstance(found, str):
        return None
    return Check(
        name=NAME,
        verdict=Verdict.FAIL,
        measured=f"fails at {passes.long:,}",
        value=float(passes.long),
        says=f"A window of {passes.long:,} tokens {found}, so nothing else was checked.",
        advice=f"Set extract.max_tokens below {passes.long:,}, or correct the limit in the model's files.",
    )


def _fault_at(passes: Passes, tokens: int) -> str | None:
    """What goes wrong with a window of so many tokens; None where nothing does."""
    found = _attempt(passes, tokens)
    if isinstance(found, str):
        return found
    broken = [layer for layer, is_finite in found.items() if not is_finite]
    return f"gives NaN or infinity from layer {broken[0]} on" if broken else None


def _attempt(passes: Passes, tokens: int) -> dict[int, bool] | str:
    """Whether each layer is finite, or in which way there are none."""
    try:
        finite = passes.reduce(lambda hidden_BTH: torch.isfinite(hidden_BTH).all(), passes.window(tokens))
    except RAISED as error:
        if is_out_of_memory(error):
            return "does not fit in memory, even alone"
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return f"ends in an error ({reason[:120]})"
    return {layer: bool(fine) for layer, fine in finite.items()}
