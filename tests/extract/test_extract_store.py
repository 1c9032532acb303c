"""Extraction into a store: equal to the models own rows, resumed by block, refused where it would mix."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench.datasets.dataset import Dataset, open_dataset
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import DataError, ModelError, StoreMismatchError
from seqbench.extract.blocks import extract_blocks, item_hash
from seqbench.extract.describe import dataset_facts, embedding_facts
from seqbench.extract.imported import describe_import, import_split
from seqbench.models.base import EmbedOptions
from seqbench.models.huggingface import HuggingFace
from seqbench.models.precomputed import Precomputed
from seqbench.models.transformer import Transformer
from seqbench.store import Embeddings, create_store
from seqbench.vocabulary import SplitName, Task
from tests.data import write_split

TinyModel = Callable[[str], Path]
SPLITS: tuple[SplitName, ...] = ("train", "test")


def nothing(amount: float) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def pairs(tmp_path: Path) -> Dataset:
    for split in SPLITS:
        write_split(tmp_path / "pairs", split, items=40, seqs=2, longest=90)
    return open_dataset(DatasetSpec(name="pairs", folder=tmp_path / "pairs"))


def source(folder: Path, **options: object) -> HuggingFace:
    wanted = EmbedOptions(**options)  # type: ignore[arg-type]
    return HuggingFace(name="tiny", path=str(folder), dtype="float32", options=wanted)


def extract(
    model: HuggingFace,
    embedder: Transformer,
    data: Dataset,
    store_path: Path,
    layers: list[int],
    first: int = 99,
) -> Embeddings:
    facts = embedding_facts(data, embedder.hidden, embedder.settings)
    smaller = {name: replace(split, block_rows=16) for name, split in facts.splits.items()}
    facts = replace(facts, splits=smaller)  # several blocks, though the data set is small
    entry = create_store(store_path).require(model.identity(), data.spec.name, facts)
    for split in SPLITS:
        missing = entry.missing_blocks(split, layers)[:first]
        extract_blocks(embedder, data, split, entry, layers, missing, nothing)
    return entry


def test_stored_rows_are_the_models_own_in_the_files_order(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("llama"))
    embedder = model.load()
    entry = extract(model, embedder, pairs, tmp_path / "s.zarr", [0, 1, 2, 3])
    items = pairs.splits["test"].sequences(0, 40)
    for layer in range(4):
        stored = entry.load(layer, "test")
        for row in (0, 17, 39):
            alone = embedder.embed(list(items[row]), [layer], nothing).layers[layer]
            np.testing.assert_allclose(stored[row], alone, atol=1e-5, rtol=1e-5)
    np.testing.assert_array_equal(entry.labels("test"), pairs.splits["test"].labels)
    assert int(entry.items("test").hash_N[3]) == item_hash(items[3])


def test_an_interrupted_extraction_ends_with_the_same_bytes(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("bert"))
    whole = extract(model, model.load(), pairs, tmp_path / "whole.zarr", [0, 3])
    extract(model, model.load(), pairs, tmp_path / "torn.zarr", [0, 3], first=1)
    torn = extract(model, model.load(), pairs, tmp_path / "torn.zarr", [0, 3])
    for split in SPLITS:
        for layer in (0, 3):
            assert torn.load(layer, split).tobytes() == whole.load(layer, split).tobytes()


def test_windows_and_coverage_are_recorded_for_each_sequence(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("bert"), max_tokens=22, overlong="truncate")
    entry = extract(model, model.load(), pairs, tmp_path / "s.zarr", [0])
    lengths = pairs.splits["train"].lengths
    expected = np.minimum(lengths, 20) / lengths
    np.testing.assert_allclose(entry.items("train").coverage_NS, expected, rtol=1e-6)


def test_other_settings_do_not_mix_with_what_is_stored(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    extract(source(tiny_model("bert")), source(tiny_model("bert")).load(), pairs, tmp_path / "s.zarr", [0])
    other = source(tiny_model("bert"), pooling="max")
    with pytest.raises(StoreMismatchError, match="pooling=mean, the config says pooling=max"):
        extract(other, other.load(), pairs, tmp_path / "s.zarr", [0])


def test_a_sequence_over_the_limit_is_named_with_file_and_line(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("bert"), max_tokens=60, overlong="error")
    with pytest.raises(DataError, match=r"train\.jsonl:\d+: \d+ tokens are over the limit of 60"):
        extract(model, model.load(), pairs, tmp_path / "s.zarr", [0])


def test_nan_in_a_model_is_an_error_and_never_stored(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("bert"))
    embedder = model.load()
    with torch.no_grad():
        embedder._model.encoder.layer[1].output.dense.bias.fill_(torch.nan)
    with pytest.raises(ModelError, match=r"train\.jsonl:1: layer 2 .* NaN or infinity"):
        extract(model, embedder, pairs, tmp_path / "s.zarr", [0, 2])


def test_facts_for_models_are_read_off_all_splits(pairs: Dataset) -> None:
    facts = dataset_facts(pairs)
    lengths = np.concatenate([split.lengths.ravel() for split in pairs.splits.values()])
    assert (facts.alphabet, facts.min_length, facts.max_length) == ("dna", lengths.min(), lengths.max())


@pytest.mark.parametrize(("labels", "task"), [
    (torch.arange(30) % 3, Task.CLASSIFICATION),
    (torch.randint(0, 2, (30, 4)), Task.LABELS),
    (torch.rand(30, 2), Task.REGRESSION),
])  # fmt: skip
def test_pt_files_are_imported_with_the_task_their_labels_show(
    tmp_path: Path, labels: torch.Tensor, task: Task
) -> None:
    folder = tmp_path / "pt"
    folder.mkdir()
    rows = {(layer, split): torch.randn(30, 2, 8) for layer in range(3) for split in SPLITS}
    for (layer, split), embeddings in rows.items():
        torch.save({"embeddings": embeddings, "labels": labels}, folder / f"d-{layer}layer_{split}.pt")
    model = Precomputed(name="theirs", path=folder, n_layers=2)
    imported = describe_import(model, DatasetSpec(name="d", folder=tmp_path / "absent"))
    entry = create_store(tmp_path / "s.zarr").require(model.identity(), "d", imported.facts)
    for split in SPLITS:
        import_split(model, imported, entry, split, nothing)
    assert entry.facts.task is task
    for (layer, split), embeddings in rows.items():
        np.testing.assert_array_equal(entry.load(layer, split), embeddings.numpy())
    np.testing.assert_allclose(entry.labels("test"), labels.numpy())
