"""The commands on corpora: what they print, and their exit codes."""

import json
from pathlib import Path

from tests.command import seqbench


def world(folder: Path) -> None:
    items = [{"seq": "ACGT" * 10 + "TTGCA" * number, "label": number % 2} for number in range(8)]
    (folder / "d").mkdir()
    for split in ("train", "test"):
        (folder / "d" / f"{split}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    (folder / "c.fa").write_text(">a\n" + items[7]["seq"] + "\n>b\nGGGGGGGGCCCCNNNN\n")  # type: ignore[operator]


def test_a_check_shows_counts_and_test_items_in_red_and_fails_if_asked_to(tmp_path: Path) -> None:
    world(tmp_path)
    done = seqbench("corpus", "check", str(tmp_path / "c.fa"), "--against", str(tmp_path / "d"))
    assert done.exit_code == 0
    assert "odd letters" in done.stdout
    assert "N 4" in done.stdout
    assert "RED:" in done.stdout
    again = ["corpus", "check", str(tmp_path / "c.fa"), "--against", str(tmp_path / "d"), "--json"]
    failed = seqbench(*again, "--fail-on-overlap")
    assert failed.exit_code == 3
    assert json.loads(failed.stdout)[0]["contamination"][0]["copies"] == 1


def test_a_build_prints_counts_and_where_it_wrote(tmp_path: Path) -> None:
    world(tmp_path)
    steps = ["--step", "drop_short=20", "--step", "dedupe"]
    done = seqbench("corpus", "build", str(tmp_path / "c.fa"), "--out", str(tmp_path / "o"), *steps)
    assert done.exit_code == 0
    assert "drop_short=20" in done.stdout
    assert len((tmp_path / "o" / "corpus.jsonl").read_text().splitlines()) == 1


def test_a_faulty_option_is_one_line(tmp_path: Path) -> None:
    world(tmp_path)
    done = seqbench("corpus", "check", str(tmp_path / "c.fa"), "--near", "0.1")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "--near: must be from 0.5 to 1" in done.stderr
