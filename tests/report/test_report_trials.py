"""What a report shows of searches over settings."""

import pytest
from analyses import analysis
from predicted_records import fill
from trained_rows import study, with_trained

from seqbench.core.progress import Silent
from seqbench.report.analyse import analyse
from seqbench.report.figures.every import figures
from seqbench.report.selection import Selection
from seqbench.report.tables.every import forms, tables
from tests.catalog.catalog_records import trial_record


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    catalog = fill(tmp_path_factory.mktemp("trials") / "c.duckdb", ("binary",))
    about = {"dataset": "binary", "metric": "accuracy"}
    catalog.append([trial_record(0, study="older", score=0.99, **about)])
    scores = (0.7, 0.9, 0.9, 0.95)
    catalog.append(
        [
            trial_record(n, score=score, state="pruned" if n == 3 else "done", **about)
            for n, score in enumerate(scores)
        ]
    )
    catalog.append([trial_record(0, study="other", model="nobody", **about)])
    return analyse(catalog, Selection(models=("bert",), datasets=("binary",), heads=("mlp",)), Silent())


def test_the_last_study_of_a_model_is_shown_and_the_best_that_ended_is_the_chosen_one(found):
    (shown,) = found.results.studies
    assert (shown.dataset, shown.model, shown.way, shown.method) == ("binary", "bert", "lora", "tpe")
    assert [trial.score for trial in shown.trials] == [0.7, 0.9, 0.9, 0.95]
    assert shown.chosen.number == 1
    assert shown.keys == ("lr", "lora.rank", "head")


def test_the_table_has_a_row_a_trial_with_a_column_a_setting(found):
    (table,) = (table for table in tables(found, []) if table.name == "trials")
    header, *rows = (line.split("\t") for line in dict(forms(table, ["tsv"]))["tsv"].splitlines())
    assert len(rows) == 4
    second = dict(zip(header, rows[1], strict=True))
    assert (second["lora.rank"], second["eval_score"], second["chosen"]) == ("8", "0.9", "true")
    assert [row[header.index("state")] for row in rows] == ["done", "done", "done", "pruned"]


def test_lower_is_better_by_losses():
    down = study("d", "m", "full", "eval_loss", higher_is_better=False)
    up = study("d", "m", "full", "accuracy", higher_is_better=True)
    assert down.chosen.score == min(trial.score for trial in down.trials if trial.state == "done")
    assert up.chosen.score == max(trial.score for trial in up.trials if trial.state == "done")


def test_the_figure_names_every_setting_and_choice():
    (figure,) = (one for one in figures(with_trained(analysis(2, 1, 3)), []) if one.name == "trials")
    svg = figure.files(["svg"])["svg"].decode()
    for words in ("lr", "lora.rank", "head", "mean", "cls", "eval_loss", "10 trials by tpe"):
        assert f">{words}<" in svg
