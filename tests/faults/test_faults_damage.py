"""Files that were cut short, emptied, deleted or changed by a bit: told in a line, mended as it says."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqbench.store import open_store
from tests.command import seqbench as here
from tests.faults.environment import assert_told, write_config
from tests.faults.warm import seqbench

pytestmark = pytest.mark.faults


def flip(content: bytes) -> bytes:
    """One bit in the middle is another."""
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "flipped": flip,
    "gone": lambda content: None,
}


def damage(path: Path, how: str) -> None:
    changed = DAMAGE[how](path.read_bytes())
    path.unlink()
    if changed is not None:
        path.write_bytes(changed)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("done")
    config = write_config(folder / "run", folder / "data")
    ended = seqbench(["run", config])
    assert ended.code == 0, ended.out
    return folder / "run"


@pytest.fixture
def copy(done: Path, tmp_path: Path) -> Path:
    """A copy of it, with a config that names the copy."""
    config = write_config(tmp_path / "run", done.parent / "data")
    text = config.read_text()
    shutil.copytree(done, tmp_path / "run", dirs_exist_ok=True)
    config.write_text(text)
    return tmp_path / "run"


def told(*arguments: object) -> int:
    """Run a command; it succeeds or tells in a line what is wrong."""
    shown = here(*arguments)
    assert shown.exception is None or isinstance(shown.exception, SystemExit), shown.exception
    assert shown.exit_code in (0, 2, 3), shown.output
    return shown.exit_code


@pytest.mark.parametrize("how", DAMAGE)
def test_of_a_damaged_store_every_file_is_told_and_mended_or_told_how(copy: Path, how: str) -> None:
    store, config = copy / "embeddings.zarr", copy / "run.yaml"
    whole = open_store(store)["kmer-2/gc"].load(0, "train")
    sound = copy.parent / "sound"
    shutil.copytree(store, sound)
    every = sorted(path.relative_to(store) for path in store.rglob("*") if path.is_file())
    places = [place for place in every if not {"eval", "test"} & set(place.parts)]  # they are as train
    assert len(places) > 15
    unmended = []
    for place in places:
        damage(store / place, how)
        told("store", "verify", store)
        told("probe", config, "--set", "probe.seeds=[7]")
        told("store", "verify", store, "--repair")
        mended = told("extract", config) == 0 and told("store", "verify", store) == 0
        if mended:
            np.testing.assert_array_equal(open_store(store)["kmer-2/gc"].load(0, "train"), whole)
        else:
            unmended.append(place)
        shutil.rmtree(store)
        shutil.copytree(sound, store)
    # Who a model and a data set are stands in records, which nothing else holds.
    records = {Path("zarr.json"), Path("kmer-2/zarr.json"), Path("kmer-2/gc/zarr.json")}
    assert set(unmended) <= records


def test_a_damaged_catalog_is_told_and_made_anew_from_the_store(copy: Path) -> None:
    catalog, config = copy / "catalog.duckdb", copy / "run.yaml"
    content = catalog.read_bytes()
    chance = random.Random(0)
    changed = [content[:size] for size in (0, 1, 4096, 8192, 12_288, len(content) // 2, len(content) - 1)]
    for _ in range(25):
        at = chance.randrange(len(content)) if chance.random() < 0.6 else chance.randrange(16_384)
        changed.append(content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :])
    found = 0
    for each in changed:
        catalog.write_bytes(each)
        ended = seqbench(["catalog", "check", "--catalog", catalog])
        assert "Traceback" not in ended.out, ended.out
        assert ended.code in (0, 2, 3), (ended.code, ended.out)
        found += ended.code > 0
        Path(f"{catalog}.wal").unlink(missing_ok=True)
    assert found >= 7
    catalog.unlink()
    again = seqbench(["probe", config])
    assert again.code == 0, again.out
    assert "2 probes trained" in again.out


@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_a_damaged_log_of_the_catalog_loses_no_more_than_itself(copy: Path, how: str) -> None:
    catalog, config = copy / "catalog.duckdb", copy / "run.yaml"
    leave_log = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute(\"SET checkpoint_threshold = '1GB'\"); "
        "c.execute(\"UPDATE runs SET host = 'there'\"); c.execute(\"UPDATE runs SET host = 'here'\"); "
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", leave_log, str(catalog)], check=False)
    log = Path(f"{catalog}.wal")
    assert log.stat().st_size > 0
    damage(log, how)
    ended = seqbench(["probe", config])
    assert "Traceback" not in ended.out, ended.out
    if ended.code:
        assert_told(ended, catalog)
        log.unlink()
        assert seqbench(["probe", config]).code == 0
    assert seqbench(["catalog", "check", "--catalog", catalog]).code == 0
