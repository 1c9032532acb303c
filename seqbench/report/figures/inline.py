"""An SVG as a part of a page."""

import re

from seqbench.report.figures.style import BACKGROUND, ON_DARK


def inline_svg(svg: str, label: str) -> str:
    """Make an SVG part of a page: it fills its box, follows the page's colours, and says what it is.

    Args:
        svg: From `Canvas.svg`.
        label: What a screen reader says; escaped here.
    """
    from html import escape

    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    # Matplotlib numbers its groups in every file alike; in one page these ids would clash.
    body = re.sub(r' id="[a-z]+\d*(_\d+)+"', "", body)
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    for color in ON_DARK:
        body = body.replace(color, f"var({variable(color)})")
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(label, quote=True)}"', 1)


def variable(color: str) -> str:
    """The page's CSS variable for a colour of the house style."""
    return "--background" if color == BACKGROUND else f"--c-{color.removeprefix('#')}"
