"""Vectors of single tokens: written by block into files that blocks share, read ragged, checked, pruned."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from seqbench.core.identity import ModelIdentity
from seqbench.core.missing import MISSING_CLASS
from seqbench.core.progress import Silent
from seqbench.core.types import Task
from seqbench.datasets.letters import LetterLabels
from seqbench.errors import StoreError, StoreMismatchError, StoreNotFoundError
from seqbench.store import (
    EmbeddingFacts,
    ItemFacts,
    LayerTokens,
    SplitFacts,
    TokenEmbeddings,
    create_store,
    open_store,
)
from seqbench.store.exchange.export import Chosen, export_store
from seqbench.store.layout import Block, blocks
from seqbench.store.prune import plan_removal, remove
from seqbench.store.token_data import pad_items
from tests.store.filled import fill

LENGTHS = np.array([5, 3, 0, 9, 1, 7, 4, 6, 2, 8])
"""Tokens of the sequences of ten items; files hold 8 tokens, blocks 3 items."""
ENDS = np.cumsum(LENGTHS)
VALUES = np.random.default_rng(0).standard_normal((LENGTHS.sum(), 4)).astype(np.float32)
IDENTITY = ModelIdentity(
    name="m@tokens", kind="huggingface", path="p", revision=None, fingerprint="f", n_layers=3, hidden=4
)
FACTS = EmbeddingFacts(
    task=Task.CLASSIFICATION, n_seqs=1, n_targets=1, hidden=4, classes=(0, 1), alphabet="dna", ceiling=None,
    group=None, settings={}, versions={}, unit="token",
    splits={"train": SplitFacts(n_items=10, sha256="s", block_rows=3, token_file=8, token_chunk=4)},
)  # fmt: skip


def sequence(item: int) -> np.ndarray:
    return VALUES[ENDS[item] - LENGTHS[item] : ENDS[item]]


def begun(path: Path, facts: EmbeddingFacts = FACTS) -> TokenEmbeddings:
    entry = create_store(path).require(IDENTITY, "d", facts)
    assert isinstance(entry, TokenEmbeddings)
    entry.put_lengths("train", LENGTHS, None)
    entry.prepare("train", np.arange(10) % 2, [2])
    return entry


def write(entry: TokenEmbeddings, block: Block, scale: float = 1.0) -> None:
    count = block.stop - block.start
    facts = ItemFacts(
        tokens_NS=np.ones((count, 1), dtype=np.int64), windows_NS=np.ones((count, 1), dtype=np.int32),
        coverage_NS=np.ones((count, 1), dtype=np.float32), hash_N=np.zeros(count, dtype=np.uint64),
    )  # fmt: skip
    parts = [scale * sequence(item) for item in range(block.start, block.stop)]
    entry.write_tokens("train", block, [LayerTokens(layer=2, parts=parts)], facts)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    entry = begun(tmp_path / "s.zarr")
    for block in [*blocks(10, 3)][::-1]:  # in any order
        write(entry, block)
    return tmp_path / "s.zarr"


def read(path: Path) -> TokenEmbeddings:
    entry = open_store(path, writable=True)["m@tokens/d"]
    assert isinstance(entry, TokenEmbeddings)
    return entry


def test_blocks_that_share_files_are_each_what_was_written(filled: Path) -> None:
    found = read(filled).tokens(-1, "train")
    for item in range(10):
        np.testing.assert_array_equal(found[item], sequence(item))


def test_items_are_read_in_any_order_and_padded(filled: Path) -> None:
    some = read(filled).tokens(2, "train")[[7, 2, 3, 7]]
    padded, mask = some.padded()
    assert mask.sum(axis=1).tolist() == [6, 0, 9, 6]
    np.testing.assert_array_equal(padded[2], sequence(3))
    np.testing.assert_array_equal(padded[0], padded[3])
    assert not padded[1].any()


def test_an_incomplete_split_is_refused_until_its_last_block_is_there(tmp_path: Path) -> None:
    entry = begun(tmp_path / "s.zarr")
    for block in [*blocks(10, 3)][:3]:
        write(entry, block)
    with pytest.raises(StoreError, match="misses 1 of 4 blocks"):
        entry.tokens(2, "train")
    write(entry, [*blocks(10, 3)][3])
    assert len(entry.tokens(2, "train")) == 10


def test_a_damaged_file_costs_the_blocks_that_have_a_part_of_it(filled: Path) -> None:
    (path,) = filled.rglob("2/train/c.1.0")  # tokens 8 to 16: items 3 alone, of the second block
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    faults = list(open_store(filled, writable=True).verify("m@tokens/d", repair=True))
    assert [fault.where for fault in faults] == ["m@tokens/d/2/train rows 3+"]
    entry = read(filled)
    assert [block.index for block in entry.missing_blocks("train", [2])] == [1]
    write(entry, Block(1, 3, 6))
    assert list(open_store(filled).verify("m@tokens/d")) == []


def test_writing_beside_damaged_tokens_marks_their_block_missing(filled: Path) -> None:
    entry = read(filled)
    entry.clear_block("train", Block(1, 3, 6))
    (path,) = filled.rglob("2/train/c.3.0")  # tokens 24 to 32: the last of the second block and the third
    path.write_bytes(b"damaged")
    write(entry, Block(1, 3, 6))
    assert [block.index for block in entry.missing_blocks("train", [2])] == [2]


def test_lost_offsets_are_told_and_made_again(filled: Path) -> None:
    next(filled.rglob("offsets/train/c.0")).unlink()
    faults = list(open_store(filled, writable=True).verify("m@tokens/d", repair=True))
    assert [fault.where for fault in faults] == ["m@tokens/d/offsets/train"]
    entry = read(filled)
    assert len(entry.missing_blocks("train", [2])) == 1
    entry.put_lengths("train", LENGTHS, None)
    write(entry, [*blocks(10, 3)][3])
    np.testing.assert_array_equal(read(filled).tokens(2, "train")[0], sequence(0))


def test_other_numbers_of_tokens_than_are_stored_are_refused(filled: Path) -> None:
    with pytest.raises(StoreError, match="other numbers of tokens"):
        read(filled).put_lengths("train", LENGTHS[::-1], None)


def test_values_beyond_float16_are_refused_and_those_within_are_rounded(tmp_path: Path) -> None:
    entry = begun(tmp_path / "s.zarr", replace(FACTS, dtype="float16"))
    with pytest.raises(StoreError, match=r"items 0\+ hold values beyond 65504.*extract\.tokens\.dtype"):
        write(entry, Block(0, 0, 3), scale=1e6)
    for block in blocks(10, 3):
        write(entry, block)
    found = entry.tokens(2, "train")[5]
    np.testing.assert_array_equal(found, sequence(5).astype(np.float16).astype(np.float32))
    assert 0 < (entry.rounding_error("train", 2) or 0) <= 2**-11


def test_spans_of_words_are_kept_beside_the_tokens(tmp_path: Path) -> None:
    entry = create_store(tmp_path / "s.zarr").require(IDENTITY, "d", FACTS)
    assert isinstance(entry, TokenEmbeddings)
    parts = [np.stack([np.arange(n), np.arange(n) + 6], axis=1).astype(np.int32) for n in LENGTHS]
    entry.put_lengths("train", LENGTHS, parts)
    np.testing.assert_array_equal(entry.spans("train"), np.concatenate(parts))
    np.testing.assert_array_equal(entry.spans("train", 3, 5), np.concatenate(parts[3:5]))


def test_a_torch_loader_gives_padded_items_with_their_labels(filled: Path) -> None:
    loader = DataLoader(read(filled).token_dataset(2, "train"), batch_size=4, collate_fn=pad_items)
    vectors, mask, labels = next(iter(loader))
    assert (*vectors.shape, *labels.tolist()) == (4, 1, 9, 4, 0, 1, 0, 1)
    np.testing.assert_array_equal(vectors[3, 0].numpy(), sequence(3))
    assert mask[:, 0].sum(1).tolist() == [5, 3, 0, 9]


def test_xarray_has_a_row_a_token_with_item_and_place(filled: Path) -> None:
    found = read(filled).xarray("train")
    of_item = found[found["item"] == 3]
    np.testing.assert_array_equal(of_item.compute().values, sequence(3))
    assert of_item.place.values.tolist() == list(range(9))
    assert set(of_item.label.values.tolist()) == {1}


def test_pooled_readers_and_formats_leave_tokens_to_their_own(filled: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds a vector a token"):
        read(filled).load(2, "train")
    with pytest.raises(StoreError, match="holds a vector a token, which npy can't"):
        export_store(open_store(filled), tmp_path / "out", "npy", Chosen(), Silent())
    pooled = fill(create_store(filled), "m", "d")
    np.testing.assert_array_equal(pooled.tokens(2, "train")[0], sequence(0))
    with pytest.raises(StoreNotFoundError, match=r"has no 'other@tokens/d'"):
        fill(create_store(filled), "other", "d").tokens(2, "train")


def test_pruning_takes_layers_of_tokens_away(filled: Path) -> None:
    store = open_store(filled, writable=True)
    remove(store, plan_removal(store, ["m@tokens"], [], [2]), Silent())
    assert read(filled).layers == ()
    with pytest.raises(StoreNotFoundError, match="no layer 2"):
        read(filled).tokens(2, "train")


def test_labels_of_letters_are_kept_beside_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.store.layout.TOKEN_CHUNK_BYTES", 64)  # 8 letters a chunk, 16 a file
    monkeypatch.setattr("seqbench.store.layout.TOKEN_FILE_BYTES", 128)
    offsets = np.concatenate([[0], ENDS]).astype(np.int64)
    values = np.random.default_rng(1).integers(0, 2, ENDS[-1])
    values[::7] = MISSING_CLASS
    letters = LetterLabels(task=Task.CLASSIFICATION, values=values, offsets=offsets)
    entry = begun(tmp_path / "s.zarr", replace(FACTS, level="token"))
    entry.put_letters("train", letters)
    for block in blocks(10, 3):
        write(entry, block)
    entry.put_letters("train", letters)  # the same is left as it is
    found = read(tmp_path / "s.zarr")
    assert found.facts.level == "token"
    assert found.has_letters("train")
    np.testing.assert_array_equal(found.letters("train").values, values)
    np.testing.assert_array_equal(found.letters("train").offsets, offsets)
    np.testing.assert_array_equal(found.letters("train").item(3), values[8:17])
    store = open_store(tmp_path / "s.zarr", writable=True)
    assert not [*store.verify("m@tokens/d")]
    files = sorted((tmp_path / "s.zarr/m@tokens/d/letters/train").glob("c.*"))
    assert len(files) == 3
    content = bytearray(files[1].read_bytes())
    content[5] ^= 255
    files[1].write_bytes(content)
    assert [fault.where for fault in store.verify("m@tokens/d", repair=True)] == ["m@tokens/d/letters/train"]
    again = read(tmp_path / "s.zarr")
    assert again.missing_blocks("train", [2])  # its extraction writes them again
    again.put_letters("train", letters)
    np.testing.assert_array_equal(read(tmp_path / "s.zarr").letters("train").values, values)


def test_labels_of_items_are_no_labels_of_letters(filled: Path) -> None:
    with pytest.raises(StoreNotFoundError, match="has labels of items"):
        read(filled).letters("train")
    with pytest.raises(StoreMismatchError, match="was stored with level item, now token"):
        create_store(filled).require(IDENTITY, "d", replace(FACTS, level="token"))
