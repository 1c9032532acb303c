"""Files of the report: put in place whole, and only where something changed."""

import os

import pytest

from seqbench.errors import ConfigError
from seqbench.report.files import write_file


def test_a_file_that_holds_just_this_already_keeps_its_time(tmp_path):
    path = write_file(tmp_path / "tables" / "a.tsv", "x\t1\n")
    os.utime(path, (1, 1))
    write_file(path, "x\t1\n")
    assert path.stat().st_mtime == 1
    write_file(path, "x\t2\n")
    assert path.stat().st_mtime > 1
    assert path.read_text() == "x\t2\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_gives_one_line(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(ConfigError, match=r"can't be written.*report\.out"):
        write_file(tmp_path / "taken" / "a.tsv", "x")
