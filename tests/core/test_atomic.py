"""Files that are being written: those of processes that are no more go, all others stay."""

import os
import subprocess
import sys
from pathlib import Path

from seqbench.core.atomic import partial_of, remove_stale
from seqbench.store import create_store

LEAVE = (
    "import sys; from pathlib import Path; from seqbench.core.atomic import partial_of; "
    "[partial_of(Path(each) / 'zarr.json').write_text('half') for each in sys.argv[1:]]"
)


def leave(*folders: Path) -> None:
    """Let a process write files and end without renaming them."""
    subprocess.run([sys.executable, "-c", LEAVE, *map(str, folders)], check=True)


def test_what_a_dead_process_left_goes_and_what_others_write_stays(
    tmp_path: Path,
) -> None:
    deep = tmp_path / "model" / "data"
    deep.mkdir(parents=True)
    leave(tmp_path, deep)
    (left,) = tmp_path.glob(".*.partial")
    log = left.with_name(f"{left.name}.wal")
    log.write_text("half")
    own = partial_of(tmp_path / "zarr.json")
    elsewhere = tmp_path / own.name.replace(f"-{os.getpid()}-", "x-1-")
    users = tmp_path / ".notes.partial"
    for path in (own, elsewhere, users):
        path.write_text("half")
    remove_stale(tmp_path, depth=1)
    assert {path.name for path in tmp_path.iterdir()} == {own.name, elsewhere.name, users.name, "model"}
    assert len([*deep.iterdir()]) == 1
    remove_stale(tmp_path, depth=2)
    assert not [*deep.iterdir()]
    remove_stale(tmp_path / "nowhere")


def test_opening_a_store_for_writing_takes_away_what_killed_writers_left(tmp_path: Path) -> None:
    create_store(tmp_path / "e.zarr")
    leave(tmp_path / "e.zarr")
    assert len([*(tmp_path / "e.zarr").iterdir()]) == 2
    create_store(tmp_path / "e.zarr")
    assert [path.name for path in (tmp_path / "e.zarr").iterdir()] == ["zarr.json"]


def test_a_name_is_short_enough_for_any_file_system(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 250)
    partial = partial_of(path)
    partial.write_text("whole")
    partial.replace(path)
    assert path.read_text() == "whole"
