"""Disks that are full, not writable or not allowed: one line, nothing lost, and a later run goes on."""

from pathlib import Path

import pytest

from tests.faults.environment import PLACES, assert_sound, assert_told, small_disk, write_config
from tests.faults.warm import Moment, seqbench

pytestmark = pytest.mark.faults

SIZES = {
    "store": ("12k", "60k", "120k", "200k"),
    "catalog": ("64k", "1m", "4m"),
    "heads": ("4k", "12k"),
    "report": ("8k", "100k"),
}
"""Of a disk that is full early or late."""
NOBODY = 65534


@pytest.mark.parametrize(
    ("place", "size"), [(place, size) for place, sizes in SIZES.items() for size in sizes]
)
def test_a_full_disk_is_one_line_and_with_room_the_same_command_goes_on(
    tmp_path: Path, place: str, size: str
) -> None:
    with small_disk(tmp_path / "disk", size) as disk:
        there = {place: disk.path / PLACES[place]}
        config = write_config(tmp_path / "run", tmp_path / "data", **there)
        assert_told(seqbench(["run", config]), disk.path)
        disk.mount("size=64m")
        again = seqbench(["run", config])
        assert again.code == 0, again.out
        assert_sound(tmp_path / "run", tmp_path / "data", **there)
        assert not [*disk.path.rglob("*.partial*")]


@pytest.mark.parametrize("place", PLACES)
def test_a_disk_that_can_only_be_read_is_told_and_what_is_there_can_be_used(
    tmp_path: Path, place: str
) -> None:
    with small_disk(tmp_path / "disk", "64m") as disk:
        there = {place: disk.path / PLACES[place]}
        config = write_config(tmp_path / "run", tmp_path / "data", **there)
        disk.mount("ro")
        assert_told(seqbench(["run", config]), disk.path)
        disk.mount("rw")
        assert seqbench(["run", config]).code == 0
        disk.mount("ro")
        again = seqbench(["run", config])  # nothing is left to do, and the report does not change
        assert again.code == 0, again.out
        assert seqbench(["status", config]).code == 0
        assert_sound(tmp_path / "run", tmp_path / "data", **there)


@pytest.mark.parametrize("mode", [0o000, 0o555])
@pytest.mark.parametrize("place", PLACES)
def test_a_place_without_permission_is_told(tmp_path: Path, place: str, mode: int) -> None:
    import os

    if os.geteuid() != 0:
        pytest.skip("only root can run a command as someone else")
    folder = tmp_path / "run"
    shut = tmp_path / "shut"
    shut.mkdir()
    config = write_config(folder, tmp_path / "data", **{place: shut / PLACES[place]})
    for each in (tmp_path, *tmp_path.parents):
        if each.stat().st_uid == 0 and each.is_relative_to("/tmp") | each.is_relative_to("/dev/shm"):
            each.chmod(each.stat().st_mode | 0o055) if each != Path("/tmp") else None
    os.chown(folder, NOBODY, NOBODY)
    shut.chmod(mode)
    assert_told(seqbench(["run", config], Moment(user=NOBODY)), shut)
    shut.chmod(0o777)
    again = seqbench(["run", config], Moment(user=NOBODY))
    assert again.code == 0, again.out
    assert_sound(folder, tmp_path / "data", **{place: shut / PLACES[place]})
