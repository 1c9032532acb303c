"""The forms of tables: for spreadsheets, programs, Markdown and LaTeX."""

import csv
import io
import json
import re

import pytest
from analyses import analysis

from seqbench.report.tables.every import FORMS, forms, tables
from seqbench.report.tables.latex import escape, to_latex
from seqbench.report.tables.table import Table, TablePart, to_csv, to_json, to_markdown, to_tsv

BEST = (("accuracy",), ("roc_auc", "accuracy"))


def _table(*rows, **marks):
    part = TablePart(title="", columns=("name", "value"), rows=rows, **marks)
    return Table(name="some_table", title="T", note="N.", parts=(part,))


def test_every_table_has_all_forms_but_the_long_one():
    made = {table.name: dict(forms(table, list(FORMS))) for table in tables(analysis(4, 6, 7), BEST)}
    assert list(made) == [
        "leaderboard",
        "best_accuracy",
        "best_roc_auc-accuracy",
        "last_layer",
        "standings",
        "gains",
        "comparisons",
        "layers",
    ]
    assert made.pop("layers").keys() == {"tsv", "csv", "json"}
    assert {frozenset(each) for each in made.values()} == {frozenset(FORMS)}


def test_tables_without_rows_are_not_written():
    names = [table.name for table in tables(analysis(2, 2, 3, empty=True), BEST)]
    assert not {"leaderboard", "comparisons", "gains", "layers"} & set(names)


def test_all_forms_for_programs_hold_the_same_numbers():
    for table in tables(analysis(4, 6, 3), BEST):
        tsv = list(csv.DictReader(io.StringIO(to_tsv(table)), delimiter="\t"))
        assert list(csv.DictReader(io.StringIO(to_csv(table)))) == tsv
        records = json.loads(to_json(table))
        assert len(records) == len(tsv) == sum(len(part.rows) for part in table.parts)
        for record, row in zip(records, tsv, strict=True):
            assert list(record) == list(row)
            for name, cell in record.items():
                assert row[name] == _written(cell)


def _written(cell):
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else cell if isinstance(cell, str) else repr(cell)


def test_markdown_has_four_digits_and_tsv_all_of_them():
    table = _table(("x", 1 / 3))
    assert "| x | 0.3333 |" in to_markdown(table)
    assert to_tsv(table).splitlines()[1] == f"x\t{1 / 3!r}"


def test_yes_and_no_are_words_for_people_and_booleans_for_programs():
    table = _table(("x", True), ("y", False), ("z", None))
    assert to_tsv(table).splitlines()[1:] == ["x\ttrue", "y\tfalse", "z\t"]
    assert [record["value"] for record in json.loads(to_json(table))] == [True, False, None]
    assert "| x | yes |" in to_markdown(table)


def test_what_is_not_finite_is_null_in_json():
    table = _table(("x", float("nan")), ("y", float("-inf")))
    assert [record["value"] for record in json.loads(to_json(table))] == [None, None]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x"])
def test_text_that_a_spreadsheet_would_run_is_defused(text):
    assert to_tsv(_table((text, 1))).splitlines()[1] == f"'{text}\t1"
    assert to_csv(_table((text, 1))).splitlines()[1] == f"'{text},1"
    assert json.loads(to_json(_table((text, 1))))[0]["name"] == text


def test_text_cannot_break_out_of_its_cell():
    table = _table(("a\tb\nc|d", -0.5))
    assert to_tsv(table).splitlines()[1] == "a b c|d\t-0.5"
    assert "| a b c\\|d | -0.5000 |" in to_markdown(table)
    quoted = to_csv(_table(('a,"b"\nc', -0.5)))
    assert list(csv.reader(io.StringIO(quoted)))[1] == ['a,"b" c', "-0.5"]


def test_marks_are_explained_where_there_are_any():
    marked = to_markdown(
        _table(("x", 0.9), ("y", 0.8), best=frozenset({(0, 1)}), as_good=frozenset({(1, 1)}))
    )
    assert "| x | **0.9000** |" in marked
    assert "| y | 0.8000 † |" in marked
    assert "Bold: best" in marked
    assert "Bold" not in to_markdown(_table(("x", 0.9)))


@pytest.mark.parametrize("table", list(tables(analysis(4, 6, 7), BEST))[:-1], ids=lambda table: table.name)
def test_latex_is_well_formed(table):
    text = to_latex(table)
    opened = re.findall(r"\\begin\{(\w+)\}", text)
    assert opened.count("tabular") == opened.count("table") >= 1
    _check_nesting(text)
    for columns, body in re.findall(r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL):
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len(rows) <= 46
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(columns) - 1}
        for rule in ("toprule", "midrule", "bottomrule"):
            assert body.count(f"\\{rule}") == 1
    assert re.findall(r"(?<!\\)[_#%^~]", re.sub(r"(?m)^%.*$|\\label\{.*\}|\^\\dagger", "", text)) == []


def _check_nesting(text):
    """Braces and environments close in the order in which they were opened."""
    text = re.sub(r"(?m)^%.*$", "", text)
    bare = re.sub(r"\\[{}$]", "", text)
    depth = 0
    for letter in bare:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []


def test_latex_cannot_be_broken_by_a_name():
    hostile = "a_b&c%d$e#f{g}h~i^j\\k<l>m|n[o]*p"
    assert escape(hostile) == (
        r"a\_b\&c\%d\$e\#f\{g\}h\textasciitilde{}i\textasciicircum{}j\textbackslash{}k"
        r"\textless{}l\textgreater{}m\textbar{}n{[}o{]}{*}p"
    )
    _check_nesting(to_latex(_table((hostile, -0.5), (None, None))))


def test_latex_marks_the_best_and_writes_minus_signs():
    table = _table(("x", 0.9), ("y", -0.8), best=frozenset({(0, 1)}), as_good=frozenset({(1, 1)}))
    text = to_latex(table)
    assert r"x & \textbf{0.900} \\" in text
    assert r"y & $-$0.800$^\dagger$ \\" in text
    assert r"\label{tab:some-table}" in text


def test_latex_cuts_long_tables_between_data_sets_and_names_each_once():
    rows = [(f"set {n // 4}", float(n)) for n in range(100)]
    text = to_latex(_table(*rows))
    bodies = re.findall(r"\\midrule\n(.*?)\\bottomrule", text, re.DOTALL)
    assert len(bodies) == 3
    assert all(body.startswith("set ") for body in bodies)
    assert sum(body.count("set ") for body in bodies) == 25
    assert text.count("continued") == 2
