"""The leaderboard as a Rich table, for the end of a run."""

from itertools import groupby
from typing import TYPE_CHECKING, Literal

from seqbench.report.analysis import Analysis, Gain
from seqbench.report.leaderboard import LeaderRow, rank_labels
from seqbench.report.phrases import MISSING, number, signed

if TYPE_CHECKING:
    from rich.table import Table

ROOMY_COLUMNS = 130
"""From this width on there is room for heads, layers that are as good, and the oracle."""

WIDE_COLUMNS = 170
"""From this width on there is room for the intervals of gains."""

UNCLEAR = "≈"
"""Stands behind a gain that can't be told from none."""

_NARROW = ("model", "rank", "layer", "test", "untrained", "k-mers")
_ROOMY = (
    *("model", "rank", "head", "layer", "as good", "test"),
    *("untrained", "k-mers", "oracle", "gap", "probes"),
)
_LONG = {"test": "test ± interval", "untrained": "gain over untrained", "k-mers": "over k-mers"}
"""What columns are called in a wide terminal."""
_LEFT = ("model", "head")


def leaderboard_table(analysis: Analysis, columns: int) -> "Table":
    """Lay out the leaderboard for a terminal: a block of lines a data set, controls dimmed.

    Models that can't be told apart share a rank, written 1=. A layer stands as 4/6: layer 4 of a model whose
    last is 6; `as good` is how many others can't be told apart from it. The score has half the width of its
    interval. `untrained` and `k-mers` are gains over these controls, with a ≈ where not clear at 5 %.

    Args:
        analysis: What the report concludes.
        columns: Width of the terminal in letters; from 130 and 170 on there is more to each line.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    is_wide = columns >= WIDE_COLUMNS
    heads = _ROOMY if columns >= ROOMY_COLUMNS else _NARROW
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for head in heads:
        title = _LONG.get(head, head) if is_wide else head
        justify: Literal["left", "right"] = "left" if head in _LEFT else "right"
        table.add_column(title, justify=justify, no_wrap=head != "model", overflow="fold")
    lines = _Lines(analysis, is_wide=is_wide)
    for dataset, group in groupby(analysis.leaderboard, key=lambda row: row.dataset):
        members = list(group)
        above = {"model": Text(dataset, style="bold"), "test": Text(members[0].metric, style="dim")}
        table.add_row(*(above.get(head, "") for head in heads))
        block = [(lines.cells(row), "dim" if row.control else "") for row in members]
        block += [(cells, "dim italic") for cells in lines.ceiling(members[0])]
        for index, (cells, style) in enumerate(block):
            texts = (Text(cells.get(head, ""), style=style) for head in heads)
            table.add_row(*texts, end_section=index == len(block) - 1)
    return table


class _Lines:
    """What stands in the lines of the table, by heading."""

    def __init__(self, analysis: Analysis, *, is_wide: bool) -> None:
        self._is_wide = is_wide
        self._ranks = rank_labels(analysis.leaderboard)
        self._gains = {(gain.dataset, gain.model, gain.kind): gain for gain in analysis.gains}
        self._as_good = {
            (one.dataset, one.model): sum(layer.is_as_good for layer in one.layers) for one in analysis.layers
        }
        self._ceilings = {dataset.name: dataset.ceiling for dataset in analysis.results.datasets}

    def cells(self, row: LeaderRow) -> dict[str, str]:
        """The line of a model on a data set."""
        choice, key = row.choice, (row.dataset, row.model)
        has_layers = row.n_layers > 1
        oracle = f"{number(choice.oracle_score)} @ {choice.oracle_layer}"
        return {
            "rank": self._ranks[key],
            "model": f"  {row.model}",
            "head": row.head,
            "layer": f"{choice.layer}/{row.n_layers - 1}" if has_layers else MISSING,
            "as good": str(self._as_good.get(key, MISSING)),
            "test": _score(row),
            "untrained": self._gain(self._gains.get((*key, "untrained"))),
            "k-mers": self._gain(self._gains.get((*key, "kmer"))),
            "oracle": oracle if has_layers and choice.oracle_layer is not None else MISSING,
            "gap": number(choice.gap) if has_layers else MISSING,
            "probes": str(choice.test.n_probes),
        }

    def ceiling(self, row: LeaderRow) -> list[dict[str, str]]:
        """The line below a data set whose best attainable score is known."""
        known = self._ceilings.get(row.dataset, {}).get(row.metric)
        return (
            [] if known is None else [{"model": "  ceiling", "test": number(known) + " " * len(_half(row))}]
        )

    def _gain(self, gain: Gain | None) -> str:
        if gain is None:
            return ""
        if gain.is_clear is None:
            return f"{signed(gain.difference)}  "
        has_ends = self._is_wide and gain.low is not None
        interval = f" ({signed(gain.low)} to {signed(gain.high)})" if has_ends else ""
        return f"{signed(gain.difference)}{interval} {UNCLEAR if gain.is_clear is False else ' '}"


def _score(row: LeaderRow) -> str:
    return number(row.choice.test.value) + _half(row)


def _half(row: LeaderRow) -> str:
    """Half the width of the interval, where there is one."""
    test = row.choice.test
    if test.low is None or test.high is None:
        return ""
    return f" ±{number((test.high - test.low) / 2)}"
