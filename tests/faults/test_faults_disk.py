"""Disks that are full, not writable or not allowed: one line, nothing lost, and a later run goes on."""

from pathlib import Path

import pytest
import torch

from seqbench.errors import TrainingError
from seqbench.training.checkpoint import Checkpoint
from tests.command import seqbench as here
from tests.faults.environment import PLACES, assert_sound, assert_told, small_disk, write_config
from tests.faults.warm import Ended, Moment, seqbench

pytestmark = pytest.mark.faults

SIZES = {
    "store": ("12k", "60k", "120k", "200k"),
    "catalog": ("64k", "1m", "4m"),
    "heads": ("4k",),
    "report": ("8k", "100k"),
}
"""Of a disk that is full early or late."""


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
    shut = tmp_path / "shut"
    shut.mkdir()
    there = {place: shut / PLACES[place]}
    config = write_config(tmp_path / "run", tmp_path / "data", **there)
    shut.chmod(mode)
    assert_told(seqbench(["run", config], Moment(is_bound=True)), shut)
    shut.chmod(0o755)
    again = seqbench(["run", config], Moment(is_bound=True))
    assert again.code == 0, again.out
    assert_sound(tmp_path / "run", tmp_path / "data", **there)


def test_the_state_of_a_training_on_a_full_disk_is_told_and_the_last_one_stays(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "16k") as disk:
        state = Checkpoint(path=disk.path / "state.pt", fingerprint="one")
        state.save({"weights": torch.arange(10.0)})
        with pytest.raises(
            TrainingError, match=r"state\.pt: .* can't be written \(No space left on device\)"
        ):
            state.save({"weights": torch.zeros(100_000)})
        kept = state.load(torch.device("cpu"))
        assert kept is not None
        assert kept["weights"].tolist() == list(range(10))
        assert [path.name for path in disk.path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("form", ["pt", "npy", "parquet"])
def test_an_export_to_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, form: str) -> None:
    config = write_config(tmp_path / "run", tmp_path / "data")
    assert here("extract", config).exit_code == 0
    with small_disk(tmp_path / "disk", "4k") as disk:
        shown = here(
            "store", "export", tmp_path / "run" / "embeddings.zarr", disk.path / "out", "--format", form
        )
        assert_told(Ended(code=shown.exit_code, seconds=0, out=shown.output), disk.path)
        assert isinstance(shown.exception, SystemExit), shown.exception
        assert not [path for path in disk.path.rglob("*") if path.name.endswith(".partial")]
