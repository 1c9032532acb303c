"""Fixtures shared by all tests: tiny models of real families, and the real data where it is there."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


def pytest_configure(config: pytest.Config) -> None:
    """Set what libraries read once, when they are imported.

    Code of checkpoints is copied to a folder of this process, not into the user's cache. Where several
    processes share the tests, each computes with one thread.
    """
    modules = tempfile.mkdtemp(prefix="seqbench-modules-")
    config.add_cleanup(lambda: shutil.rmtree(modules, ignore_errors=True))
    os.environ["HF_MODULES_CACHE"] = modules
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
    if not SHARED.is_dir():
        pytest.skip("../shared with the real data sets is absent")
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
