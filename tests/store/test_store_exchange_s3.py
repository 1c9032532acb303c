"""Readers, files and pruning of a store in a bucket, over S3's protocol."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from seqbench.core.progress import Silent
from seqbench.store import Store, open_store
from seqbench.store.exchange.export import Chosen, export_store
from seqbench.store.exchange.imports import import_files
from seqbench.store.prune import plan_removal, remove
from tests.store.conftest import S3Server
from tests.store.filled import filled_store, rows
from tests.store.test_store_exchange import spec


@pytest.fixture
def store(s3: S3Server) -> Store:
    return filled_store(f"{s3.bucket()}/embeddings.zarr")


def test_layers_are_read_lazily_here_and_where_they_are_sent(store: Store) -> None:
    array = open_store(str(store.path))["m/d"].array(-1, "train")
    np.testing.assert_array_equal(array[[20, 3]], rows(2, "train")[[20, 3]])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[:9], rows(2, "train")[:9])
    pytest.importorskip("dask.array")
    np.testing.assert_array_equal(array.dask()[5:7].compute(), rows(2, "train")[5:7])


def test_workers_open_their_own_connections(store: Store) -> None:
    from torch.utils.data import DataLoader

    dataset = open_store(str(store.path))["m/d"].torch_dataset(2, "train", batch_size=4)
    loader = DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context="fork", timeout=60)
    found = np.concatenate([batch[:, 0, 0] for batch, _ in loader])
    np.testing.assert_array_equal(np.sort(found), np.sort(rows(2, "train")[:, 0, 0]))


def test_a_store_in_a_bucket_is_exported_filled_and_pruned(
    s3: S3Server, store: Store, tmp_path: Path
) -> None:
    export_store(store, tmp_path, "npy", Chosen(), Silent())
    target = f"{s3.bucket()}/copy.zarr"
    import_files(target, tmp_path / "m", "npy", "k", (), spec, Silent())
    copied = open_store(target, writable=True)
    np.testing.assert_array_equal(copied["k/d"].load(2, "test"), rows(2, "test"))
    remove(copied, plan_removal(copied, (), (), (2,)), Silent())
    assert open_store(target)["k/d"].layers == (0,)
    remove(copied, plan_removal(copied, ("k",), (), ()), Silent())
    assert (open_store(target).path / "k").sizes() == {}
