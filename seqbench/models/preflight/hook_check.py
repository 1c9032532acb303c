"""Whether the layers that are taken from a model are those that the model itself calls its hidden states."""

from collections.abc import Sequence
from typing import Final

from torch import Tensor

from seqbench.models.preflight.certificate import Check, Verdict
from seqbench.models.preflight.passes import Passes, States, apart, largest, short
from seqbench.models.tap import first_declared

NAME: Final = "hooks"


def check_hooks(passes: Passes, states: States) -> Check:
    """Compare layers as they are taken with `output_hidden_states`.

    Args:
        passes: Of the model.
        states: Every layer of the long window that can be pooled, as extraction takes it.
    """
    method, tolerance = passes.forward.tap.method, passes.tolerance
    window, top = passes.window(passes.long), passes.forward.n_layers - 1
    declared = passes.declared(window)
    if declared is None:
        return Check(
            name=NAME,
            verdict=Verdict.WARN,
            measured=f"{method}, unproven",
            tolerance=tolerance,
            says="The model has no output_hidden_states, so nothing proves that hooks see its layers.",
            advice="Let the model's code give hidden_states, at least for this check.",
        )
    if method != "hooks":
        return _fallback(passes.hooked(window), declared, top, tolerance)
    hooked = passes.hooked(window) or states
    value, layer = largest(hooked, _numbered(declared, top, 0))
    if value <= tolerance:
        return Check(
            name=NAME,
            verdict=Verdict.PASS,
            measured=f"{short(value)}, by hooks",
            value=value,
            tolerance=tolerance,
            says=f"Layers taken by hooks and those of output_hidden_states {apart(value)}.",
        )
    if _lacks_layer_0(hooked, declared, top, tolerance):
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


def _fallback(hooked: States | None, declared: Sequence[Tensor], top: int, tolerance: float) -> Check:
    """What to say where hooks are not used: why not, and what that costs."""
    entries = len(declared) - 1
    if hooked is not None and entries > top and _lacks_layer_0(hooked, declared, top, tolerance):
        return Check(
            name=NAME,
            verdict=Verdict.FAIL,
            measured="layers one off",
            tolerance=tolerance,
            says="Layers come from output_hidden_states, which lacks the embedding output here: layer 0 "
            "would be the output of block 1, and so on.",
            advice="Report this with the model's config.json: its layers should be taken by hooks.",
        )
    start = first_declared(entries, top)
    if hooked is None or start is None:
        value, why = None, "Its blocks can't be told"
    else:
        value, layer = largest(hooked, _numbered(declared, top, start))
        why = f"Hooks see another layer {layer} ({short(value)} off)"
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


def _numbered(declared: Sequence[Tensor], top: int, start: int) -> States:
    """Layers of what a model declares, the first entry being layer `start`; its last state is the last."""
    return {**dict(zip(range(start, top), declared[:-1], strict=False)), top: declared[-1]}


def _lacks_layer_0(hooked: States, declared: Sequence[Tensor], top: int, tolerance: float) -> bool:
    """Whether the declared states begin with block 1, as Mamba's and NeoBERT's do."""
    if top < 2 or len(declared) <= top - 1:
        return False
    return largest(hooked, _numbered(declared, top, 1))[0] <= tolerance
