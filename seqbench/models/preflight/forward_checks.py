"""Checks of what a model computes: its layers, whether it repeats itself, and what a row depends on."""

from typing import Final

import torch

from seqbench.models.base import told
from seqbench.models.preflight.certificate import Check, Verdict
from seqbench.models.preflight.passes import Passes, States, apart, largest, short
from seqbench.models.tap import FAULTS

BATCH: Final = 4
"""Windows of one length in the batch that is compared with a window alone."""


def check_layers(passes: Passes, states: States) -> Check:
    """Whether all layers can be pooled and are of the dtype that was asked for, and how wide they are."""
    dtype, left_out = passes.dtype, passes.forward.layers.left_out
    dtypes = sorted({str(hidden.dtype).removeprefix("torch.") for hidden in states.values()})
    width, config_says = passes.embedder.hidden, passes.embedder.transformer.identity.hidden
    # Models of both strands at once are twice as wide; what blocks give is what is stored.
    other = "" if config_says in (width, None) else f", where config.json says {config_says}"
    says = f"{len(states)} layers, each {width} wide{other}"
    if 0 in states:
        says = f"{len(states)} layers, the embedding output among them, each {width} wide{other}"
    # Some code keeps a residual stream in float32, which is no loss.
    exact = {*dtypes} <= {dtype, "float32"}
    says += "." if exact else f", but in {' and '.join(dtypes)} where {dtype} was asked for."
    advice = [] if exact else [f"The model's code casts: make it keep {dtype}."]
    if left_out:
        says += f" Left out, as it can't be pooled: {told(left_out)}."
        advice.append("Nothing, if the other layers will do.")
    return Check(
        name="layers",
        verdict=Verdict.WARN if advice else Verdict.PASS,
        measured=f"{len(states)} × {width}, {' and '.join(dtypes)}"
        + (f", {len(left_out)} left out" if left_out else ""),
        says=says,
        advice=" ".join(advice),
    )


def check_determinism(first: States, second: States, tolerance: float) -> Check:
    """Whether two runs on the same input agree to the bit."""
    if all(torch.equal(first[layer], second[layer]) for layer in first):
        return Check(
            name="determinism",
            verdict=Verdict.PASS,
            measured="bit-equal",
            value=0.0,
            tolerance=0.0,
            says="Two runs on the same input agree to the bit.",
        )
    value, layer = largest(first, second)
    rounding = value <= tolerance
    return Check(
        name="determinism",
        verdict=Verdict.WARN if rounding else Verdict.FAIL,
        measured=f"{value:.1e} at layer {layer}",
        value=value,
        tolerance=0.0,
        says=f"Two runs on the same input differ by {value:.1e} at layer {layer}"
        + (", as kernels do that add in no fixed order." if rounding else ", far above rounding."),
        advice="Nothing, unless stores must agree to the bit: then set CUBLAS_WORKSPACE_CONFIG=:4096:8."
        if rounding
        else "The model draws random numbers: its code must leave dropout off after model.eval().",
    )


def check_finite(passes: Passes, states: States) -> Check:
    """Whether every layer holds numbers only."""
    broken = [layer for layer, hidden in states.items() if not bool(torch.isfinite(hidden).all())]
    if broken:
        share = 1 - float(torch.isfinite(states[broken[0]]).float().mean())
        advice = "Set dtype to float32; if NaN stays, the weights hold it."
        if passes.dtype == "float16":
            advice = "Set dtype to bfloat16 or float32: float16 ends at 65,504."
        return Check(
            name="finite values",
            verdict=Verdict.FAIL,
            measured=f"NaN from layer {broken[0]}",
            value=share,
            tolerance=0.0,
            says=f"Layer {broken[0]} is the first of {len(broken)} with NaN or infinity ({share:.1%} of it).",
            advice=advice,
        )
    most = max(float(hidden.abs().max()) for hidden in states.values())
    fits = most < torch.finfo(torch.float16).max
    return Check(
        name="finite values",
        verdict=Verdict.PASS,
        measured=f"up to {most:,.3g}",
        value=0.0,
        tolerance=0.0,
        says=f"Every value of every layer is a finite number; the largest is {most:,.3g}"
        + ("." if fits else ", too large for a float16 store."),
    )


def check_batch(passes: Passes, states: States) -> Check:
    """Whether a window alone and among others of its length comes out the same."""
    windows = [passes.window(passes.long, start=7 * number) for number in range(BATCH)]
    value, layer = largest(passes.run(*windows), states)
    tolerance = passes.tolerance
    good = value <= tolerance
    return Check(
        name="batches",
        verdict=Verdict.PASS if good else Verdict.FAIL,
        measured=short(value),
        value=value,
        tolerance=tolerance,
        says=f"A sequence alone and the same in a batch of {BATCH} of its length {apart(value)}."
        if good
        else f"A sequence in a batch of {BATCH} of its length differs by {value:.1e} at layer {layer} from "
        "itself alone.",
        advice=""
        if good
        else "The model mixes the sequences of a batch, as batch norm in training mode does: correct its "
        f"code, or set extract.tokens_per_batch to {passes.short} so that each goes alone.",
    )


def check_padding(passes: Passes) -> Check:
    """Whether a short window alone and padded beside a longer one comes out the same."""
    shorter, longer = passes.window(passes.short), passes.window(passes.long, start=5)
    value, layer = largest(passes.run(shorter, longer), passes.run(shorter))
    tolerance = passes.tolerance
    verdict, measured, advice = Verdict.PASS, short(value), ""
    says = f"A short sequence alone and the same padded beside a longer one {apart(value)}."
    if passes.forward.equal_lengths:
        measured += ", equal_lengths"
        says = (
            f"Padding would change a sequence by {value:.1e}, so batches hold sequences of one length only."
        )
    elif value > tolerance:
        verdict, measured = Verdict.FAIL, f"{value:.1e} at layer {layer}"
        says = f"Padding beside a longer sequence changes layer {layer} of a short one by {value:.1e}."
        advice = "The model's code must heed attention_mask; until then set extract.tokens_per_batch to 1."
    return Check(
        name="padding",
        verdict=verdict,
        measured=measured,
        value=value,
        tolerance=tolerance,
        says=says,
        advice=advice,
    )


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
