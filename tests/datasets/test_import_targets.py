"""Several labels of an item in one table: each becomes a target, empty cells missing labels."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml

from tests.importing import do_import, manifest, refusal

DRUGS = ["beta lactam", "", "tetracycline", "beta lactam"]
MICS = ["0.5", "1.25", "NA", ""]
SITES = ["[0, 1]", "[1, 1]", "", "[0, 0]"]
TAGS = ["b;a", "a", "", "c;a"]
TARGETS = [
    "--target", "drug=drug class", "--target", "mic=mic:regression",
    "--target", "site=site:labels", "--target", "tag=tag:labels",
]  # fmt: skip


def rows(count: int = 48) -> list[tuple[str, ...]]:
    """Items of all combinations, twelve times over; every fourth item has no tag and no site."""
    return [
        (
            f"p{at}",
            "ACDEFGHIKL"[at % 10] * 5 + "MKV",
            DRUGS[at % 4],
            MICS[at % 4],
            SITES[at % 4],
            TAGS[at % 4],
        )
        for at in range(count)
    ]


def table(path: Path, delimiter: str) -> Path:
    lines = [("id", "seq", "drug class", "mic", "site", "tag"), *rows()]
    quoted = [delimiter.join(f'"{cell}"' for cell in line) for line in lines]
    path.write_text("\n".join(quoted) + "\n", encoding="utf-8")
    return path


def expected(at: int) -> dict[str, object]:
    """What the line of item `at` holds, by hand."""
    tags = TAGS[at % 4].split(";")
    return {
        "drug": DRUGS[at % 4] or None,
        "mic": [0.5, 1.25, None, None][at % 4],
        "site": json.loads(SITES[at % 4]) if SITES[at % 4] else None,
        "tag": [int(name in tags) for name in "abc"] if TAGS[at % 4] else None,
    }


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_each_column_is_a_target_and_empty_cells_are_null(tmp_path: Path, delimiter: str) -> None:
    out = tmp_path / "data" / "arg"
    given = [table(tmp_path / "t.csv", delimiter), *TARGETS, "--label-separator", ";", "--split", "0.5/0/0.5"]
    made = do_import("table", *given, out=out)
    found = {item["id"]: item for split in made.values() for item in split}
    assert len(found) == 48
    for at, (name, sequence, *_) in enumerate(rows()):
        assert found[name] == {"seq": sequence, **expected(at), "id": name}

    entry = yaml.safe_load((out.parent / "datasets_info.yaml").read_text())["arg"]
    assert entry["targets"] == {
        "drug": {"key": "drug", "eval_task": "classification"},
        "mic": {"key": "mic", "eval_task": "regression"},
        "site": {"key": "site", "eval_task": "labels"},
        "tag": {"key": "tag", "eval_task": "labels", "classes": ["a", "b", "c"]},
    }
    assert not {"label_key", "eval_task"} & entry.keys()
    # Shares of each class of `drug`, of which the missing label is one, are those of the fractions.
    for name in ("beta lactam", "tetracycline", None):
        counts = [sum(item["drug"] == name for item in made[split]) for split in ("train", "test")]
        assert counts[0] == counts[1], (name, counts)
    assert manifest(out)["splits"]["train"]["labels"] == {"drug: beta lactam": 12, "drug: tetracycline": 6}


def test_parquet_with_lists_gives_the_same(tmp_path: Path) -> None:
    out, other = tmp_path / "a" / "arg", tmp_path / "b" / "arg"
    names = ("id", "seq", "drug class", "mic", "site", "tag")
    columns: dict[str, list[object]] = dict(zip(names, map(list, zip(*rows(), strict=True)), strict=True))
    columns["site"] = [json.loads(str(cell)) if cell else None for cell in columns["site"]]
    columns["mic"] = [float(str(cell)) if cell not in ("", "NA") else None for cell in columns["mic"]]
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    rest = [*TARGETS, "--label-separator", ";", "--split", "0.5/0/0.5"]
    assert do_import("table", tmp_path / "t.parquet", *rest, out=out) == do_import(
        "table", table(tmp_path / "t.csv", ","), *rest, out=other
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--target", "drug"], "--target 'drug' must be NAME=COLUMN or NAME=COLUMN:TASK, as drug=drug_class"),
        (["--target", "drug=none"], "has no column 'none' (--target), only 'id', 'seq', 'drug class'"),
        (["--target", "seq=tag"], "--target seq=…: an item has 'seq' of its own (choose another name)"),
        (["--target", "a=tag", "--target", "a=mic"], "--target a is given 2 times"),
        (["--target", "a=tag", "--label", "mic"], "--label and --target exclude each other"),
        (["--target", "a=tag", "--task", "labels"], "--task and --target exclude each other"),
        (["--target", "d=drug class:regression", "--missing", "skip"], "target d: "),
        (
            ["--target", "mic=mic", "--target", "d=drug class:labels"],
            "target d: a single value an item can't be",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path: Path, given: list[str], told: str) -> None:
    path = table(tmp_path / "t.csv", ",")
    assert told in refusal("table", path, *given, "--split", "0.5/0/0.5", out=tmp_path / "data" / "arg")


def test_an_item_without_any_label_is_missing_one(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", ",")
    split = ["--target", "mic=mic", "--split", "0.5/0/0.5"]
    line = refusal("table", path, *split, out=tmp_path / "data" / "arg")
    assert line == f"{path}:4: has no label by any of columns mic (--missing skip leaves it out)"
    made = do_import("table", path, *split, "--missing", "skip", out=tmp_path / "data" / "arg")
    assert sum(map(len, made.values())) == 24
