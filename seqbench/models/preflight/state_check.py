"""Whether what a model computes depends on the inputs that it had before."""

from typing import Final

from seqbench.models.preflight.certificate import Check, Verdict
from seqbench.models.preflight.passes import Passes, apart, largest, short
from seqbench.models.tap import FAULTS

STATE_TOKENS: Final = 1024
"""Longest window that is compared; BigBird's attention is sparse from 705 tokens on."""

SHOWN: Final = 3
"""Names of what passes changed that are told."""


def check_state(passes: Passes, *, at_most: int = STATE_TOKENS) -> Check:
    """Compare a long window before and after a short one.

    Args:
        passes: Of the model.
        at_most: Tokens of the long window; fewer where the limit is lower.
    """
    tokens = min(at_most, passes.limit or at_most)
    try:
        before = passes.run(passes.window(tokens))
    except FAULTS:  # too long for the model or for memory, which the check of positions tells
        tokens = passes.long
        before = passes.run(passes.window(tokens))
    passes.run(passes.window(passes.short))
    value, layer = largest(passes.run(passes.window(tokens)), before)
    good = value <= passes.tolerance
    says = f"A window of {tokens:,} tokens before and after a short one {apart(value)}."
    if changed := sorted(passes.forward.state.changed):
        more = ", …" if len(changed) > SHOWN else ""
        says += f" Passes change {', '.join(changed[:SHOWN])}{more}, which is set back before each."
    if not good:
        says = f"After a short window, layer {layer} of one of {tokens:,} tokens differs by {value:.1e}."
    return Check(
        name="state",
        verdict=Verdict.PASS if good else Verdict.FAIL,
        measured=short(value) + (f", {len(changed)} set back" if changed and good else ""),
        value=value,
        tolerance=passes.tolerance,
        says=says,
        advice="" if good else "The model's code keeps something of a pass for later ones: correct it.",
    )
