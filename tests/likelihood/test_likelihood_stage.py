"""Adapted models and what they began with, measured in a run."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from seqbench.config import load_config
from tests.adapt.making import save_language_model, write_corpus
from tests.command import rows, seqbench


def write_config(folder: Path, **changed: Any) -> Path:
    small = {"steps": 4, "warmup_steps": 1, "tokens_per_batch": 512, "dtype": "float32", "eval": 0.5}
    config = {
        "models": [{"path": "bert", "dtype": "float32"}],
        "catalog": "catalog.duckdb",
        "adapt": [
            {
                "name": "phage",
                "model": "bert",
                "checkpoint_steps": 2,
                "corpora": [{"path": "phage.jsonl"}],
                **small,
            }
        ],
        "likelihood": {"watch": [{"path": "host.jsonl"}], "letters": 2000},
    }
    path = folder / "my.yaml"
    path.write_text(yaml.safe_dump(config | changed))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("likelihood")
    save_language_model("bert", folder / "bert")
    write_corpus(folder / "phage.jsonl")
    write_corpus(folder / "host.jsonl")
    for command in ("adapt", "likelihood"):
        shown = seqbench(command, write_config(folder))
        assert shown.exit_code == 0, shown.output
    return folder


def test_base_and_checkpoints_are_measured_on_the_same_letters_of_each_corpus(folder: Path) -> None:
    columns = "model, base, step, corpus, is_watched, documents_sha256"
    found = rows(folder / "my.yaml", f"SELECT {columns} FROM likelihoods ORDER BY corpus, step NULLS FIRST")
    about = [(row["model"], row["base"], row["step"], row["corpus"], row["is_watched"]) for row in found]
    assert about == [
        ("bert", None, None, "host", True),
        ("phage@2", "bert", 2, "host", True),
        ("phage", "bert", 4, "host", True),
        ("bert", None, None, "phage", False),
        ("phage@2", "bert", 2, "phage", False),
        ("phage", "bert", 4, "phage", False),
    ]
    assert len({(row["corpus"], row["documents_sha256"]) for row in found}) == 2


def test_documents_that_are_scored_are_held_out_from_training(folder: Path) -> None:
    from seqbench.corpora.corpus import open_corpus
    from seqbench.corpora.source import CorpusSource

    corpus = open_corpus(CorpusSource(name="phage", path=folder / "phage.jsonl"))
    held_out = {row for row, _ in corpus.documents("held_out", 0.5)}
    joined = "likelihood_documents JOIN likelihoods USING (key)"
    found = rows(folder / "my.yaml", f"SELECT document FROM {joined} WHERE corpus = 'phage'")
    scored = {row["document"] for row in found}
    assert scored
    assert scored <= held_out


def test_what_was_measured_is_not_measured_again(folder: Path) -> None:
    again = seqbench("likelihood", write_config(folder))
    assert again.exit_code == 0
    assert "0 letters scored" in again.output


def test_adaptation_is_measured_unless_the_section_is_null(folder: Path) -> None:
    assert load_config(write_config(folder)).config.likelihood is not None
    path = write_config(folder, likelihood=None)
    assert load_config(path).config.likelihood is None
    refused = seqbench("likelihood", path)
    assert refused.exit_code == 2
    assert "the config has no section `likelihood`" in refused.output


def test_two_corpora_of_one_name_are_refused(folder: Path) -> None:
    watch = [{"path": "host.jsonl", "name": "phage"}]
    shown = seqbench("likelihood", write_config(folder, likelihood={"watch": watch}))
    assert shown.exit_code == 2
    assert "are both named phage" in shown.output


def test_a_run_that_only_adapts_writes_its_report(folder: Path) -> None:
    shown = seqbench("run", write_config(folder, report={"out": "report"}))
    assert shown.exit_code == 0, shown.output
    assert "The page: " in shown.output
    assert "FROM likelihoods" in shown.output
    assert "FROM leaderboard" not in shown.output
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert '"bits"' in page
    table = (folder / "report" / "tables" / "adaptation.tsv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 7  # heads, and base, checkpoint and end on two corpora
