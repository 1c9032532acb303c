"""Colours that stand for numbers, and letters that can be read on them."""

from seqbench.report.figures.style import BACKGROUND, INK

_BLUE = "#0072b2"
_DEEP_BLUE = "#00406b"
_ORANGE = "#d55e00"


def mix(start: str, end: str, share: float) -> str:
    """A colour that lies between two, `share` of the way from start to end."""
    pairs = zip(_parts(start), _parts(end), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def sequential(share: float) -> str:
    """From the background (0) over blue to deep blue (1)."""
    if share < 0.65:
        return mix(BACKGROUND, _BLUE, share / 0.65 * 0.9)
    return mix(mix(BACKGROUND, _BLUE, 0.9), _DEEP_BLUE, (share - 0.65) / 0.35)


def diverging(share: float) -> str:
    """From orange (-1) over the background (0) to blue (1)."""
    return mix(BACKGROUND, _BLUE if share > 0 else _ORANGE, min(1.0, abs(share)) * 0.92)


def ink_on(color: str) -> str:
    """Dark or light letters, whichever has more contrast (WCAG 2.2, relative luminance)."""
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return INK if light > 0.20 else "#ffffff"


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _parts(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
