"""Stores in float16, and what is recorded of precision, strands and origin."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from seqbench.errors import StoreError, StoreMismatchError
from seqbench.store import Block, Embeddings, LayerRows, Store, create_store, open_store
from tests.store.store_samples import LABELS, SHARDED, H, S, facts, fill, identity, items, rows

FIRST = Block(0, 0, 4)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return create_store(tmp_path / "s.zarr")


def half(store: Store) -> Embeddings:
    entry = store.require(identity(), "d", facts(dtype="float16", splits={"train": SHARDED}))
    entry.prepare("train", LABELS, [0, 1, 2])
    return entry


def test_float16_halves_the_arrays_and_is_read_as_float32(store: Store) -> None:
    fill(half(store), [0, 2])
    assert zarr.open_group(Path(store.path), mode="r")["m/d/2/train"].dtype == np.float16
    entry = open_store(store.path)["m/d"]
    loaded = entry.load(2, "train")
    assert loaded.dtype == entry.read_rows("train", 2, np.array([1])).dtype == np.float32
    np.testing.assert_array_equal(loaded, rows(2).astype(np.float16))


def test_the_recorded_rounding_error_is_that_of_the_worst_row(store: Store) -> None:
    fill(half(store), [0, 2])
    given = rows(2)
    lost = np.abs(given.astype(np.float16).astype(np.float64) - given).max(axis=2)
    expected = (lost / np.abs(given).max(axis=2)).max()
    assert open_store(store.path)["m/d"].rounding_error("train", 2) == pytest.approx(expected, rel=1e-6)
    assert 0 < expected <= 2**-11
    assert store["m/d"].rounding_error("train", 1) is None


def test_the_error_of_many_rows_is_the_worst_of_all(tmp_path: Path) -> None:
    from seqbench.store.embeddings import as_stored

    given = np.random.default_rng(0).standard_normal((5000, 1, 40)).astype(np.float32)
    stored, error = as_stored(given, "float16")
    np.testing.assert_array_equal(stored, given.astype(np.float16))
    lost = np.abs(stored.astype(np.float64) - given).max(axis=2) / np.abs(given).max(axis=2)
    assert error == pytest.approx(lost.max(), rel=1e-6)


def test_zeros_and_left_out_items_have_no_rounding_error(store: Store) -> None:
    entry = half(store)
    given = np.zeros((4, S, H), dtype=np.float32)
    given[1] = np.nan
    entry.write_block("train", FIRST, [LayerRows(layer=0, rows_NSH=given)], items(4))
    assert entry.rounding_error("train", 0) == 0


def test_a_value_beyond_float16_names_the_layer_and_the_way_out(store: Store) -> None:
    given = np.ones((4, S, H), dtype=np.float32)
    given[2, 1, 3] = 70_000
    with pytest.raises(StoreError, match=r"m/d layer 1 train rows 0\+ hold values beyond 65504.*float32"):
        half(store).write_block("train", FIRST, [LayerRows(layer=1, rows_NSH=given)], items(4))
    assert store["m/d"].missing_blocks("train", [1])[0] == FIRST


def test_float32_stores_record_no_rounding(store: Store) -> None:
    fill(store.require(identity(), "d", facts()), [0])
    assert store["m/d"].rounding_error("train", 0) is None
    assert store["m/d"].strand_cosine("train", 0) is None


def test_strand_cosines_are_averaged_over_rows(store: Store) -> None:
    entry = half(store)
    for block in entry.missing_blocks("train", [0]):
        given = LayerRows(layer=0, rows_NSH=rows(0)[block.start : block.stop], strand_cosine=block.index / 10)
        entry.write_block("train", block, [given], items(block.stop - block.start))
    expected = np.average([0.0, 0.1, 0.2], weights=[4, 4, 2])
    assert open_store(store.path)["m/d"].strand_cosine("train", 0) == pytest.approx(expected)


def test_another_dtype_is_refused(store: Store) -> None:
    half(store)
    with pytest.raises(StoreMismatchError, match="stored with dtype float16, now float32"):
        store.require(identity(), "d", facts(splits={"train": SHARDED}))


def test_notes_are_merged_kept_and_never_compared(store: Store) -> None:
    entry = half(store)
    entry.add_notes(tokens_per_batch=4096, reason="measured")
    entry.add_notes(tokens_per_batch=2048, certificate={"layers": 3})
    expected = {"tokens_per_batch": 2048, "reason": "measured", "certificate": {"layers": 3}}
    assert open_store(store.path)["m/d"].facts.notes == entry.facts.notes == expected
    assert half(store).facts.notes == expected


def test_layers_are_taken_one_by_one_and_marked_at_the_end(store: Store) -> None:
    entry, alive = half(store), []

    def layers():
        for layer in (0, 2):
            alive.append(entry.missing_layers("train", FIRST, [0, 1, 2]))
            yield LayerRows(layer=layer, rows_NSH=rows(layer)[:4])

    entry.write_block("train", FIRST, layers(), items(4))
    assert alive == [(0, 1, 2), (0, 1, 2)]
    assert entry.missing_layers("train", FIRST, [0, 1, 2]) == (1,)


def test_a_fault_while_layers_are_computed_is_not_the_stores(store: Store) -> None:
    def layers():
        yield LayerRows(layer=0, rows_NSH=rows(0)[:4])
        raise OSError("the model's file has gone")

    entry = half(store)
    with pytest.raises(OSError, match="the model's file has gone"):
        entry.write_block("train", FIRST, layers(), items(4))
    assert entry.missing_layers("train", FIRST, [0]) == (0,)
