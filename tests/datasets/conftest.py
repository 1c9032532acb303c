"""Fixtures of the data-set tests: small JSONL data sets, and an index cache that is nobody else's."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from seqbench.datasets.spec import DatasetSpec

Lines = Sequence[object]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[[Lines], Path]:
    def write(lines: Lines, name: str = "train.jsonl") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines))
        return path

    return write


@pytest.fixture
def spec(jsonl: Callable[..., Path]) -> Callable[..., DatasetSpec]:
    """Write `d/<split>.jsonl` for each keyword that is a split; the other keywords are of the spec."""

    def make(**fields: object) -> DatasetSpec:
        folder = None
        for split in ("train", "eval", "test"):
            if split in fields:
                folder = jsonl(fields.pop(split), f"d/{split}.jsonl").parent
        assert folder is not None
        return DatasetSpec(name="d", folder=folder, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def shared_data(shared: Path) -> Path:
    return shared / "data"
