"""Lazy arrays, dask, xarray and the PyTorch data set: the numbers of `load`, and no more read than needed."""

import pickle
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zarr

from seqbench.errors import StoreError, StoreNotFoundError
from seqbench.store import Embeddings, open_store
from tests.store.filled import H, N, fill, filled_store, labels, rows


@pytest.fixture(params=["disk", "memory"])
def entry(request: pytest.FixtureRequest, tmp_path: Path) -> Embeddings:
    path = tmp_path / "s.zarr" if request.param == "disk" else f"memory://{tmp_path.name}/s.zarr"
    filled_store(path, n_seqs=2)
    return open_store(path)["m/d"]


TRAIN = rows(2, "train", n_seqs=2)
KEYS = [
    3, -1, np.int64(5), slice(None), slice(2, 9), slice(-3, None), slice(9, 2), slice(20, 2, -3),
    slice(1, 20, 4), [5, 0, 5, -1], [], np.array([[0, 1], [9, 8]]), np.arange(23) % 3 == 0, ..., (),
    (slice(1, 9), 0), (3, 1, 2), ([1, 2], slice(None), [0, 3]), (..., 4), (..., 1, slice(2, 4)), (3, ...),
    (slice(None), ..., 0),
    (..., [1, 0], 0), (slice(3), ..., 1, 2),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_layer_slices_like_a_numpy_array(entry: Embeddings, key: object) -> None:
    found = entry.array(-1, "train")[key]
    np.testing.assert_array_equal(found, TRAIN[key])
    assert found.dtype == np.float32


@pytest.mark.parametrize("key", [23, -24, [0, 23], None, "0", 1.5, [True], (0, 0, 0, 0), (0, 2), (None, 0)])
def test_what_is_no_index_is_refused(entry: Embeddings, key: object) -> None:
    with pytest.raises(IndexError):
        entry.array(2, "train")[key]


def test_a_layer_tells_its_shape_without_being_read(
    entry: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = entry.array(0, "train")
    monkeypatch.setattr(zarr.Array, "__getitem__", None)
    assert (array.shape, array.ndim, array.dtype, len(array)) == ((23, 2, H), 3, np.float32, 23)
    assert (array.chunks, array.nbytes) == ((4, 2, H), 23 * 2 * H * 4)


def test_a_layer_becomes_numpy_and_torch(entry: Embeddings) -> None:
    array = entry.array(2, "train")
    np.testing.assert_array_equal(array.numpy(), TRAIN)
    np.testing.assert_array_equal(np.asarray(array, dtype=np.float64), TRAIN)
    np.testing.assert_array_equal(array.torch().numpy(), TRAIN)
    with pytest.raises(ValueError, match="lies on disk"):
        np.asarray(array, copy=False)


def test_a_layer_of_float16_is_given_as_float32(tmp_path: Path) -> None:
    entry = filled_store(tmp_path / "s.zarr", dtype="float16")["m/d"]
    np.testing.assert_array_equal(
        entry.array(0, "test")[:], rows(0, "test").astype(np.float16).astype(np.float32)
    )


def test_only_the_chunks_that_hold_the_rows_are_read(tmp_path: Path) -> None:
    entry = filled_store(tmp_path / "s.zarr")["m/d"]
    array = entry.array(0, "train")
    for shard in (tmp_path / "s.zarr/m/d/0/train").glob("c.*"):
        if shard.name != "c.1.0.0":
            shard.write_bytes(b"")
    np.testing.assert_array_equal(array[[9, 15, 9]], rows(0, "train")[[9, 15, 9]])
    with pytest.raises(StoreError, match="can't be read"):
        array[7:9]


def test_a_layer_that_is_not_whole_is_not_opened(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "s.zarr")
    (tmp_path / "s.zarr/m/d/0/train/c.1.0.0").unlink()
    with pytest.raises(StoreError, match="lacks chunks that were written once"):
        store["m/d"].array(0, "train")
    entry = store["m/d"]
    entry.clear_block("train", entry.missing_blocks("train", [1])[0], [2])
    with pytest.raises(StoreError, match="layer 2 train misses 1 of 3 blocks"):
        entry.array(2, "train")
    with pytest.raises(StoreNotFoundError, match="no layer 1"):
        entry.array(1, "train")


def test_a_layer_can_be_sent_to_another_process(entry: Embeddings) -> None:
    sent = pickle.loads(pickle.dumps(entry.array(2, "train")))
    np.testing.assert_array_equal(sent[5:12], TRAIN[5:12])


def test_dask_has_the_stored_chunks_and_the_same_numbers(entry: Embeddings) -> None:
    pytest.importorskip("dask.array")
    lazy = entry.array(2, "train").dask()
    assert lazy.chunks == ((4, 4, 4, 4, 4, 3), (2,), (H,))
    np.testing.assert_allclose(lazy.mean(axis=0).compute(), TRAIN.mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(lazy[[7, 3, 20], 1].compute(), TRAIN[[7, 3, 20], 1])
    assert lazy.name == entry.array(2, "train").dask().name != entry.array(0, "train").dask().name


def test_xarray_is_labelled_and_lazy(entry: Embeddings) -> None:
    pytest.importorskip("xarray")
    pytest.importorskip("dask.array")
    lazy = entry.xarray("train")
    assert lazy.dims == ("layer", "item", "seq", "hidden")
    assert lazy.layer.values.tolist() == [0, 2]
    assert lazy.chunks[1] == (4, 4, 4, 4, 4, 3)
    ones = lazy.sel(layer=2).where(lazy.label == 1, drop=True)
    np.testing.assert_array_equal(ones.values, TRAIN[labels("train") == 1])
    assert lazy.tokens.dims == ("item", "seq")
    assert (lazy.attrs["model"], lazy.attrs["pooling"]) == ("m", "mean")
    assert entry.xarray("test", layers=[-1]).shape == (1, 7, 2, H)


def test_what_is_not_installed_is_named(entry: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.store.readers.find_spec", lambda name: None)
    with pytest.raises(StoreError, match=r"dask is not installed \(pip install seqbench\[readers\]\)"):
        entry.array(0, "train").dask()
    with pytest.raises(StoreError, match="xarray and dask are not installed"):
        entry.xarray("train")


# --- the PyTorch data set


def epoch(dataset, number: int = 0, **options) -> list[tuple[float, int]]:
    """First number and label of every item of an epoch, through a DataLoader."""
    from torch.utils.data import DataLoader

    dataset.set_epoch(number)
    batched = options.pop("batched", False)
    found = []
    for embeddings, given in DataLoader(dataset, batch_size=None if batched else 5, **options):
        found += list(zip(embeddings[:, 0, 0].tolist(), given.tolist(), strict=True))
    return found


EXPECTED = Counter(zip(TRAIN[:, 0, 0].tolist(), labels("train").tolist(), strict=True))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [None, 5])
def test_every_row_comes_once_an_epoch(entry: Embeddings, workers: int, batch_size: int | None) -> None:
    dataset = entry.torch_dataset(2, "train", batch_size=batch_size, buffer_chunks=2)
    found = epoch(dataset, batched=batch_size is not None, num_workers=workers)
    assert Counter(found) == EXPECTED


def test_seed_and_epoch_alone_decide_the_order(entry: Embeddings) -> None:
    def order(seed: int, number: int) -> list[tuple[float, int]]:
        return epoch(entry.torch_dataset(2, "train", seed=seed, buffer_chunks=2), number)

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, number)) for seed in (0, 1) for number in (0, 1)}) == 4


def test_workers_that_are_kept_hear_of_a_new_epoch(entry: Embeddings) -> None:
    from torch.utils.data import DataLoader

    dataset = entry.torch_dataset(2, "train", batch_size=5)
    loader = DataLoader(dataset, batch_size=None, num_workers=2, persistent_workers=True)
    seen = []
    for number in (0, 1, 0):
        dataset.set_epoch(number)
        seen.append([batch.sum().item() for batch, _ in loader])
    assert seen[0] == seen[2] != seen[1]


def test_workers_that_are_spawned_give_what_forked_ones_give(tmp_path: Path) -> None:
    dataset = filled_store(tmp_path / "s.zarr")["m/d"].torch_dataset(2, "train", batch_size=5)
    forked = epoch_batches(dataset, multiprocessing_context="fork")
    assert epoch_batches(dataset, multiprocessing_context="spawn") == forked


def epoch_batches(dataset, **options) -> list[float]:
    from torch.utils.data import DataLoader

    return [batch.sum().item() for batch, _ in DataLoader(dataset, batch_size=None, num_workers=1, **options)]


def test_rows_are_shuffled_across_the_chunks_of_a_buffer(entry: Embeddings) -> None:
    place = {first: row for row, first in enumerate(TRAIN[:, 0, 0].tolist())}
    found = [place[first] for first, _ in epoch(entry.torch_dataset(2, "train", buffer_chunks=6))]
    assert sorted(found) == list(range(23))
    assert any(abs(a - b) > 4 for a, b in pairwise(found))
    chunks = [place[first] // 4 for first, _ in epoch(entry.torch_dataset(2, "train", buffer_chunks=1))]
    assert sum(a != b for a, b in pairwise(chunks)) == 5  # one chunk after the other


def test_without_shuffling_rows_come_in_the_order_of_the_file(entry: Embeddings) -> None:
    found = epoch(entry.torch_dataset(2, "train", shuffle=False, batch_size=7), batched=True)
    assert [first for first, _ in found] == TRAIN[:, 0, 0].tolist()


def test_each_chunk_is_read_once_an_epoch(entry: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[slice] = []
    dataset = entry.torch_dataset(2, "train", buffer_chunks=2)
    inner = type(dataset._array)._read
    monkeypatch.setattr(
        type(dataset._array), "_read", lambda self, span: read.append(span) or inner(self, span)
    )
    list(dataset)
    assert sorted(span.start for span in read) == [0, 4, 8, 12, 16, 20]


def test_targets_are_given_as_float32_and_impossible_arguments_refused(tmp_path: Path) -> None:
    from seqbench.core.types import Task

    store = filled_store(tmp_path / "s.zarr")
    entry = fill(store, dataset="r", task=Task.REGRESSION)
    _, target = next(iter(entry.torch_dataset(0, "train")))
    assert (str(target.dtype), target.shape) == ("torch.float32", (2,))
    for wrong in ({"batch_size": 0}, {"seed": -1}, {"buffer_chunks": 0}):
        with pytest.raises(StoreError, match="must be at least"):
            entry.torch_dataset(0, "train", **wrong)
    with pytest.raises(StoreError, match="epoch must be at least 0"):
        entry.torch_dataset(0, "train").set_epoch(-1)
    assert N["train"] == entry.torch_dataset(0, "train").n_items
