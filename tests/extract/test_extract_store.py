"""Extraction into a store: equal to the models own rows, resumed by block, refused where it would mix."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench.core.types import SplitName, Strands, Task
from seqbench.datasets.dataset import Dataset, open_dataset
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import DataError, ModelError, StoreError, StoreMismatchError
from seqbench.extract.blocks import Extraction
from seqbench.extract.describe import dataset_facts, embedding_facts
from seqbench.extract.finish import Target
from seqbench.extract.gather import item_hash
from seqbench.extract.imported import describe_import, import_split
from seqbench.extract.repeats import Repeats
from seqbench.models.base import Batch, EmbedOptions, Event, Pooled, SequenceFacts, Unfit
from seqbench.models.huggingface import HuggingFace
from seqbench.models.precomputed import Precomputed
from seqbench.models.transformer import SequenceEmbedder
from seqbench.store import Block, Embeddings, create_store
from tests.data import write_split

TinyModel = Callable[[str], Path]
SPLITS: tuple[SplitName, ...] = ("train", "test")
DNA_TABLE = str.maketrans("ACGT", "TGCA")


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


def loaded(model: HuggingFace) -> SequenceEmbedder:
    return model.load().embedder(SequenceFacts(name="pairs", alphabet="dna", min_length=1, max_length=90))


def extract(
    model: HuggingFace,
    embedder: SequenceEmbedder,
    data: Dataset,
    store_path: Path,
    layers: list[int],
    *,
    first: int = 99,
    strands: Strands = "none",
    repeats: Repeats | None = None,
) -> Embeddings:
    """Fill a store with blocks of 16 items, though the data set is small."""
    width = 2 * embedder.hidden if strands == "concat" else embedder.hidden
    facts = embedding_facts(data, width, {**embedder.settings, "strands": strands})
    smaller = {name: replace(split, block_rows=16, chunk_rows=16) for name, split in facts.splits.items()}
    entry = create_store(store_path).require(model.identity(), data.spec.name, replace(facts, splits=smaller))
    target = Target(entry=entry, pooling=embedder.poolings[0], layers=tuple(layers))
    for split in SPLITS:
        extraction = Extraction(embedder, data, split, [target], strands=strands, repeats=repeats)
        extraction.run(entry.missing_blocks(split, layers)[:first], nothing, lambda text: None)
    return entry


def test_stored_rows_are_the_models_own_in_the_files_order(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("llama"))
    embedder = loaded(model)
    entry = extract(model, embedder, pairs, tmp_path / "s.zarr", [0, 1, 2, 3])
    items = pairs.splits["test"].sequences(0, 40)
    for layer in range(4):
        stored = entry.load(layer, "test")
        for row in (0, 17, 39):
            alone = embedder.embed(list(items[row]), [layer]).layers[layer]
            np.testing.assert_allclose(stored[row], alone, atol=1e-5, rtol=1e-5)
    np.testing.assert_array_equal(entry.labels("test"), pairs.splits["test"].labels)
    assert int(entry.items("test").hash_N[3]) == item_hash(items[3])


def test_an_interrupted_extraction_ends_with_the_same_bytes(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("bert"))
    whole = extract(model, loaded(model), pairs, tmp_path / "whole.zarr", [0, 3])
    extract(model, loaded(model), pairs, tmp_path / "torn.zarr", [0, 3], first=1)
    torn = extract(model, loaded(model), pairs, tmp_path / "torn.zarr", [0, 3])
    for split in SPLITS:
        for layer in (0, 3):
            assert torn.load(layer, split).tobytes() == whole.load(layer, split).tobytes()


def test_windows_and_coverage_are_recorded_for_each_sequence(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("bert"), max_tokens=22, overlong="truncate")
    entry = extract(model, loaded(model), pairs, tmp_path / "s.zarr", [0])
    lengths = pairs.splits["train"].lengths
    expected = np.minimum(lengths, 20) / lengths
    np.testing.assert_allclose(entry.items("train").coverage_NS, expected, rtol=1e-6)


def test_other_settings_do_not_mix_with_what_is_stored(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    extract(source(tiny_model("bert")), loaded(source(tiny_model("bert"))), pairs, tmp_path / "s.zarr", [0])
    other = source(tiny_model("bert"), special_tokens=False)
    with pytest.raises(StoreMismatchError, match="special_tokens=True, the config says special_tokens=False"):
        extract(other, loaded(other), pairs, tmp_path / "s.zarr", [0])


def test_a_sequence_over_the_limit_is_named_with_file_and_line(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("bert"), max_tokens=60, overlong="error")
    with pytest.raises(DataError, match=r"train\.jsonl:\d+: \d+ tokens are over the limit of 60"):
        extract(model, loaded(model), pairs, tmp_path / "s.zarr", [0])


def test_nan_in_a_model_is_an_error_and_never_stored(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("bert"))
    embedder = loaded(model)
    with torch.no_grad():
        embedder.forward.model.encoder.layer[1].output.LayerNorm.bias.fill_(torch.nan)
    with pytest.raises(ModelError, match=r"train\.jsonl:1: layer 2 .* NaN or infinity"):
        extract(model, embedder, pairs, tmp_path / "s.zarr", [0, 2])


def test_a_failed_block_leaves_earlier_ones_and_no_thread_behind(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = source(tiny_model("bert"))
    embedder, write = loaded(model), Embeddings.write_block

    def fails(self: Embeddings, split: SplitName, block: Block, *rest: object) -> None:
        if block.index == 1:
            raise StoreError("the disk is full")
        write(self, split, block, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Embeddings, "write_block", fails)
    with pytest.raises(StoreError, match="the disk is full"):
        extract(model, embedder, pairs, tmp_path / "s.zarr", [0])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("seqbench")]
    entry = create_store(tmp_path / "s.zarr")["tiny/pairs"]
    assert [block.index for block in entry.missing_blocks("train", [0])] == [1, 2]


def repeated(tmp_path: Path, copies: int) -> Dataset:
    """Ten sequences, each `copies` times in train and once in test, shuffled."""
    rng = np.random.default_rng(0)
    distinct = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(10)]
    for split, times in (("train", copies), ("test", 1)):
        lines = [json.dumps({"seq": text, "label": row % 2}) for row, text in enumerate(distinct)] * times
        (tmp_path / "r").mkdir(exist_ok=True)
        (tmp_path / "r" / f"{split}.jsonl").write_text("\n".join(rng.permutation(lines)) + "\n")
    return open_dataset(DatasetSpec(name="r", folder=tmp_path / "r"))


def test_repeated_sequences_are_embedded_once_in_a_data_set(tiny_model: TinyModel, tmp_path: Path) -> None:
    model, data = source(tiny_model("esm")), repeated(tmp_path, 8)
    embedder, seen = loaded(model), []
    compute = embedder.compute
    embedder.compute = lambda batch, layers: seen.extend(batch.owner_B) or compute(batch, layers)  # type: ignore
    entry = extract(model, embedder, data, tmp_path / "s.zarr", [0, 3], repeats=Repeats(data))
    assert len(seen) == 10  # 80 items in five blocks of train, 10 of test
    for split in SPLITS:
        texts = [item[0] for item in data.splits[split].sequences(0, len(data.splits[split]))]
        alone = embedder.embed(texts, [3]).layers[3]
        np.testing.assert_allclose(entry.load(3, split)[:, 0], alone, atol=1e-5, rtol=1e-5)
        lengths = entry.items(split).tokens_NS[:, 0]
        assert (lengths == 32).all()
        assert (entry.items(split).coverage_NS == 1).all()


def test_a_hash_that_two_sequences_share_does_not_mix_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqbench.extract.repeats.sequence_hash", lambda text: 7)
    monkeypatch.setattr("seqbench.extract.gather.sequence_hash", lambda text: 7)
    data = repeated(tmp_path, 2)
    repeats = Repeats(data)
    first = data.splits["train"].sequences(0, 1)[0][0]
    place = repeats.first(first)
    assert place is not None
    assert (place.split, place.item) == ("train", 0)
    other = next(item[0] for item in data.splits["train"].sequences(1, 20) if item[0] != first)
    assert repeats.first(other) is None


@pytest.mark.parametrize("strands", ["mean", "concat"])
def test_both_strands_are_joined(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path, strands: Strands
) -> None:
    model = source(tiny_model("llama"))
    embedder = loaded(model)
    entry = extract(model, embedder, pairs, tmp_path / "s.zarr", [3], strands=strands)
    texts = [text for item in pairs.splits["test"].sequences(0, 40) for text in item]
    one = embedder.embed(texts, [3]).layers[3]
    two = embedder.embed([text.translate(DNA_TABLE)[::-1] for text in texts], [3]).layers[3]
    expected = (one + two) / 2 if strands == "mean" else np.hstack([one, two])
    np.testing.assert_allclose(entry.load(3, "test").reshape(len(texts), -1), expected, atol=1e-5, rtol=1e-5)
    cosines = (one * two).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    assert entry.strand_cosine("test", 3) == pytest.approx(cosines.mean(), abs=0.01)  # mean of block means


def test_a_sequence_that_does_not_fit_is_named_and_nan(
    tiny_model: TinyModel, pairs: Dataset, tmp_path: Path
) -> None:
    model = source(tiny_model("bert"))
    embedder = loaded(model)
    compute = embedder.compute

    def unfit(batch: Batch, layers: list[int]) -> Iterator[Event]:
        for event in compute(batch, layers):
            yield event
            if isinstance(event, Pooled) and 3 in event.owner_B:
                yield Unfit(owner=3, tokens=50)

    embedder.compute = unfit  # type: ignore[method-assign,assignment]
    facts = embedding_facts(pairs, embedder.hidden, embedder.settings)
    entry = create_store(tmp_path / "s.zarr").require(model.identity(), "pairs", facts)
    target = Target(entry=entry, pooling="mean", layers=(3,))
    extraction = Extraction(embedder, pairs, "train", [target])
    work = extraction.run(entry.missing_blocks("train", [3]), nothing, lambda text: None)
    item = work.skipped[0].rpartition("train.jsonl:")[2]
    assert item == "2: 50 tokens do not fit in memory"  # the fourth sequence is the second item's second
    stored, facts_of = entry.load(3, "train"), entry.items("train")
    assert np.isnan(stored[1, 1]).all()
    assert np.isfinite(stored[1, 0]).all()
    assert np.isfinite(stored[2:]).all()
    assert (facts_of.coverage_NS[1, 1], facts_of.tokens_NS[1, 1]) == (0, 0)


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
    imported = describe_import(model, DatasetSpec(name="d", folder=tmp_path / "absent"), range(3))
    entry = create_store(tmp_path / "s.zarr").require(model.identity(), "d", imported.facts)
    for split in SPLITS:
        import_split(model, imported, entry, split, nothing)
    assert entry.facts.task is task
    for (layer, split), embeddings in rows.items():
        np.testing.assert_array_equal(entry.load(layer, split), embeddings.numpy())
    np.testing.assert_allclose(entry.labels("test"), labels.numpy())


def imported_layers(folder: Path, store: Path, layers: list[int]) -> Embeddings:
    """Import some layers of `d` from a folder of `.pt` files, as a run that asks for them does."""
    model, created = Precomputed(name="theirs", path=folder, n_layers=8), create_store(store)
    known = created["theirs/d"].facts if "theirs/d" in created else None
    spec = DatasetSpec(name="d", folder=folder / "absent")
    imported = describe_import(model, spec, layers, stored=known)
    entry = created.require(model.identity(), "d", imported.facts)
    for split in SPLITS:
        import_split(model, imported, entry, split, nothing)
    return entry


def save_layer(folder: Path, layer: int) -> torch.Tensor:
    rows = torch.randn(12, 8)
    folder.mkdir(exist_ok=True)
    for split in SPLITS:
        content = {"embeddings": rows, "labels": [number % 2 for number in range(12)]}
        torch.save(content, folder / f"d-{layer}layer_{split}.pt")
    return rows


def test_one_layer_is_imported_alone_and_others_can_be_added_later(tmp_path: Path) -> None:
    rows = {6: save_layer(tmp_path / "pt", 6)}
    assert imported_layers(tmp_path / "pt", tmp_path / "s.zarr", [6]).layers == (6,)
    rows[3] = save_layer(tmp_path / "pt", 3)
    entry = imported_layers(tmp_path / "pt", tmp_path / "s.zarr", [3, 6])
    for layer, expected in rows.items():
        np.testing.assert_array_equal(entry.load(layer, "test")[:, 0], expected.numpy())


def test_a_file_that_was_imported_and_changed_is_refused_also_where_another_layer_is_asked_for(
    tmp_path: Path,
) -> None:
    save_layer(tmp_path / "pt", 6)
    imported_layers(tmp_path / "pt", tmp_path / "s.zarr", [6])
    for layer in (3, 6):
        save_layer(tmp_path / "pt", layer)
    with pytest.raises(StoreMismatchError, match=r"computed from another (train|test) split"):
        imported_layers(tmp_path / "pt", tmp_path / "s.zarr", [3])


def test_the_hash_of_a_whole_import_is_the_one_that_stores_of_before_hold(tmp_path: Path) -> None:
    """Computed as seqbench 0.1.0 did at 0c7acf5: SHA-256 over `{}`, then names and hashes of all files."""
    for layer in (0, 1):
        save_layer(tmp_path / "pt", layer)
    entry = imported_layers(tmp_path / "pt", tmp_path / "s.zarr", [0, 1])
    expected = hashlib.sha256(b"{}")
    for path in sorted((tmp_path / "pt").glob("*_train.pt")):
        expected.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    assert entry.facts.splits["train"].sha256 == expected.hexdigest()
