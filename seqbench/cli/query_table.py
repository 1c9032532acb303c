"""Rows of a query on a terminal: a table where the columns fit, else a record a row.

Where there is little room, names of columns break at their underscores, and then texts are shortened in the
middle, since hashes, paths and names differ at both ends. Numbers are never shortened.
"""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size

from seqbench.cli.query_text import numeric, readable

if TYPE_CHECKING:
    from rich.console import Console

GAP = "  "
LEAST = 9
"""Columns of a shortened text: four letters, …, four letters."""


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], out: "Console") -> None:
    """Print rows in the console's width, and how many there are."""
    if tuple(columns) == ("explain_key", "explain_value"):
        out.file.write("\n".join(str(row[1]) for row in rows) + "\n")
        return
    cells = [[_one_line(readable(cell)) for cell in row] for row in rows]
    right = numeric(columns, rows)
    whole = [
        number or any(isinstance(row[index], date) for row in rows) for index, number in enumerate(right)
    ]
    widths = fitted(columns, cells, whole, out.width)
    if widths is None:
        _print_records(columns, cells, out)
    else:
        _print_table(columns, cells, right, widths, out)
    out.print(f"{len(rows):,} row{'s' * (len(rows) != 1)}", style="dim", highlight=False)


def fitted(
    columns: Sequence[str], cells: Sequence[Sequence[str]], whole: Sequence[bool], width: int
) -> list[int] | None:
    """The width of each column so that all stand side by side; None where they can't.

    Args:
        columns: Names.
        cells: Rows of what is shown.
        whole: Which columns may not be shortened: numbers and times.
        width: Columns of the terminal.
    """
    contents = [
        max((cell_len(cell) for cell in column), default=0)
        for column in (zip(*cells, strict=True) if cells else [()] * len(columns))
    ]
    heads = [max(map(cell_len, broken(name))) for name in columns]
    kept = [max(head, content) for head, content in zip(heads, contents, strict=True)]
    least = [
        max(head, content if is_whole else min(content, LEAST))
        for head, content, is_whole in zip(heads, contents, whole, strict=True)
    ]
    widths = [max(cell_len(name), content) for name, content in zip(columns, contents, strict=True)]
    room = width - len(GAP) * (len(columns) - 1)
    if sum(least) > room:
        return None
    return _shrunk(_shrunk(widths, kept, room), least, room)


def _shrunk(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Take from the widest that is above its least, until all have room or none is."""
    found = list(widths)
    while sum(found) > room:
        above = [index for index in range(len(found)) if found[index] > least[index]]
        if not above:
            break
        found[max(above, key=found.__getitem__)] -= 1
    return found


def broken(name: str) -> list[str]:
    """A column's name in the parts that may stand one below the other."""
    parts = name.split("_")
    return [*(f"{part}_" for part in parts[:-1]), parts[-1]]


def shortened(text: str, width: int) -> str:
    """A text in so many columns, its middle left out where it is longer."""
    if cell_len(text) <= width:
        return text
    head = width // 2
    tail = width - 1 - head
    end = text
    while cell_len(end) > tail:
        end = end[1:]
    return f"{set_cell_size(text, head).rstrip()}…{end}" if tail else set_cell_size(text, width)


def _print_table(
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    right: Sequence[bool],
    widths: Sequence[int],
    out: "Console",
) -> None:
    heads = [_head(name, width) for name, width in zip(columns, widths, strict=True)]
    height = max(map(len, heads), default=0)
    padded = [[""] * (height - len(head)) + head for head in heads]
    for line in zip(*padded, strict=True):
        out.print(_line(line, right, widths), style="bold", markup=False, highlight=False, soft_wrap=True)
    out.print(GAP.join("─" * width for width in widths), style="dim", highlight=False, soft_wrap=True)
    out.file.write("".join(_line(row, right, widths) + "\n" for row in cells))


def _head(name: str, width: int) -> list[str]:
    """A column's name in lines, broken at underscores as little as the width allows."""
    lines: list[str] = [""]
    for part in broken(name):
        if lines[-1] and cell_len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return lines


def _line(cells: Sequence[str], right: Sequence[bool], widths: Sequence[int]) -> str:
    shown = []
    for cell, is_right, width in zip(cells, right, widths, strict=True):
        text = shortened(cell, width)
        space = " " * (width - cell_len(text))
        shown.append(space + text if is_right else text + space)
    return GAP.join(shown).rstrip()


def _print_records(columns: Sequence[str], cells: Sequence[Sequence[str]], out: "Console") -> None:
    """A block of `name  value` lines for each row."""
    width = max(map(cell_len, columns))
    for number, row in enumerate(cells, start=1):
        title = f"── row {number:,} "
        out.print(title + "─" * max(0, min(out.width, 60) - len(title)), style="dim", highlight=False)
        for name, cell in zip(columns, row, strict=True):
            space = " " * (width - cell_len(name))
            value = shortened(cell, max(LEAST, out.width - width - len(GAP)))
            out.file.write(f"{name}{space}{GAP}{value}".rstrip() + "\n")


def _one_line(text: str) -> str:
    return " ".join(text.split()) if not text.isprintable() else text
