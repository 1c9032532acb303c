"""Corpora that steps were done to."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from seqbench.core.progress import Silent
from seqbench.corpora.corpus import open_corpus
from seqbench.corpora.source import CorpusSource
from seqbench.curation.build import BuiltCorpus, build_corpus
from seqbench.curation.steps import read_step, windows_of
from seqbench.errors import ConfigError, DataError


def built(folder: Path, texts: Sequence[str], *steps: str, group_key: str | None = None) -> BuiltCorpus:
    path = folder / "given.jsonl"
    items = [{"text": text, "doc": f"article {number // 5}"} for number, text in enumerate(texts)]
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    source = CorpusSource(name="given", path=path, group_key=group_key)
    return build_corpus([source], [read_step(step) for step in steps], folder / "out", Silent())


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def texts_of(made: BuiltCorpus) -> list[str]:
    return [item["text"] for item in lines(made.folder / "corpus.jsonl")]


def test_steps_are_done_in_their_order_and_counted(tmp_path: Path) -> None:
    given = ["  One  two ", "one two", "", "a", "One two"]
    made = built(tmp_path, given, "strip", "collapse_blanks", "upper", "drop_short=3", "dedupe")
    assert texts_of(made) == ["ONE TWO"]
    assert [(count.step, count.n_documents) for count in made.counts] == [
        ("read", 5), ("strip", 5), ("collapse_blanks", 5), ("upper", 5), ("drop_short=3", 3), ("dedupe", 1),
    ]  # fmt: skip


def test_another_order_gives_another_corpus(tmp_path: Path) -> None:
    made = built(tmp_path, ["One  two", "One two"], "dedupe", "collapse_blanks")
    assert texts_of(made) == ["One two", "One two"]


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("ACGTACGTAC", ["ACGT", "ACGT", "AC"]),
        ("ab cd ef", ["ab", "cd", "ef"]),
        ("abcd ef", ["abcd", "ef"]),
        ("a bcdefgh", ["a", "bcde", "fgh"]),
        ("abc", ["abc"]),
    ],
)
def test_windows_are_cut_between_words_where_there_are_words(text: str, windows: list[str]) -> None:
    assert list(windows_of(text, 4)) == windows


def test_what_is_held_out_by_text_is_what_adaptation_holds_out(tmp_path: Path) -> None:
    made = built(tmp_path, [f"document number {number}" for number in range(200)], "hold_out=0.2")
    corpus = open_corpus(CorpusSource(name="given", path=tmp_path / "given.jsonl"))
    held_out = [item["text"] for item in lines(made.folder / "held_out.jsonl")]
    assert held_out == [text for _, text in corpus.documents("held_out", 0.2)]
    assert texts_of(made) == [text for _, text in corpus.documents("train", 0.2)]


def test_groups_are_held_out_whole(tmp_path: Path) -> None:
    given = [f"document number {number}" for number in range(200)]
    made = built(tmp_path, given, "strip", "hold_out=0.1", group_key="doc")
    groups = [
        {item["doc"] for item in lines(made.folder / name)} for name in ("held_out.jsonl", "corpus.jsonl")
    ]
    assert not groups[0] & groups[1]
    assert len(groups[0]) == 4  # of 40, the first with which a tenth is reached
    assert made.held_out is not None
    assert made.held_out.n_documents == 20


def test_a_manifest_names_sources_and_what_was_written(tmp_path: Path) -> None:
    made = built(tmp_path, ["one", "two"], "strip")
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest["sha256"] == hashlib.sha256((made.folder / "corpus.jsonl").read_bytes()).hexdigest()
    given = hashlib.sha256((tmp_path / "given.jsonl").read_bytes()).hexdigest()
    assert [source["sha256"] for source in manifest["sources"]] == [given]
    assert [count["n_characters"] for count in manifest["counts"]] == [6, 6]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("stripp", "there is no such step"),
        ("strip=3", "strip takes no value"),
        ("windows", "needs a value, the letters of a window"),
        ("windows=2.5", "must be a whole number from 16"),
        ("dedupe_near=1.5", "must be a number from 0.5 to 1"),
        ("hold_out=x", "must be a number from 0 to 1, the share of the documents"),
    ],
)
def test_a_step_at_fault_is_named(step: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"--step {step}: {said}"):
        read_step(step)


def test_holding_out_before_another_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be the last step"):
        built(tmp_path, ["one"], "hold_out=0.1", "strip")


def test_a_corpus_of_which_nothing_is_left_is_a_fault_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no document is left after the step drop_short=10"):
        built(tmp_path, ["one", "two"], "drop_short=10")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="is there already"):
        built(tmp_path, ["one"])
