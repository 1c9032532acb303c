"""Layers that can't be pooled, told in one line."""

from collections import defaultdict
from collections.abc import Mapping


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
