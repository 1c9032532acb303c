"""What tests of faults share: a small disk, a small config, and what may be said when something is wrong."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from seqbench.catalog import open_catalog
from seqbench.catalog.check import check
from seqbench.store import open_store
from tests.data import write_split
from tests.faults.warm import Ended

CONFIG = """
models: [{{kind: kmer, k: 2}}]
datasets: {{root: {data}}}
store: {{path: {store}}}
catalog: {catalog}
probe: {{heads: [linear, mlp], mlp: {{epochs: 2, checkpoint_steps: 1}}, save_heads: {heads}}}
report: {{out: {report}, figure_formats: [svg], table_formats: [tsv]}}
"""
PLACES = {"store": "embeddings.zarr", "catalog": "catalog.duckdb", "heads": "heads", "report": "report"}


def write_config(folder: Path, data: Path, **elsewhere: Path | str) -> Path:
    """A config whose files lie beside it, but for those that are named; and its data."""
    for split, items in (("train", 40), ("eval", 20), ("test", 20)):
        if not (data / "gc" / f"{split}.jsonl").exists():
            write_split(data / "gc", split, items=items)
    folder.mkdir(parents=True, exist_ok=True)
    places = {name: elsewhere.get(name, folder / place) for name, place in PLACES.items()}
    (folder / "run.yaml").write_text(CONFIG.format(data=data, **places))
    return folder / "run.yaml"


class Disk:
    """A small disk of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mount(self, options: str) -> None:
        """Change how it is mounted."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True, capture_output=True)


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[Disk]:
    """Mount a disk in memory; skips the test where that needs rights that are lacking."""
    path.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("mount is not installed")
    if mounted.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mounted.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def assert_told(ended: Ended, *named: object) -> None:
    """See that a fault was told in a line that names the place, and was no bug."""
    assert ended.code in (2, 3), ended.out
    assert "Traceback" not in ended.out, ended.out
    lines = [line for line in ended.out.splitlines() if line.startswith(("seqbench: ", "failed: "))]
    assert lines, ended.out
    for name in named:
        assert any(str(name) in line for line in lines), ended.out


def assert_sound(folder: Path, data: Path, **elsewhere: Path) -> None:
    """See that a run is complete: every layer, every probe once, nothing damaged."""
    places = {name: elsewhere.get(name, folder / place) for name, place in PLACES.items()}
    store = open_store(places["store"])
    assert list(store.verify("kmer-2/gc")) == []
    for split, items in (("train", 40), ("eval", 20), ("test", 20)):
        rows = store["kmer-2/gc"].load(0, split)
        assert rows.shape == (items, 1, 16)
        # Every letter but the last begins a 2-mer.
        lines = (data / "gc" / f"{split}.jsonl").read_text().splitlines()
        counts = [len(json.loads(line)["seq"]) - 1 for line in lines]
        np.testing.assert_array_equal(rows.sum(axis=(1, 2)), counts)
    catalog = open_catalog(places["catalog"])
    assert check(catalog).findings == ()
    assert catalog.query("SELECT head, status FROM probes ORDER BY ALL").rows == [
        ("linear", "ok"),
        ("mlp", "ok"),
    ]
    assert len([*places["heads"].rglob("*.safetensors")]) == 2
    assert not [*places["store"].parent.rglob("*.partial*")]
