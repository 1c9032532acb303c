"""What `seqbench corpus` prints: a line a count, and what a corpus holds of test splits, in red."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from seqbench.curation.build import BuiltCorpus
    from seqbench.curation.check import CorpusCheck


def print_check(checked: "CorpusCheck", out: "Console") -> None:
    """Print what was found out of one corpus."""
    from rich.text import Text

    out.print(
        f"{checked.path}, {checked.format}, {checked.alphabet}", style="bold", markup=False, highlight=False
    )
    table = _table()
    table.add_column("")
    table.add_column("", justify="right")
    table.add_column("", overflow="fold")
    for name, count, remark in _rows(checked):
        table.add_row(Text(name), Text(count), Text(remark))
    out.print(table)
    if checked.contamination:
        out.print(_overlap(checked))
    for each in checked.contamination:
        if each.severity == "red":
            n_found = each.copies + each.near + each.contained
            out.print(
                f"RED: {n_found:,} of {each.n_items:,} test items of {each.dataset} stand in {checked.name} "
                f"(the first: {each.example}), so a model trained on it has seen them: leave them out of it",
                style="red", markup=False, highlight=False,
            )  # fmt: skip


def print_built(built: "BuiltCorpus", out: "Console") -> None:
    """Print the counts after each step."""
    from rich.text import Text

    table = _table()
    table.add_column("after")
    table.add_column("documents", justify="right")
    table.add_column("characters", justify="right")
    for count in built.counts:
        table.add_row(Text(count.step), f"{count.n_documents:,}", f"{count.n_characters:,}")
    if built.held_out is not None:
        held_out = built.held_out
        table.add_row("held out", f"{held_out.n_documents:,}", f"{held_out.n_characters:,}")
    out.print(table)
    out.print(f"written to {built.folder}", markup=False, highlight=False)


def _table() -> "Table":
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def _rows(checked: "CorpusCheck") -> Iterator[tuple[str, str, str]]:
    facts, letters = checked.facts, checked.letters
    n_full = max(1, facts.n_documents - facts.n_empty)
    yield "documents", f"{facts.n_documents:,}", ""
    yield "empty", f"{facts.n_empty:,}", _share(facts.n_empty, facts.n_documents)
    yield "exact repeats", f"{checked.n_repeats:,}", f"{checked.n_distinct:,} distinct documents with text"
    if checked.n_near is not None:
        yield "near repeats", f"{checked.n_near:,}", _share(checked.n_near, n_full)
    stretch = {"text": "13 words", "protein": "12 residues"}.get(checked.alphabet, "30 nucleotides")
    yield "repeated stretches", f"{checked.repeated_stretches:.1%}", f"of all {stretch} stand there before"
    yield "characters", f"{facts.n_characters:,}", ""
    shortest, low, median, high, longest = letters.length_quantiles
    spread = f"from {shortest:,.0f} to {longest:,.0f}, nine tenths from {low:,.0f} to {high:,.0f}"
    yield "median length", f"{median:,.0f}", spread
    odd = ", ".join(f"{_shown(letter)} {count:,}" for letter, count in letters.odd.items())
    yield "odd letters", f"{letters.n_odd:,}", odd
    yield "lower case", f"{letters.lower_case:.1%}", "of the letters from A to Z"
    yield (
        "runs of blanks",
        f"{letters.blank_runs:,}",
        f"{letters.outer_blanks:,} documents begin or end with one",
    )
    if (tokens := checked.tokens) is not None:
        each = f"{tokens.characters_per_token:.2f} characters a token, by {tokens.model}"
        yield "tokens", f"{tokens.n_tokens:,}", each
        yield "unknown tokens", f"{tokens.n_unknown:,}", _share(tokens.n_unknown, tokens.n_tokens)


def _overlap(checked: "CorpusCheck") -> "Table":
    from rich.text import Text

    table = _table()
    table.add_column("test split of", overflow="fold")
    for name in ("items", "copies", "near-duplicates", "contained", "stretches shared", ""):
        table.add_column(name, justify="right")
    for each in checked.contamination:
        mark = Text("RED" if each.severity == "red" else "green", style=each.severity)
        table.add_row(
            Text(each.dataset),
            f"{each.n_items:,}",
            f"{each.copies:,}",
            f"{each.near:,}",
            f"{each.contained:,}",
            f"{each.shared:.1%}",
            mark,
        )
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / max(1, whole):.1%}"


def _shown(letter: str) -> str:
    return letter if letter.isprintable() and not letter.isspace() else f"U+{ord(letter):04X}"
