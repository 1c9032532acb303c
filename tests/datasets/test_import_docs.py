"""The page about imports shows what happens: its files are written, its commands run, its lines compared."""

import re
from pathlib import Path

import pytest

from tests.command import seqbench

PAGE = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r'```(\w+)(?: title="([^"]+)")?\n(.*?)```', PAGE, re.DOTALL)
NEEDS_MORE = ("import folder", "import hub")
"""What a page can't hold, and other tests prove: folders of files, the network."""


def test_the_examples_do_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, title, text in BLOCKS:
        if kind == "text":
            Path(title).write_text(text)
        elif kind == "json":
            assert Path(title).read_text() == text
        else:
            for line in text.splitlines():
                if not any(words in line for words in NEEDS_MORE):
                    done = seqbench(*line.split()[1:])
                    assert done.exit_code == 0, (line, done.output)
                    ran += 1
    assert ran == 10


def test_the_page_names_every_option() -> None:
    shown = "".join(
        seqbench("datasets", "import", command, "--help").stdout
        for command in ("fasta", "conll", "table", "bed", "gff", "genbank", "vcf", "folder", "hub")
    )
    options = set(re.findall(r"--[a-z-]+[a-z]", shown)) - {"--help"}
    assert {option for option in options if option not in PAGE} == set()
