"""What a mark, a manifest or a file's name promises outlives power cuts at a hundred random moments."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import zarr

from seqbench.core.atomic import atomic_folder, atomic_write, write_atomically
from seqbench.store import create_store, open_store
from tests.core.power_cut import run_until_cut
from tests.store.filled import LAYERS, N, fill, rows


def fill_store(path: Path) -> None:
    fill(create_store(path), n_seqs=2)


def check_store(path: Path) -> int:
    """Every block that is marked complete must be whole; tells how many are."""
    if not (path / "zarr.json").is_file():
        return 0
    store, found = open_store(path), 0
    for key in store.keys():  # noqa: SIM118
        entry = store[key]
        for split in entry.splits:
            for layer in LAYERS:
                missing = {block.index for block in entry.missing_blocks(split, [layer])}
                for start in range(0, N[split], 8):
                    if start // 8 not in missing:
                        stored = zarr.open_array(path / key / f"{layer}/{split}")[start : start + 8]
                        np.testing.assert_array_equal(stored, rows(layer, split, n_seqs=2)[start : start + 8])
                        found += 1
    return found


@pytest.mark.parametrize("seeds", [
    range(10),
    pytest.param(range(10, 100), marks=pytest.mark.slow),
])  # fmt: skip
def test_a_marked_block_is_whole_after_a_power_cut(tmp_path: Path, seeds: range) -> None:
    cut = whole = 0
    for seed in seeds:
        path = tmp_path / f"{seed}" / "s.zarr"
        path.parent.mkdir()
        cut += run_until_cut(path.parent, tmp_path / "kept", seed, 420, partial(fill_store, path))
        whole += check_store(path)
        fill_store(path)  # goes on, whatever was lost
        assert check_store(path) == 2 * (3 + 1)
    assert cut > 0.6 * len(seeds)
    assert whole > len(seeds)


@pytest.mark.parametrize("seed", range(12))
def test_a_file_and_a_folder_are_whole_once_they_have_their_names(tmp_path: Path, seed: int) -> None:
    root = tmp_path / "disk"
    (root / "there").mkdir(parents=True)
    write_atomically(root / "there" / "a.json", json.dumps(["old"] * 99))

    def work() -> None:
        with atomic_write(root / "there" / "a.json") as unfinished:
            unfinished.write_text(json.dumps(["new"] * 99))
        with atomic_folder(root / "new" / "set") as folder:
            (folder / "deep").mkdir()
            for name in ("train", "deep/test"):
                (folder / name).write_text(json.dumps(["item"] * 999))

    run_until_cut(root, tmp_path / "kept", seed, 30, work)
    assert json.loads((root / "there" / "a.json").read_text()) in (["old"] * 99, ["new"] * 99)
    if (root / "new" / "set").exists():
        for name in ("train", "deep/test"):
            assert json.loads((root / "new" / "set" / name).read_text()) == ["item"] * 999
