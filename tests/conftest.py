"""Fixtures shared by all tests: tiny models of real families, and the real data where it is there."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machine import hide_machine

SHARED = Path(__file__).parents[2] / "shared"
HELD = ("data/uci_splice", "data/ppi_yeast", "data/genomes/ecoli_k12.fa.gz", "models/dna-esm-6l",
        "reference/datasets.yaml")  # fmt: skip
"""By what the folder of real data is told from another of its name."""


def pytest_configure(config: pytest.Config) -> None:
    """Hide the machine, and set what libraries read once, when they are imported.

    Code of checkpoints is copied to a folder of this process. Where several processes share the tests, each
    computes with one thread.
    """
    bare = Path(tempfile.mkdtemp(prefix="seqbench-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(bare, ignore_errors=True))
    hide_machine(bare)
    os.environ["HF_MODULES_CACHE"] = str(bare / "modules")
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache, or reaches for the hub."""
    monkeypatch.setenv("SEQBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data sets and the small trained model."""
    if absent := [name for name in HELD if not (SHARED / name).exists()]:
        pytest.skip(f"../shared with the real data sets is absent, or lacks {absent[0]}")
    return SHARED


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny model of a family: three blocks, 32 wide, one token a letter, seeded weights."""
    from tests.tiny import save_tiny_model

    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = save_tiny_model(family, tmp_path_factory.mktemp(family))
        return made[family]

    return folder
