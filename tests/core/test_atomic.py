"""Files that are being written: those of processes that are no more go, all others stay."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqbench.core.atomic import atomic_folder, atomic_write, partial_of, remove_stale, write_atomically
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


KILLED = (
    "import os, sys; from pathlib import Path; from seqbench.core.atomic import atomic_folder, atomic_write\n"
    "root = Path(sys.argv[1])\n"
    "with atomic_write(root / 'a.json') as file, atomic_folder(root / 'set') as folder:\n"
    "    file.write_text('half'); (folder / 'train').write_text('half'); os._exit(9)\n"
)


def test_what_a_killed_process_left_goes_when_the_next_one_writes_beside_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)])
    assert len([*tmp_path.iterdir()]) == 2
    again = KILLED.replace("os._exit(9)", "")
    subprocess.run([sys.executable, "-c", again, str(tmp_path)], check=True)
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "set"}


def test_after_an_error_nothing_is_left_and_what_was_there_stays(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", "old")
    with pytest.raises(IsADirectoryError), atomic_write(tmp_path / "a") as partial:
        partial.mkdir()
    with pytest.raises(NotADirectoryError), atomic_folder(tmp_path / "new" / "set") as folder:
        (folder / "train").joinpath("deep").write_text((folder / "train").write_text("half") * "x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_folder_makes_room_only_if_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with atomic_folder(tmp_path / "set") as folder:  # an empty one always does
        (folder / "train").write_text("first")
    with pytest.raises(OSError, match="not empty"), atomic_folder(tmp_path / "set") as folder:
        (folder / "train").write_text("second")
    assert (tmp_path / "set" / "train").read_text() == "first"
    with atomic_folder(tmp_path / "set", replace=True) as folder:
        (folder / "test").write_text("third")
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["test"]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_whose_successor_never_came_gets_its_name_back(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from seqbench.core import atomic\n"
        "place = Path(sys.argv[1], 'set'); place.mkdir(); (place / 'train').write_text('old')\n"
        "place.rename(atomic._named(place, None, atomic.REPLACED))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    remove_stale(tmp_path)
    assert (tmp_path / "set" / "train").read_text() == "old"


def test_a_file_that_is_there_stays_where_it_is_to_be_the_first(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", "first")
    with pytest.raises(FileExistsError), atomic_write(tmp_path / "a", exclusive=True) as partial:
        partial.write_text("second")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["first"]
