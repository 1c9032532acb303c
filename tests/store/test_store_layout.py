"""How rows are cut: few files, small losses, chunks that are read at once."""

import math

import pytest

from seqbench.store import cut
from seqbench.store.layout import BLOCK_BYTES, BLOCK_LETTERS, BLOCK_ROWS, CHUNK_BYTES, n_blocks

MILLION = {"n_items": 10**6, "n_seqs": 1, "hidden": 1024, "itemsize": 4}


def test_a_block_is_16_mib_of_chunks_of_4_and_up_to_64_in_large_layers() -> None:
    made = cut(n_items=10**5, n_seqs=1, hidden=1024, itemsize=4, letters=0)
    assert (made.block_rows, made.chunk_rows) == (4096, 1024)
    half = cut(n_items=10**5, n_seqs=1, hidden=1024, itemsize=2, letters=0)
    assert (half.block_rows, half.chunk_rows) == (8192, 2048)
    large = cut(n_items=10**7, n_seqs=1, hidden=1024, itemsize=4, letters=0)
    assert (large.block_rows, large.chunk_rows) == (16384, 1024)


@pytest.mark.parametrize("mean_letters", [0, 71, 593, 16_384])
@pytest.mark.parametrize("itemsize", [2, 4])
def test_a_million_items_in_33_layers_are_thousands_of_files(mean_letters: int, itemsize: int) -> None:
    made = cut(**{**MILLION, "itemsize": itemsize}, letters=10**6 * mean_letters)
    count = n_blocks(10**6, made.block_rows)
    files_a_block = 33 + 4 + 1 + 2  # layers, facts of items, marks, figures
    assert 33 * count < files_a_block * count < 12_000


def test_short_rows_are_cut_by_their_number_and_a_million_of_them_are_a_thousand_files() -> None:
    narrow = {"n_seqs": 1, "hidden": 32, "itemsize": 4, "letters": 0}
    assert cut(n_items=10**6, **narrow).block_rows == BLOCK_ROWS
    assert n_blocks(10**8, cut(n_items=10**8, **narrow).block_rows) == pytest.approx(256, rel=0.01)


def test_a_crash_costs_two_million_letters_or_a_256th() -> None:
    small = cut(n_items=10_000, n_seqs=1, hidden=256, itemsize=4, letters=10_000 * 4096)
    assert small.block_rows == BLOCK_LETTERS // 4096
    large = cut(**MILLION, letters=10**6 * 4096)
    assert n_blocks(10**6, large.block_rows) == pytest.approx(256, rel=0.3)
    assert cut(n_items=50, n_seqs=1, hidden=8, itemsize=4, letters=50 * 2**20).block_rows == 2


@pytest.mark.parametrize("n_items", [1, 7, 1024, 1025, 16_384, 16_385, 100_000])
@pytest.mark.parametrize("hidden", [1, 256, 1024, 2**22])
@pytest.mark.parametrize("mean", [0, 3, 600, 2**20, 2**23])
def test_blocks_are_whole_chunks_and_within_the_limits(n_items: int, hidden: int, mean: int) -> None:
    made = cut(n_items=n_items, n_seqs=2, hidden=hidden, itemsize=4, letters=n_items * mean)
    row = 8 * hidden
    assert made.block_rows % made.chunk_rows == 0
    assert made.chunk_rows * row <= max(CHUNK_BYTES, row)
    assert made.block_rows * row <= max(BLOCK_BYTES, row, n_items * row / 256)
    most = max(BLOCK_LETTERS, n_items * mean / 256, mean)
    assert min(made.block_rows, n_items) * mean <= most
    assert made.block_rows < n_items + made.chunk_rows
    assert n_blocks(n_items, made.block_rows) == math.ceil(n_items / made.block_rows)
