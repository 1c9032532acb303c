"""Pruning: what is named goes, what is not stays, and extraction would make again what went."""

from pathlib import Path

import numpy as np
import pytest

from seqbench.core.progress import Silent
from seqbench.errors import StoreError, StoreNotFoundError
from seqbench.store import Store, open_store
from seqbench.store.prune import plan_removal, remove
from tests.store.filled import fill, filled_store, rows


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made = filled_store(
        tmp_path / "s.zarr" if request.param == "disk" else f"memory://{tmp_path.name}/s.zarr"
    )
    fill(made, dataset="e")
    fill(made, model="n")
    return made


def prune(store: Store, models: tuple = (), datasets: tuple = (), layers: tuple = ()) -> Store:
    remove(store, plan_removal(store, models, datasets, layers), Silent())
    return open_store(store.path, writable=True)


def test_a_layer_goes_and_the_others_stay(store: Store) -> None:
    left = prune(store, models=("m",), datasets=("d",), layers=(-1,))["m/d"]
    assert (left.layers, left.complete_layers("train")) == ((0,), (0,))
    assert len(left.missing_blocks("train", [0, 2])) == 3
    np.testing.assert_array_equal(left.load(0, "train"), rows(0, "train"))
    assert store["m/e"].layers == store["n/d"].layers == (0, 2)
    assert [fault for key in store.keys() for fault in store.verify(key)] == []  # noqa: SIM118


def test_a_layer_that_went_can_be_written_again(store: Store) -> None:
    prune(store, layers=(2,))
    entry = fill(open_store(store.path, writable=True))
    np.testing.assert_array_equal(entry.load(2, "test"), rows(2, "test"))


def test_a_data_set_goes_from_all_models(store: Store) -> None:
    assert list(prune(store, datasets=("d",)).keys()) == ["m/e"]


def test_a_model_goes_and_its_name_is_free(store: Store) -> None:
    left = prune(store, models=("n",))
    assert list(left.keys()) == ["m/d", "m/e"]
    with pytest.raises(StoreNotFoundError):
        left.model("n")


def test_planning_counts_bytes_and_changes_nothing(store: Store) -> None:
    layer, everything = plan_removal(store, ("m",), ("d",), (0,)), plan_removal(store, ("m",), (), ())
    assert [(each.key, each.layers) for each in layer] == [("m/d", (0,))]
    assert [(each.key, each.layers) for each in everything] == [("m/d", None), ("m/e", None)]
    sizes = (store.path / "m/d/0").sizes()
    assert layer[0].bytes == sum(sizes.values()) > 30 * 8 * 4
    assert everything[0].bytes > 2 * layer[0].bytes
    np.testing.assert_array_equal(store["m/d"].load(0, "train"), rows(0, "train"))


def test_something_must_be_named_and_be_there(store: Store) -> None:
    with pytest.raises(StoreError, match="name what to remove with --model, --dataset or --layer"):
        plan_removal(store, (), (), ())
    with pytest.raises(StoreNotFoundError, match="has no model 'x'"):
        plan_removal(store, ("x",), (), ())
    with pytest.raises(StoreNotFoundError, match="holds nothing of that kind"):
        plan_removal(store, ("n",), ("e",), ())
    with pytest.raises(StoreNotFoundError, match="has no layer 1 there"):
        plan_removal(store, (), (), (1,))


def test_a_removal_that_is_cut_short_leaves_nothing_that_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(store.path)
    inner = kind.remove

    def stop(self: object) -> None:
        if not str(self).endswith("blocks"):
            raise KeyboardInterrupt
        inner(self)

    monkeypatch.setattr(kind, "remove", stop)
    for models, layers in ((("m",), (2,)), (("n",), ())):
        with pytest.raises(KeyboardInterrupt):
            remove(store, plan_removal(store, models, ("d",), layers), Silent())
    left = open_store(store.path)
    assert left["m/d"].complete_layers("train") == (0,)
    assert left["n/d"].complete_layers("train") == ()


def test_a_damaged_entry_can_be_removed(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "s.zarr")
    (tmp_path / "s.zarr/m/d/zarr.json").write_text("{")
    assert list(prune(store, models=("m",)).keys()) == []
