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


def test_a_config_stands_for_its_corpora_and_data_sets(tmp_path: Path) -> None:
    world(tmp_path)
    (tmp_path / "other.txt").write_text("ACGTTGCAACGTTGCATTTTACGA\n")
    (tmp_path / "c.yaml").write_text(
        "models: [{path: base, name: base}]\n"
        "datasets: {root: ., names: [d]}\n"
        "adapt: [{name: new, model: base, steps: 1, corpora: [{path: c.fa, eval: other.txt}]}]\n"
        "likelihood: {watch: [{path: other.txt, name: watched}, {path: c.fa}]}\n"
    )
    done = seqbench("corpus", "check", str(tmp_path / "c.yaml"), "--json", "--fail-on-overlap")
    assert done.exit_code == 3, done.output
    found = json.loads(done.stdout)
    assert [each["name"] for each in found] == ["c", "c, held out", "watched"]
    assert found[0]["contamination"][0]["copies"] == 1
    assert found[1]["contamination"][0]["copies"] == 0
    refused = seqbench("corpus", "check", str(tmp_path / "c.yaml"), "--key", "seq")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "says itself how its corpora are read" in refused.stderr
    (tmp_path / "none.yaml").write_text(
        "models: [{path: base, name: base}]\ndatasets: {root: ., names: [d]}\n"
    )
    none = seqbench("corpus", "check", str(tmp_path / "none.yaml"))
    assert none.exit_code == 2
    assert "names no corpora" in none.stderr
