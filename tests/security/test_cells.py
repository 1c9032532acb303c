"""Text from elsewhere stays text in every form of a table; each check is made with its defence taken away."""

import html
from collections.abc import Callable

import pytest

from seqbench.cli import query_text
from seqbench.core import spreadsheet
from seqbench.report.page.document import embedded
from seqbench.report.tables import table as table_module
from seqbench.report.tables.latex import to_latex
from seqbench.report.tables.table import Table, TablePart, to_csv, to_markdown, to_tsv

FORMULAS = ("=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(1)", "＝1", "\t=1")
MARKUP = (
    "<script>alert(1)</script>",
    "</script><script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
)


def table(text: str) -> Table:
    return Table(
        name="t", title="T", note="N.", parts=(TablePart(title="", columns=("a", "b"), rows=((text, 1),)),)
    )


FORMS: dict[str, Callable[[str], str]] = {
    "tsv": lambda text: to_tsv(table(text)),
    "csv": lambda text: to_csv(table(text)),
    "sql": lambda text: query_text.to_csv(("a", "b"), [(text, 1)]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_a_cell_is_no_formula(monkeypatch: pytest.MonkeyPatch, form: str, text: str) -> None:
    assert not FORMS[form](text).splitlines()[1].lstrip('"').startswith(spreadsheet.FORMULA)
    for module in (table_module, query_text):
        monkeypatch.setattr(module, "escape_formula", lambda cell: cell)
    assert FORMS[form](text).splitlines()[1].lstrip('"').startswith(spreadsheet.FORMULA)


@pytest.mark.parametrize("text", MARKUP)
def test_a_cell_is_no_markup(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    for shown in (to_markdown(table(text)), query_text.to_markdown(("a", "b"), [(text, 1)])):
        assert "<" not in shown
        assert "](" not in shown
    assert html.unescape(embedded(text)) == embedded(text)
    assert "<" not in embedded(text)
    monkeypatch.setattr(table_module, "markdown_text", lambda cell: cell)
    assert text in to_markdown(table(text))


def test_a_cell_is_no_command_of_latex(monkeypatch: pytest.MonkeyPatch) -> None:
    text = r"\input{/etc/passwd} $x$ % & \write18{id}"
    assert not {r"\input", r"\write", "% ", "$x"} & set(to_latex(table(text)).split())
    assert r"\textbackslash{}input" in to_latex(table(text)).replace(
        r"\textbackslash\{\}", r"\textbackslash{}"
    )
    monkeypatch.setattr("seqbench.report.tables.latex.escape", lambda cell: cell)
    assert text in to_latex(table(text))
