"""How many numbers a trained head has learned."""

from seqbench.probe.heads.base import HeadState

_LEARNED = {
    "linear": ("weights_HK", "biases_K"),
    "mlp": ("weight_", "bias_", "scale_", "shift_"),
}
"""By kind of head, how the names of tensors begin that training changes; scalings don't count."""


def count_parameters(state: HeadState | None) -> int | None:
    """Count the parameters of a head; None where it has none that are comparable, as trees and neighbours."""
    if state is None or state.kind not in _LEARNED:
        return None
    names = _LEARNED[state.kind]
    return sum(int(values.size) for name, values in state.tensors.items() if name.startswith(names))
