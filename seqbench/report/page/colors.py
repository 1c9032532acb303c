"""Colours of the page: those of the figures, as CSS variables with a twin for dark pages."""

from seqbench.report.figures.style import LEVEL, SERIES

_ON_DARK = {
    LEVEL: "#98a2ae",
    "#0072b2": "#4aa8e6",
    "#d55e00": "#ff8b42",
    "#009e73": "#2cc59a",
    "#cc79a7": "#e39fc6",
    "#e69f00": "#f0b429",
    "#56b4e9": "#8ccdf5",
}
"""The colours of models, lightened until they stand out from a dark page as they do from a white one."""


def variable(color: str) -> str:
    """The CSS variable that holds a colour: `--c-0072b2`."""
    return f"--c-{color.removeprefix('#')}"


def palette() -> str:
    """The CSS that sets the variables, each to its colour on light and on dark pages."""
    pairs = (f"{variable(color)}:light-dark({color},{_ON_DARK[color]});" for color in (*SERIES, LEVEL))
    return f":root{{{''.join(pairs)}}}\n"
