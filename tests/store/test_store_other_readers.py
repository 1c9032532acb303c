"""What other readers of Zarr make of a store: xarray opens it as one tree, tensorstore reads every array."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr

from seqbench.core.types import Task
from seqbench.store import create_store
from tests.store.filled import H, fill, labels, rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two models on two data sets, of pairs and several labels as well; in float16 too."""
    store = create_store(tmp_path / "s.zarr")
    fill(store)
    fill(store, dataset="several", n_seqs=2, task=Task.REGRESSION)
    fill(store, model="other", dataset="d", dtype="float16")
    return tmp_path / "s.zarr"


def arrays(path: Path) -> list[str]:
    return sorted(
        str(found.parent.relative_to(path))
        for found in path.rglob("zarr.json")
        if json.loads(found.read_text())["node_type"] == "array"
    )


def test_xarray_opens_the_whole_store_as_one_tree(path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    tree = xarray.open_datatree(path, engine="zarr", consolidated=False, chunks=None)
    for name in arrays(path):
        np.testing.assert_array_equal(tree[name].values, zarr.open_array(path / name)[...])
    layer = tree["m/d/2"]
    assert dict(layer.sizes) == {"item_train": 23, "item_test": 7, "seq": 1, "hidden": H}
    np.testing.assert_array_equal(layer["test"].values, rows(2, "test"))
    np.testing.assert_array_equal(tree["m/d/labels"]["train"].values, labels("train"))
    assert tree["m/d"].attrs["task"] == "classification"
    by_label = layer["train"].groupby(tree["m/d/labels"]["train"]).mean("item_train")
    np.testing.assert_allclose(by_label[1].values, rows(2, "train")[labels("train") == 1].mean(0), rtol=1e-5)


def test_in_no_group_a_name_stands_for_two_lengths(path: Path) -> None:
    for group in {str(Path(name).parent) for name in arrays(path)}:
        sizes: dict[str, int] = {}
        for array in zarr.open_group(path / group, mode="r").array_values():
            for name, size in zip(array.metadata.dimension_names, array.shape, strict=True):
                assert sizes.setdefault(name, size) == size


def test_tensorstore_reads_every_array_bit_for_bit(path: Path) -> None:
    """By tensorstore 0.1.86; `pip install 'seqbench[interop]'` brings it."""
    tensorstore = pytest.importorskip("tensorstore")
    names = arrays(path)
    assert len(names) == 3 * 2 * (2 + 1 + 4 + 1) + 2
    for name in names:
        spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path / name)}}
        found = tensorstore.open(spec, open=True).result().read().result()
        expected = zarr.open_array(path / name)[...]
        assert (found.dtype, found.tobytes()) == (expected.dtype, expected.tobytes())
