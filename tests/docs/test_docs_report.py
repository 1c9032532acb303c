"""The files of a report are documented: every table with its columns, every figure, every form."""

import re
from dataclasses import replace

from seqbench.metrics import METRICS
from seqbench.report.analysis import Analysis
from seqbench.report.figures.every import figures
from seqbench.report.results import PredictedEffects
from seqbench.report.tables.every import FORMS, tables
from tests.docs.pages import DOCS, read
from tests.report.adapted_rows import with_bits
from tests.report.analyses import analysis
from tests.report.trained_rows import with_trained

PAGE = read(DOCS / "report-files.md")
NAMES = sorted({name for names in METRICS.values() for name in names}, key=len, reverse=True)
OF_THE_REPORT = {"best_accuracy": "best_<metric>", "best_roc_auc-accuracy": "best_<m1>-<m2>"}


def test_every_table_and_column_of_a_report_is_documented() -> None:
    for table in tables(with_trained(analysis()), [("accuracy",), ("roc_auc", "accuracy")]):
        name = OF_THE_REPORT.get(table.name, table.name)
        assert f"| `{name}` |" in PAGE, name
        columns = {re.sub("|".join(NAMES), "<metric>", each) for part in table.parts for each in part.columns}
        missing = [each for each in columns - {"<metric>"} if f"`{each}`" not in PAGE]
        assert missing == [], name


def test_every_figure_of_a_report_is_documented() -> None:
    rows = re.findall(r"^\| `([a-z]+)[^`]*` \|", PAGE[PAGE.index("## The figures") :], re.MULTILINE)
    made = {
        figure.name.split("_")[0]
        for figure in figures(with_bits(_with_effects(with_trained(analysis()))), [("accuracy",)])
    }
    assert made == set(rows)


def _with_effects(shown: Analysis) -> Analysis:
    row = shown.leaderboard[0]
    effects = PredictedEffects(
        dataset=row.dataset, model=row.model, head=row.head, layer=0, perturbation="A", predicted=(0.0, 1.0),
        real=(0.0, 2.0),
    )  # fmt: skip
    return replace(shown, results=replace(shown.results, effects=(effects,)))


def test_every_form_of_a_table_is_documented() -> None:
    assert all(f"`{form}`" in PAGE for form in FORMS)
