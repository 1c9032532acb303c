"""A table in LaTeX, to be put into a document that loads the package booktabs."""

from collections.abc import Iterator, Sequence

from seqbench.report.tables.table import AS_GOOD, MISSING, Cell, Table, TablePart, marks_note, readable

_MOST_ROWS = 45
"""Rows of one float: a page of `article` holds no more."""
_DIGITS = 3
_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "|": r"\textbar{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        # After a line's end these would be taken for its arguments.
        "[": "{[}",
        "]": "{]}",
        "*": "{*}",
        "–": "--",
        "−": "$-$",
        "…": r"\ldots{}",
        "×": r"$\times$",
        AS_GOOD: r"$^\dagger$",
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    }
)


def to_latex(table: Table) -> str:
    """A float for each part, several for one of more than 45 rows; numbers of three digits, -- where missing.

    The best scores are bold, a dagger marks those that can't be told apart from them. A data set's name
    stands in its first row only.
    """
    lines = [rf"% {table.name}: put \usepackage{{booktabs}} before \begin{{document}}."]
    floats = [(part, rows) for part in table.parts for rows in _shared(part)]
    for number, (part, rows) in enumerate(floats):
        lines += _float(table, part, rows, number)
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text as LaTeX sets it, whatever it holds."""
    return " ".join(text.split()).replace('"', "''").translate(_ESCAPES)


def _float(table: Table, part: TablePart, rows: Sequence[int], number: int) -> Iterator[str]:
    shown = part.shown()
    title = f"{table.title}: {part.title}" if part.title else table.title
    caption = [title + ".", table.note, *marks_note(table)] if number == 0 else [f"{title}, continued."]
    yield r"\begin{table}[htbp]"
    yield r"\centering\footnotesize\setlength{\tabcolsep}{4pt}"
    yield rf"\caption{{{escape(' '.join(caption))}}}"
    if number == 0:
        yield rf"\label{{tab:{table.name.replace('_', '-')}}}"
    yield rf"\begin{{tabular}}{{{''.join('r' if part.is_numeric(column) else 'l' for column in shown)}}}"
    yield r"\toprule"
    yield _row([escape(part.columns[column]) for column in shown])
    yield r"\midrule"
    before: Cell = None
    for row in rows:
        name = part.rows[row][shown[0]]
        if before is not None and name != before:
            yield r"\addlinespace"
        cells = [_cell(part, row, column) for column in shown]
        yield _row(["" if name == before and isinstance(name, str) else cells[0], *cells[1:]])
        before = name
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(part: TablePart, row: int, column: int) -> str:
    cell = part.rows[row][column]
    words = readable(cell, _DIGITS)
    number = isinstance(cell, int | float) and not isinstance(cell, bool)
    text = words.replace("-", "$-$") if number else escape(MISSING if cell is None else words)
    if (row, column) in part.best:
        return rf"\textbf{{{text}}}"
    return text + escape(AS_GOOD) if (row, column) in part.as_good else text


def _shared(part: TablePart) -> list[list[int]]:
    """Rows by float, cut between data sets where that is possible."""
    first = part.shown()[0]
    blocks: list[list[int]] = []
    for row in range(len(part.rows)):
        new = row == 0 or part.rows[row][first] != part.rows[row - 1][first] or len(blocks[-1]) == _MOST_ROWS
        if new:
            blocks.append([])
        blocks[-1].append(row)
    floats: list[list[int]] = []
    for block in blocks:
        if not floats or len(floats[-1]) + len(block) > _MOST_ROWS:
            floats.append([])
        floats[-1] += block
    return floats
