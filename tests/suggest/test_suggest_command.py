"""`seqbench suggest`, `config init` for own data and `config check`, as a user gives them."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.command import rows, seqbench
from tests.data import write_split

TinyModel = Callable[[str], Path]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DNA whose share of G and C is the label, with noise: counts of letters tell it."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    with (tmp_path / "variants.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["mutant", "sequence", "activity", "tm"])
        for number in range(150):
            letters = rng.choice(list("ACGT"), 30)
            share = float(np.isin(letters, ["C", "G"]).mean())
            writer.writerow(
                [f"m{number}", "".join(letters), f"{share + rng.normal(0, 0.02):.4f}", number % 7]
            )
    return Path("variants.csv")


def test_one_command_leads_from_a_table_to_an_answer_that_is_the_catalogs(
    table: Path, tiny_model: TinyModel
) -> None:
    shown = seqbench("suggest", table, tiny_model("bert"))
    assert shown.exit_code == 0, shown.output
    out = shown.stdout
    assert re.search(r"^sequences +column sequence: dna, 30 letters$", out, re.M)
    assert re.search(r"^labels +column activity: regression", out, re.M)
    config = Path("suggest-variants/config.yaml")
    (best,) = rows(
        config,
        "FROM leaderboard SELECT layer, test_score, test_low, test_high WHERE "
        "model NOT IN ('kmers', 'composition') AND model NOT LIKE '%untrained'",
    )
    interval = f"{best['test_low']:.3f} to {best['test_high']:.3f}"
    layer = f"{best['layer']} of 0 to 3, chosen on eval: spearmanr {best['test_score']:.3f} on test"
    assert re.search(rf"^layer +{re.escape(f'{layer} (95 % interval {interval})')}$", out, re.M), out
    scores = {row["model"]: row["test_score"] for row in rows(config, "FROM leaderboard")}
    behind = abs(scores["kmers"] - best["test_score"])
    assert re.search(rf"^k-mers .*{behind:.3f}", out, re.M), out
    assert re.search(r"^untrained twin .*bert", out, re.M)
    assert re.search(r"^how sure +\S", out, re.M)
    assert re.search(r"^next +\S", out, re.M)
    assert Path("suggest-variants/report/index.html").is_file()
    assert any(Path("suggest-variants/heads").rglob("linear-*.safetensors"))
    again = seqbench("suggest", table, tiny_model("bert"), "--label", "activity")
    assert again.exit_code == 0, again.output
    assert "0 items embedded, 0 probes trained" in again.stderr
    assert again.stdout == out
    whole = seqbench("run", config)
    assert "0 items embedded, 0 probes trained" in whole.stderr


def test_a_config_for_own_data_is_right_and_plans(table: Path, tiny_model: TinyModel) -> None:
    made = seqbench("config", "init", "my.yaml", "--data", table, "--model", tiny_model("bert"))
    assert made.exit_code == 0, made.output
    assert "my.yaml written" in made.stdout
    checked = seqbench("config", "check", "my.yaml")
    assert checked.exit_code == 0, checked.output
    assert "my.yaml is right" in checked.stdout
    assert re.search(r"^data sets +variants$", checked.stdout, re.M)
    planned = seqbench("plan", "my.yaml")
    assert planned.exit_code == 0, planned.output
    assert "regression" in planned.stdout
    text = Path("my.yaml").read_text()
    again = seqbench("config", "init", "my.yaml", "--data", table, "--model", tiny_model("bert"))
    assert again.exit_code == 2
    assert "my.yaml: is there already" in again.stderr
    assert Path("my.yaml").read_text() == text


def test_names_with_blanks_are_quoted_in_commands_and_yaml(table: Path, tiny_model: TinyModel) -> None:
    table.rename("my data, (1).csv")
    made = seqbench(
        "config", "init", "a b/c: d.yaml", "--data", "my data, (1).csv", "--model", tiny_model("bert"),
        "--task", "regression",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "  seqbench plan 'a b/c: d.yaml'\n" in made.stdout
    checked = seqbench("config", "check", "a b/c: d.yaml")
    assert checked.exit_code == 0, checked.output
    assert "my-data-1" in checked.stdout


def test_a_folder_of_data_sets_is_named_as_it_is(
    tmp_path: Path, tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for split in ("train", "eval", "test"):
        write_split(Path("sets/gc"), split)
        write_split(Path("sets/other"), split)
    for data, expected in (("sets", "gc, other"), ("sets/gc", "gc")):
        config = f"{data.replace('/', '-')}.yaml"
        made = seqbench("config", "init", config, "--data", data, "--model", tiny_model("bert"))
        assert made.exit_code == 0, made.output
        assert "gc     classification, 2 classes: 0 (90), 1 (90)" in made.stdout.replace(
            "gc  cl", "gc     cl"
        )
        checked = seqbench("config", "check", config)
        assert re.search(rf"^data sets +{expected}$", checked.stdout, re.M), checked.output
    assert not Path("data").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("suggest",), "Missing FILE and MODEL."),
        (("predict",), "Missing HEAD, INPUT and --out."),
        (("predict", "h", "--out", "x.tsv"), "Missing argument 'INPUT'."),
        (("config", "init", "my.yaml"), "give --data FILE_OR_FOLDER and --model FOLDER; a folder's name"),
        (("config", "init", "my.yaml", "--data", "variants.csv"), "my.yaml: give --model FOLDER"),
        (("config", "init", "my", "--data", "variants.csv"), "--model FOLDER and a name that ends in .yaml"),
        (("config", "init", "demo", "--label", "x"), "--label and the like go with --data and --model"),
        (("suggest", "variants.csv", "bert", "--task", "perturbation"), "'perturbation' is not one of"),
        (("suggest", ".", "bert"), "`seqbench config init my.yaml --data . --model bert` takes it"),
        (("suggest", "variants.csv", "bert"), "bert: there is no such model folder"),
        (
            ("suggest", "variants.csv", "variants.csv"),
            "variants.csv: is a file; give the folder that holds it",
        ),
        (("suggest", "variants.csv", "."), ".: holds no config.json"),
        (("suggest", "other.csv", "a/b"), "other.csv: there is no such file or folder"),
        (
            ("datasets", "check", "variants.csv"),
            "`seqbench datasets import table variants.csv --label COLUMN --split",
        ),
        (("datasets", "audit", "variants.csv"), "`seqbench suggest variants.csv MODEL`"),
        (("datasets", "split", "variants.csv", "o"), "is no JSONL; import it first, then split its folder"),
        (
            ("datasets", "import", "folder", "variants.csv", "--out", "o"),
            "variants.csv: is a file, no folder (`seq",
        ),
        (
            ("models", "check", ".", "--data", "variants.csv"),
            "is a file, and a data set is a folder (`seqbench",
        ),
        (("run", "."), ".: is a folder (a config is a YAML file)"),
        (("plan", "variants.csv"), "`seqbench suggest variants.csv MODEL`"),
    ],
)
def test_what_lacks_or_is_of_another_kind_is_told_with_the_way_out(
    table: Path, arguments: tuple[str, ...], message: str
) -> None:
    shown = seqbench(*arguments)
    assert shown.exit_code == 2
    assert message in shown.stderr
    assert not list(table.absolute().parent.glob("*.yaml"))


def test_a_root_that_is_a_file_is_told(table: Path, tiny_model: TinyModel) -> None:
    Path("x.yaml").write_text(f"models: [{{path: {tiny_model('bert')}}}]\ndatasets: {{root: variants.csv}}\n")
    shown = seqbench("config", "check", "x.yaml")
    assert shown.exit_code == 2
    assert (
        "variants.csv: is a file, and datasets.root is a folder (`seqbench datasets import table"
        in shown.stderr
    )
