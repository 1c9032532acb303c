"""`seqbench datasets audit` as a user calls it."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.cli import options
from tests.audit.making import dna_items, write
from tests.command import rows, seqbench


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two data sets: a sound one, and one half of whose test items are copies."""
    rng = np.random.default_rng(0)
    for name, copied in (("clean", 0), ("leaky", 10)):
        train, test = dna_items(rng, 60), dna_items(rng, 20)
        for item, source in zip(test[:copied], train, strict=False):
            item.update(source)
        write(tmp_path / "data" / name, {"train": train, "eval": dna_items(rng, 20), "test": test})
    return tmp_path / "data"


def test_each_data_set_gets_its_verdict(root: Path) -> None:
    shown = seqbench("datasets", "audit", root, "--no-controls")
    assert shown.exit_code == 0, shown.output
    assert "clean, dna, classification" in shown.stdout
    assert "verdict: green (0 red" in shown.stdout
    assert "verdict: RED (2 red" in shown.stdout
    assert "10 of 20 test items (50.0%)" in shown.stdout


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_fits_a_terminal(root: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    from rich.console import Console

    monkeypatch.setattr(
        "seqbench.cli.datasets_audit.console", lambda: Console(width=width, force_terminal=False)
    )
    shown = seqbench("datasets", "audit", root / "leaky", "--control-items", 60)
    assert max(map(len, shown.stdout.splitlines())) <= width
    for check in ("copies", "near-duplicates", "conflicting labels", "shuffled labels"):
        assert check in shown.stdout
    assert "memory answers them" in " ".join(shown.stdout.split())


def test_a_folder_of_one_data_set_a_config_and_a_choice_name_the_same(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(
        "models: [{kind: kmer, k: 2}]\ndatasets: {root: data, names: [leaky]}\n", encoding="utf-8"
    )
    calls = ([root / "leaky"], [config], [root, "--datasets", "leaky"])
    found = [
        json.loads(seqbench("datasets", "audit", *call, "--no-controls", "--format", "json").stdout)
        for call in calls
    ]
    for records in found:
        assert [each["dataset"] for each in records] == ["leaky"]
        assert records[0]["findings"] == found[0][0]["findings"]


def test_json_holds_facts_findings_and_controls(root: Path) -> None:
    shown = seqbench("datasets", "audit", root / "leaky", "--format", "json", "--control-items", 60)
    (record,) = json.loads(shown.stdout)
    assert record["verdict"] == "red"
    assert record["splits"]["test"]["marks"] == {
        "copy": 10,
        "reverse_copy": 0,
        "reordered_copy": 0,
        "near_duplicate": 0,
        "shared_stretch": 10,
        "seen": 0,
        "overlap": 0,
        "conflict": 0,
        "repeat": 0,
        "clean": 10,
    }
    assert record["settings"]["k"] == 7
    accuracy = next(each for each in record["controls"][0]["metrics"] if each["metric"] == "accuracy")
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_out_has_a_line_an_item_and_a_page(root: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    shown = seqbench("datasets", "audit", root, "--no-controls", "--out", out, "--items", kind)
    assert shown.exit_code == 0, shown.output
    if kind == "jsonl":
        lines = (out / "leaky" / "items.jsonl").read_text(encoding="utf-8").splitlines()
        items = [json.loads(line) for line in lines]
    else:
        import pyarrow.parquet as pq

        items = pq.read_table(out / "leaky" / "items.parquet").to_pylist()
    assert [(item["split"], item["row"]) for item in items] == [
        (split, row) for split in ("eval", "test") for row in range(20)
    ]
    test = [item for item in items if item["split"] == "test"]
    assert [item["copy_of"] for item in test] == [*range(10), *[None] * 10]
    assert [item["clean"] for item in test] == [False] * 10 + [True] * 10
    assert json.loads((out / "clean" / "audit.json").read_text(encoding="utf-8"))["verdict"] == "green"
    assert "| leaky | red | 20 | 10 | copies, copies of a class |" in (out / "audit.md").read_text(
        encoding="utf-8"
    )


def test_what_is_there_is_not_overwritten(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "leaky").mkdir(parents=True)
    shown = seqbench("datasets", "audit", root, "--no-controls", "--out", tmp_path / "out")
    assert shown.exit_code == 2
    assert "out/leaky: is there already (choose another --out, or remove it)" in shown.output
    assert not (tmp_path / "out" / "clean").exists()


def test_a_faulty_data_set_is_named_and_the_others_are_audited(root: Path) -> None:
    (root / "clean" / "test.jsonl").write_text('{"seq": "ACGT"\n', encoding="utf-8")
    shown = seqbench("datasets", "audit", root, "--no-controls")
    assert shown.exit_code == options.EXIT_PARTIAL
    assert "clean/test.jsonl:1: not JSON" in shown.stderr
    assert "verdict: RED" in shown.stdout


@pytest.mark.parametrize(
    ("option", "code"), [((), 0), (("--fail-on", "red"), 3), (("--fail-on", "yellow"), 3)]
)
def test_red_fails_only_if_asked_to(root: Path, option: tuple[str, ...], code: int) -> None:
    assert seqbench("datasets", "audit", root / "leaky", "--no-controls", *option).exit_code == code
    assert seqbench("datasets", "audit", root / "clean", "--no-controls", "--fail-on", "red").exit_code == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--near", "0.3"], "--near: must be from 0.5 to 1, got 0.3"),
        (["--k", "40"], "--k: must be from 2 to 12, got 40"),
        (["--stretch", "99"], "--stretch: must be from 6 to 31 letters, got 99"),
        (["--datasets", "leeky"], "did you mean leaky?"),
        (["--datasets", "../leaky"], "can't be used"),
    ],
)
def test_a_wrong_option_is_one_line(root: Path, options: list[str], says: str) -> None:
    shown = seqbench("datasets", "audit", root, *options)
    assert shown.exit_code == 2
    assert says in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_markup_in_names_and_labels_is_printed_as_it_is(root: Path) -> None:
    rng = np.random.default_rng(3)
    items = [{**item, "chrom": "[red]x[/red]", "start": 0, "end": 9} for item in dna_items(rng, 30)]
    write(root / "odd", {"train": items, "test": items[:9]})
    shown = seqbench("datasets", "audit", root / "odd", "--no-controls")
    assert shown.exit_code == 0, shown.output
    assert "9 of 9 test items (100.0%)" in shown.stdout


def test_rapidfuzz_is_asked_for_where_it_is_needed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.audit.verify.find_spec", lambda name: None)
    shown = seqbench("datasets", "audit", root / "leaky", "--no-controls")
    assert "pip install 'seqbench[audit]', or --near 1 to look for copies only" in shown.stderr
    copies = seqbench("datasets", "audit", root / "leaky", "--no-controls", "--near", "1")
    assert copies.exit_code == 0
    assert "near-duplicates" not in copies.stdout


@pytest.fixture
def config(root: Path) -> Path:
    path = root.parent / "run.yaml"
    path.write_text("models: [{kind: kmer, k: 2}]\ndatasets: {root: data}\n", encoding="utf-8")
    return path


def recorded(config: Path) -> list[tuple[str, str, int]]:
    found = rows(config, "SELECT dataset, verdict, n_clean, recorded_at FROM audit ORDER BY dataset")
    return [(row["dataset"], row["verdict"], row["n_clean"]) for row in found]


def times(config: Path) -> list[str]:
    return [row["recorded_at"] for row in rows(config, "SELECT recorded_at FROM audits ORDER BY dataset")]


def test_an_audit_of_a_config_goes_to_its_catalog_and_is_not_made_twice(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = seqbench("datasets", "audit", config, "--control-items", 60, "--format", "json")
    assert first.exit_code == 0, first.output
    assert recorded(config) == [("clean", "green", 20), ("leaky", "red", 10)]
    before = times(config)
    with monkeypatch.context() as patch:
        patch.setattr("seqbench.audit.recorded.audit_opened", None)
        again = seqbench("datasets", "audit", config, "--control-items", 60, "--format", "json")
    assert again.exit_code == 0, again.output
    assert again.stdout == first.stdout
    assert f"leaky: audited with these settings on {before[1][:16]}".replace("T", " ") in again.stderr
    assert "(--again audits it anew)" in again.stderr
    assert times(config) == before


@pytest.mark.parametrize(
    "options", [["--again"], ["--near", "0.8"], ["--controls"], ["--stretch", "20"], ["--k", "5"]]
)
def test_it_is_made_again_where_asked_and_with_other_settings(config: Path, options: list[str]) -> None:
    call = ("datasets", "audit", config, "--datasets", "leaky", "--control-items", 60)
    seqbench(*call, "--no-controls")
    before = times(config)
    shown = seqbench(*call, *([] if "--controls" in options else ["--no-controls"]), *options)
    assert shown.exit_code == 0, shown.output
    assert "taken from" not in shown.stderr
    assert times(config) > before
    assert recorded(config) == [("leaky", "red", 10)]


def test_changed_data_are_audited_anew_and_the_older_audit_stays(config: Path) -> None:
    seqbench("datasets", "audit", config, "--no-controls")
    test = config.parent / "data" / "leaky" / "test.jsonl"
    lines = test.read_text(encoding="utf-8").splitlines()
    test.write_text("\n".join(lines[5:]) + "\n", encoding="utf-8")
    shown = seqbench("datasets", "audit", config, "--no-controls")
    assert "leaky: audited" not in shown.stderr
    assert "clean: audited" in shown.stderr
    assert recorded(config) == [("clean", "green", 20), ("leaky", "red", 10)]
    counts = rows(config, "SELECT marks->>'$.copy' AS n FROM audit_splits WHERE split = 'test' AND "
                          "dataset = 'leaky' ORDER BY ALL")  # fmt: skip
    assert [row["n"] for row in counts] == ["10", "5"]


def test_files_are_written_from_an_audit_that_was_there(config: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        seqbench("datasets", "audit", config, "--no-controls", "--out", tmp_path / str(number))
    for name in ("leaky/items.jsonl", "leaky/audit.json", "audit.md"):
        first, second = ((tmp_path / number / name).read_bytes() for number in "12")
        assert first == second


def test_a_folder_has_no_catalog_but_may_be_given_one(root: Path) -> None:
    shown = seqbench("datasets", "audit", root / "leaky", "--no-controls")
    assert "findings are kept nowhere: --catalog FILE records them" in shown.stderr
    shown = seqbench("datasets", "audit", root / "leaky", "--no-controls", "--out", root.parent / "out")
    assert "out only: --catalog FILE records them" in shown.stderr
    assert not (root.parent / "catalog.duckdb").exists()
    catalog = root.parent / "catalog.duckdb"
    shown = seqbench("datasets", "audit", root / "leaky", "--no-controls", "--catalog", catalog)
    assert "findings are kept" not in shown.stderr
    assert recorded(root.parent / "run.yaml") == [("leaky", "red", 10)]


def test_a_catalog_beside_that_of_the_config_or_one_that_is_none_is_one_line(config: Path) -> None:
    shown = seqbench("datasets", "audit", config, "--catalog", "other.duckdb")
    assert (shown.exit_code, shown.stderr) == (
        2,
        "seqbench: --catalog goes with a folder; a config says it itself (catalog)\n",
    )
    (config.parent / "catalog.duckdb").write_text("no database\n" * 1000, encoding="utf-8")
    shown = seqbench("datasets", "audit", config, "--no-controls")
    assert shown.exit_code == 2
    assert "catalog.duckdb is no catalog" in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_a_report_after_an_audit_names_the_red_data_set_and_the_ones_not_audited(config: Path) -> None:
    options = ("--set", "report.figure_formats=[png]", "--set", "probe.heads=[linear]")
    seqbench("datasets", "audit", config, "--datasets", "leaky", "--no-controls")
    shown = seqbench("run", config, *options)
    assert shown.exit_code == 0, shown.output
    said = " ".join(shown.stdout.split())
    assert "leaky is red in its audit: copies: 10 of 20 test items (50.0%)" in said
    assert "10 of 20 test items are clean: kmer-2 scores 0." in said
    assert "Not audited: clean (seqbench datasets audit CONFIG)." in said
    lines = (config.parent / "report" / "tables" / "clean.tsv").read_text(encoding="utf-8").splitlines()
    cells = dict(zip(*(line.split("\t") for line in lines), strict=True))
    assert (cells["dataset"], cells["n_items"], cells["n_clean"]) == ("leaky", "20", "10")
