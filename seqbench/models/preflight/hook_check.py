"""Whether the layers that are taken from a model are those that the model itself calls its hidden states."""

from collections.abc import Sequence
from typing import Final

from torch import Tensor

from seqbench.models.preflight.certificate import Check, Verdict
from seqbench.models.preflight.passes import Passes, apart, largest, short

NAME: Final = "hooks"


def check_hooks(passes: Passes, states: Sequence[Tensor]) -> Check:
    """Compare layers as they are taken with `output_hidden_states`.

    Args:
        passes: Of the model.
        states: Every layer of the long window, as extraction takes it.
    """
    method, tolerance = passes.forward.tap.method, passes.tolerance
    window = passes.window(passes.long)
    truth = passes.declared(window)
    if truth is None:
        return Check(
            name=NAME,
            verdict=Verdict.WARN,
            measured=f"{method}, unproven",
            tolerance=tolerance,
            says="The model has no output_hidden_states, so nothing proves that hooks see its layers.",
            advice="Let the model's code give hidden_states, at least for this check.",
        )
    if method != "hooks":
        return _fallback(passes.hooked(window), truth, tolerance)
    value, layer = largest(states, truth)
    if value <= tolerance:
        return Check(
            name=NAME,
            verdict=Verdict.PASS,
            measured=f"{short(value)}, by hooks",
            value=value,
            tolerance=tolerance,
            says=f"Layers taken by hooks and those of output_hidden_states {apart(value)}.",
        )
    if _lacks_layer_0(states, truth, tolerance):
        return Check(
            name=NAME,
            verdict=Verdict.PASS,
            measured="agree, but for layer 0",
            tolerance=tolerance,
            says="Layers are taken by hooks; output_hidden_states of this family lacks the embedding output.",
        )
    return Check(
        name=NAME,
        verdict=Verdict.FAIL,
        measured=f"{short(value)} at layer {layer}",
        value=value,
        tolerance=tolerance,
        says=f"Layer {layer} as taken differs by {short(value)} from the model's own output_hidden_states.",
        advice="Report this with the model's config.json: the wrong tensor would be stored.",
    )


def _fallback(hooked: Sequence[Tensor] | None, truth: Sequence[Tensor], tolerance: float) -> Check:
    """What to say where hooks are not used: why not, and what that costs."""
    if hooked is not None and _lacks_layer_0(hooked, truth, tolerance):
        return Check(
            name=NAME,
            verdict=Verdict.FAIL,
            measured="layers one off",
            tolerance=tolerance,
            says="Layers come from output_hidden_states, which lacks the embedding output here: layer 0 "
            "would be the output of block 1, and so on.",
            advice="Report this with the model's config.json: its layers should be taken by hooks.",
        )
    value, layer = (None, 0) if hooked is None else largest(hooked, truth)
    why = (
        "Its blocks can't be told"
        if value is None
        else f"Hooks see another layer {layer} ({short(value)} off)"
    )
    return Check(
        name=NAME,
        verdict=Verdict.WARN,
        measured="output_hidden_states used",
        value=value,
        tolerance=tolerance,
        says=f"{why}, so layers come from output_hidden_states: all are in memory at once, and blocks above "
        "the deepest wanted layer run too.",
        advice="The numbers are right; to save memory and time, let each block return its hidden state.",
    )


def _lacks_layer_0(hooked: Sequence[Tensor], truth: Sequence[Tensor], tolerance: float) -> bool:
    """Whether the declared states begin with block 1, as Mamba's do: block 1, …, block n, final norm."""
    if len(hooked) != len(truth) or len(hooked) < 3:
        return False
    return (
        largest(hooked[1:-1], truth[:-2])[0] <= tolerance and largest(hooked[-1:], truth[-1:])[0] <= tolerance
    )
