"""The plot of a panel: lines with bands, levels, the ceiling, and the marks of chosen layer and oracle."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seqbench.report.figures.panels import Line, Panel
from seqbench.report.figures.style import BACKGROUND, GRID, INK, MUTED, SMALL_PT, Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TICK_STEPS = (1, 2, 4, 5, 8, 10, 20, 25, 50, 100)
_MOST_TICKS = 9
_MOST_DOTTED = 16
"""Deepest layer of a plot whose layers are dots; with more the line would be all dots."""
_FEW_LINES = 3


def draw_plot(axes: "Axes", panel: Panel, looks: Mapping[str, Look]) -> None:
    """Draw a data set into empty axes."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=SMALL_PT, pad=3)
    last = max(max(line.layers) for line in panel.lines)
    step = tick_step(last)
    axes.set_xlim(-0.35 - 0.01 * last, last + 0.35 + 0.01 * last)
    axes.set_xticks(range(0, last + 1, step))
    axes.set_xlabel("layer", fontsize=SMALL_PT, color=MUTED, labelpad=1)
    axes.locator_params(axis="y", nbins=5)
    axes.set_ylim(*_y_range(panel))
    if panel.ceiling is not None:
        axes.axhline(panel.ceiling, color=INK, lw=1, dashes=(5, 3))
    few = sum(not line.is_level for line in panel.lines) <= _FEW_LINES
    for line in sorted(panel.lines, key=lambda line: not line.is_level):
        _draw_line(axes, line, looks[line.model], dots=last <= _MOST_DOTTED, shade=0.13 if few else 0.07)
    for line in panel.lines:
        _draw_marks(axes, line, looks[line.model])


def tick_step(last: int) -> int:
    """Every how many layers the axis has a number, so that there are at most nine and two don't touch."""
    return next((step for step in _TICK_STEPS if last // step < _MOST_TICKS), last)


def _y_range(panel: Panel) -> tuple[float, float]:
    """From the lowest to the highest of what is drawn, with room for labels."""
    ends = [value for line in panel.lines for value in (*line.values, *_band(line)) if value is not None]
    if panel.ceiling is not None:
        ends.append(panel.ceiling)
    # At least 2 % of the scores, so that a hair's breadth does not look like a gulf.
    spread = max(max(ends) - min(ends), 0.02 * max(map(abs, ends)), 1e-3)
    return min(ends) - 0.12 * spread, max(ends) + 0.14 * spread


def _band(line: Line) -> tuple[float | None, ...]:
    return () if line.is_level else (*line.low, *line.high)


def _draw_line(axes: "Axes", line: Line, look: Look, *, dots: bool, shade: float) -> None:
    dashes: dict[str, Any] = {"dashes": look.dashes} if look.dashes else {}
    if line.is_level:
        level = next(value for value in line.values if value is not None)
        axes.axhline(level, color=look.color, lw=look.width, **dashes)
        return
    nan = float("nan")
    low, high, values = (
        [nan if value is None else value for value in row] for row in (line.low, line.high, line.values)
    )
    axes.fill_between(line.layers, low, high, color=look.color, alpha=shade, lw=0)
    axes.plot(line.layers, values, color=look.color, lw=look.width, solid_joinstyle="round", **dashes)
    if dots or len(line.layers) == 1:
        axes.plot(line.layers, values, ls="none", marker="o", ms=2.8, color=look.color)


def _draw_marks(axes: "Axes", line: Line, look: Look) -> None:
    choice = line.choice
    if choice is None or line.is_level:
        return
    if choice.oracle_layer is not None and choice.oracle_score is not None:
        same = choice.oracle_layer == choice.layer
        axes.plot(
            [choice.oracle_layer],
            [choice.oracle_score],
            marker="o",
            ms=15 if same else 7.5,
            mfc="none" if same else BACKGROUND,
            mec=look.color,
            mew=1.1,
            zorder=4,
            clip_on=False,
        )
    if choice.test.value is not None:
        axes.plot(
            [choice.layer],
            [choice.test.value],
            marker="*",
            ms=12,
            mfc=look.color,
            mec=BACKGROUND,
            mew=0.7,
            zorder=5,
            clip_on=False,
        )
