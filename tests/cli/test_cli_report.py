"""`seqbench report` with its filters, on a catalog that is there; neither data nor models are needed."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seqbench.cli.main import app

sys.path.append(str(Path(__file__).parents[1] / "report"))
from report_records import NAMES, fill, probe

CONFIG = """
models:
  - {path: models/dna-bert, name: dna-bert}
  - {kind: random-init, path: models/dna-bert, name: dna-bert-untrained}
  - {kind: kmer, k: 4}
datasets: {root: .}
catalog: catalog.duckdb
report: {table_formats: [json, tex], figure_formats: [svg], best_table: [accuracy], layer_figure: [accuracy]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report")
    (made / "run.yaml").write_text(CONFIG)
    models = ("dna-bert", "dna-bert-untrained", "kmer-4")
    fill(made / "catalog.duckdb", models=models, layers=3)
    return made


def report(folder: Path, *options: str) -> tuple[int, str, list[dict[str, object]]]:
    """Exit code, what is printed, and the rows of the leaderboard."""
    out = folder / f"out-{abs(hash(options))}"
    done = CliRunner().invoke(
        app, ["report", str(folder / "run.yaml"), "--set", f"report.out={out}", *options]
    )
    table = out / "tables" / "leaderboard.json"
    return done.exit_code, done.output, json.loads(table.read_text()) if table.exists() else []


def test_a_report_has_the_formats_of_the_config(folder: Path) -> None:
    code, said, rows = report(folder)
    assert code == 0, said
    assert len(rows) == 27
    suffixes = {path.suffix for out in folder.glob("out-*") for path in out.rglob("*.*") if path.is_file()}
    assert {".json", ".tex", ".svg", ".html"} <= suffixes
    assert not {".png", ".tsv", ".md"} & suffixes


def test_trained_models_of_the_catalog_stand_beside_the_frozen_ones_whichever_config_trained_them(
    folder: Path,
) -> None:
    tuned = folder / "tuned"
    tuned.mkdir()
    (tuned / "run.yaml").write_text(CONFIG)
    name, task = NAMES[0]
    fill(tuned / "catalog.duckdb", datasets=NAMES[:1], layers=3).append(
        [probe("dna-bert", name, task, 2, 3, head="lora"), probe("dna-bert", name, task, 2, 3, head="full")]
    )
    code, said, rows = report(tuned)
    assert code == 0, said
    assert {row["head"] for row in rows} == {"mlp"}
    (table,) = tuned.glob("out-*/tables/trained.json")
    ways = [(row["model"], row["way"]) for row in json.loads(table.read_text())]
    assert ways == [("dna-bert", "frozen"), ("dna-bert", "lora"), ("dna-bert", "full")]
    assert "over frozen" in said


def test_models_and_data_sets_can_be_narrowed(folder: Path) -> None:
    _, _, rows = report(
        folder, "--models", "kmer-4,dna-bert", "--datasets", "deephf", "--datasets", "ppi_yeast"
    )
    assert {(row["dataset"], row["model"]) for row in rows} == {
        (dataset, model) for dataset in ("deephf", "ppi_yeast") for model in ("dna-bert", "kmer-4")
    }


def test_another_metric_ranks_and_leaves_out_data_sets_without_it(folder: Path) -> None:
    _, _, rows = report(folder, "--metric", "mcc")
    assert {row["metric"] for row in rows} == {"mcc"}
    assert "deephf" not in {row["dataset"] for row in rows}


def test_what_was_recorded_before_a_time_can_be_left_out(folder: Path) -> None:
    assert len(report(folder, "--since", "2000-01-01")[2]) == 27
    code, said, _ = report(folder, "--since", "2999-01-01T12:00")
    assert (code, "holds no results" in said, "since 2999-01-01" in said) == (2, True, True)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--models", "dna-brt"), "--models: there is no model 'dna-brt'; did you mean 'dna-bert'?"),
        (("--datasets", "x"), "--datasets: there is no data set 'x' (there are "),
        (("--metric", "acuracy"), "--metric: there is no metric 'acuracy'; did you mean 'accuracy'?"),
        (("--since", "yesterday"), "--since: 'yesterday' is no time (write 2026-11-20, or 2026-11-20T15:00)"),
    ],
)
def test_a_wrong_filter_is_one_line(folder: Path, options: tuple[str, ...], line: str) -> None:
    code, said, _ = report(folder, *options)
    assert code == 2
    assert line in said


def test_a_data_set_with_a_head_of_its_own_has_no_empty_rows_of_other_heads(tmp_path: Path) -> None:
    fill(tmp_path / "catalog.duckdb", datasets=NAMES[:1], models=("dna-bert",), layers=3)
    fill(tmp_path / "catalog.duckdb", datasets=NAMES[1:2], models=("dna-bert",), layers=3, heads=("xgb",))
    (tmp_path / "datasets_info.yaml").write_text(f"{NAMES[1][0]}: {{classifer_type: XGB}}\n")
    kept = CONFIG.replace("{root: .}", "{root: ., info: datasets_info.yaml}").splitlines()
    (tmp_path / "run.yaml").write_text("\n".join(line for line in kept if "kind:" not in line))
    code, said, rows = report(tmp_path)
    assert (code, "no results" in said) == (0, False), said
    assert {row["dataset"]: row["head"] for row in rows} == {NAMES[0][0]: "mlp", NAMES[1][0]: "xgb"}
    (best,) = tmp_path.glob("out-*/tables/best_accuracy.json")
    assert all(row["accuracy"] is not None for row in json.loads(best.read_text()))


def test_a_model_that_the_config_trains_and_that_has_no_results_is_told(folder: Path) -> None:
    tuned = folder / "asked"
    tuned.mkdir()
    (tuned / "run.yaml").write_text(CONFIG + "finetune: {encoder: [lora], models: [dna-bert]}\n")
    fill(
        tuned / "catalog.duckdb",
        datasets=NAMES[:1],
        models=("dna-bert", "dna-bert-untrained", "kmer-4"),
        layers=3,
    )
    code, said, _ = report(tuned)
    assert code == 0, said
    flat = " ".join(said.split())
    assert f"1 of 4 combinations have no results: dna-bert × {NAMES[0][0]}" in flat
