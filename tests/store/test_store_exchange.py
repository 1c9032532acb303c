"""Export and import: what comes back is what went out, other tools read the files, and bad ones are named."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.core.progress import Silent
from seqbench.core.types import Task
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import SeqbenchError, StoreError, StoreMismatchError, StoreNotFoundError
from seqbench.store import Embeddings, Store, open_store
from seqbench.store.exchange.export import Chosen, export_store
from seqbench.store.exchange.imports import import_files
from tests.store.filled import H, N, fill, filled_store, labels, rows

PACKAGES = {"npy": "numpy", "parquet": "pyarrow", "anndata": "anndata"}


@pytest.fixture(params=PACKAGES)
def kind(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(PACKAGES[request.param])
    return str(request.param)


def spec(name: str) -> DatasetSpec:
    return DatasetSpec(name=name, folder=Path())


def export(store: Store, out: Path, kind: str, *, force: bool = False, **chosen: tuple) -> list[Path]:
    return export_store(store, out, kind, Chosen(**chosen), Silent(), force=force)


def back(folder: Path, target: Path | str, kind: str, model: str = "m", *datasets: str) -> Embeddings:
    (key, *_) = import_files(str(target), folder, kind, model, datasets, spec, Silent())
    return open_store(target)[key]


def test_what_was_exported_comes_back(tmp_path: Path, kind: str) -> None:
    for n_seqs, task, dtype in (
        (1, Task.CLASSIFICATION, "float32"),
        (2, Task.LABELS, "float16"),
        (1, Task.REGRESSION, "float32"),
    ):
        here = tmp_path / task.value
        store = filled_store(here / "s.zarr", n_seqs=n_seqs, task=task, dtype=dtype)
        export(store, here / "out", kind)
        old, new = store["m/d"], back(here / "out" / "m", here / "t.zarr", kind)
        assert (new.model, new.facts.splits, new.layers) == (old.model, old.facts.splits, (0, 2))
        assert new.facts.settings == old.facts.settings
        assert (new.facts.task, new.facts.classes, new.facts.dtype) == (task, old.facts.classes, dtype)
        for split in N:
            for layer in (0, 2):
                np.testing.assert_array_equal(new.load(layer, split), old.load(layer, split))
            np.testing.assert_array_equal(new.labels(split), labels(split, task))
            assert new.labels(split).dtype == old.labels(split).dtype
            for name, column in old.items(split).columns().items():
                np.testing.assert_array_equal(new.items(split).columns()[name], column)
        assert list(open_store(here / "t.zarr").verify("m/d")) == []


def test_stores_at_urls_are_exported_and_filled(tmp_path: Path, kind: str) -> None:
    store = filled_store(f"memory://{tmp_path.name}/s.zarr")
    export(store, tmp_path / "out", kind)
    new = back(tmp_path / "out" / "m", f"memory://{tmp_path.name}/t.zarr", kind)
    np.testing.assert_array_equal(new.load(-1, "train"), rows(2, "train"))


def test_rounding_that_was_recorded_is_not_forgotten(tmp_path: Path, kind: str) -> None:
    store = filled_store(tmp_path / "s.zarr", dtype="float16")
    export(store, tmp_path / "out", kind)
    new = back(tmp_path / "out" / "m", tmp_path / "t.zarr", kind)
    noted = new.facts.notes["imported"]["rounding_error"]
    assert noted["2/train"] == store["m/d"].rounding_error("train", 2) > 0


def test_what_is_chosen_alone_is_written(tmp_path: Path, kind: str) -> None:
    store = filled_store(tmp_path / "s.zarr")
    fill(store, model="n")
    fill(store, dataset="e")
    made = export(
        store, tmp_path / "out", kind, models=("m",), datasets=("e",), layers=(-1,), splits=("test",)
    )
    assert {path.parent.name for path in made} == {"m"}
    assert all(path.name.startswith("e") and path.is_file() for path in made)
    entry = back(tmp_path / "out" / "m", tmp_path / "t.zarr", kind)
    assert (entry.name, entry.layers, entry.splits) == ("m/e", (2,), ("test",))


def test_layers_exported_one_after_the_other_come_back_together(tmp_path: Path, kind: str) -> None:
    store = filled_store(tmp_path / "s.zarr")
    for layer, split in ((0, "train"), (2, "train"), (0, "test")):
        if kind != "anndata" or split == "train":
            export(store, tmp_path / "out", kind, layers=(layer,), splits=(split,), force=True)
    entry = back(tmp_path / "out" / "m", tmp_path / "t.zarr", kind)
    assert entry.layers == (0, 2)
    np.testing.assert_array_equal(entry.load(0, "train"), rows(0, "train"))


def test_a_part_that_comes_later_joins_what_is_stored(tmp_path: Path, kind: str) -> None:
    store = filled_store(tmp_path / "s.zarr")
    for split in ("train", "test"):
        export(store, tmp_path / split, kind, splits=(split,))
        entry = back(tmp_path / split / "m", tmp_path / "t.zarr", kind)
    assert entry.splits == ("train", "test")
    again = back(tmp_path / "train" / "m", tmp_path / "t.zarr", kind)
    np.testing.assert_array_equal(again.load(0, "train"), rows(0, "train"))


def test_a_model_can_come_back_under_another_name_but_not_over_other_weights(
    tmp_path: Path, kind: str
) -> None:
    store = filled_store(tmp_path / "s.zarr")
    export(store, tmp_path / "out", kind)
    assert back(tmp_path / "out" / "m", tmp_path / "s.zarr", kind, "copy").name == "copy/d"
    other = filled_store(tmp_path / "o.zarr")
    fill(other, model="n")
    with pytest.raises(StoreMismatchError, match="model 'n' was stored with fingerprint"):
        back(tmp_path / "out" / "m", tmp_path / "o.zarr", kind, "n")


# --- as other tools see the files


def test_npy_files_are_plain_arrays(tmp_path: Path) -> None:
    export(filled_store(tmp_path / "s.zarr"), tmp_path, "npy")
    np.testing.assert_array_equal(np.load(tmp_path / "m/d-2layer_train.npy"), rows(2, "train")[:, 0])
    np.testing.assert_array_equal(np.load(tmp_path / "m/d-label_test.npy"), labels("test"))
    told = json.loads((tmp_path / "m/d.json").read_text())
    assert told["facts"]["settings"]["pooling"] == "mean"
    assert told["model"]["fingerprint"] == "m" * 9


def test_parquet_files_have_a_list_a_sequence_in_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("seqbench.store.exchange.base.PIECE_BYTES", 8 * 2 * H * 4)
    export(filled_store(tmp_path / "s.zarr", n_seqs=2), tmp_path, "parquet")
    file = pq.ParquetFile(tmp_path / "m/d-2layer_train.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [8, 8, 7]
    table = file.read()
    assert str(table.schema.field("embedding_2").type).startswith(f"fixed_size_list<element: float>[{H}]")
    assert table["embedding_2"].to_pylist() == rows(2, "train", 2)[:, 1].tolist()
    assert table["label"].to_pylist() == labels("train").tolist()
    assert table["item"].to_pylist() == list(range(23))
    assert back(tmp_path / "m", tmp_path / "t.zarr", "parquet").load(2, "train").shape == (23, 2, H)


def test_anndata_reads_the_files(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    export(filled_store(tmp_path / "s.zarr", n_seqs=2, task=Task.LABELS), tmp_path, "anndata")
    table = anndata.read_h5ad(tmp_path / "m/d-2layer.h5ad")
    wanted = np.concatenate([rows(2, split, 2).reshape(-1, 2 * H) for split in ("train", "test")])
    np.testing.assert_array_equal(table.X, wanted)
    train = table[table.obs["split"] == "train"]
    assert train.obs["label_2"].tolist() == labels("train", Task.LABELS)[:, 1].tolist()
    assert table.var["seq"].tolist() == [0] * H + [1] * H
    assert json.loads(table.uns["seqbench"])["dataset"] == "d"
    np.testing.assert_array_equal(
        anndata.read_h5ad(tmp_path / "m/d-0layer.h5ad", backed="r").X.shape, wanted.shape
    )


def test_pt_files_are_those_of_the_reference(tmp_path: Path) -> None:
    import torch

    for n_seqs, shape in ((1, (23, H)), (2, (23, 2, H))):
        export(filled_store(tmp_path / f"{n_seqs}.zarr", n_seqs=n_seqs), tmp_path / str(n_seqs), "pt")
        found = torch.load(tmp_path / str(n_seqs) / "m/d-2layer_train.pt", weights_only=True)
        assert found.keys() == {"embeddings", "labels"}
        assert (found["embeddings"].shape, found["embeddings"].dtype) == (shape, torch.float32)
        np.testing.assert_array_equal(found["embeddings"], rows(2, "train", n_seqs).reshape(shape))
        np.testing.assert_array_equal(found["labels"], labels("train"))


# --- files of other tools


def test_npy_files_of_another_tool_are_taken_as_precomputed(tmp_path: Path) -> None:
    for split in ("train", "test"):
        np.save(tmp_path / f"d-3layer_{split}.npy", rows(0, split)[:, 0].astype(np.float64))
        np.save(tmp_path / f"d-label_{split}.npy", labels(split))
    entry = back(tmp_path, tmp_path / "t.zarr", "npy", "theirs")
    assert (entry.model.kind, entry.model.n_layers, entry.layers) == ("precomputed", 4, (3,))
    assert (entry.facts.task, entry.facts.classes) == (Task.CLASSIFICATION, (0, 1))
    np.testing.assert_array_equal(entry.load(-1, "train"), rows(0, "train"))
    assert np.isnan(entry.items("train").coverage_NS).all()


def test_parquet_and_anndata_of_another_tool_are_taken_too(tmp_path: Path) -> None:
    pa, anndata = pytest.importorskip("pyarrow"), pytest.importorskip("anndata")
    import pandas as pd
    from pyarrow import parquet

    pairs = labels("train", Task.REGRESSION)
    table = {
        "embedding": rows(0, "train")[:, 0].tolist(),
        "label_1": pairs[:, 0],
        "label_2": pairs[:, 1],
        "x": ["a"] * 23,
    }
    parquet.write_table(pa.table(table), tmp_path / "d-0layer_train.parquet", row_group_size=5)
    entry = back(tmp_path, tmp_path / "p.zarr", "parquet", "theirs")
    assert (entry.facts.task, entry.facts.n_targets) == (Task.REGRESSION, 2)
    np.testing.assert_array_equal(entry.load(0, "train"), rows(0, "train"))
    both = np.concatenate([rows(0, "train")[:, 0], rows(0, "test")[:, 0]])
    order = np.random.default_rng(0).permutation(30)
    split = np.array(["train"] * 23 + ["test"] * 7)[order]
    given = anndata.AnnData(
        both[order], obs=pd.DataFrame({"split": split, "label": np.arange(30) % 2}, index=map(str, range(30)))
    )
    given.write_h5ad(tmp_path / "d-0layer.h5ad")
    entry = back(tmp_path, tmp_path / "a.zarr", "anndata", "theirs")
    np.testing.assert_array_equal(entry.load(0, "test")[:, 0], both[order][split == "test"])


# --- faults


def spoil_values(folder: Path) -> Path:
    array = np.load(folder / "d-2layer_train.npy")
    array[3, 1] += 1
    np.save(folder / "d-2layer_train.npy", array)
    return folder / "d-2layer_train.npy"


def spoil_shape(folder: Path) -> Path:
    np.save(folder / "d-2layer_train.npy", np.load(folder / "d-2layer_train.npy")[:, :4])
    return folder / "d-2layer_train.npy"


def spoil_labels(folder: Path) -> Path:
    np.save(folder / "d-label_test.npy", 1 - np.load(folder / "d-label_test.npy"))
    return folder / "d-0layer_test.npy"


def spoil_label_count(folder: Path) -> Path:
    np.save(folder / "d-label_test.npy", np.arange(3))
    return folder / "d-label_test.npy"


def spoil_end(folder: Path) -> Path:
    path = folder / "d-0layer_train.npy"
    path.write_bytes(path.read_bytes()[:-50])
    return path


def spoil_kind(folder: Path) -> Path:
    path = folder / "d-0layer_train.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return path


def spoil_record(folder: Path) -> Path:
    (folder / "d.json").write_text('{"seqbench_export": 1}')
    return folder / "d.json"


def spoil_version(folder: Path) -> Path:
    (folder / "d.json").write_text('{"seqbench_export": 99}')
    return folder / "d.json"


def spoil_missing(folder: Path) -> Path:
    (folder / "d-label_test.npy").unlink()
    return folder / "d-label_test.npy"


SPOILS = [
    spoil_values, spoil_shape, spoil_labels, spoil_label_count, spoil_end, spoil_kind, spoil_record,
    spoil_version, spoil_missing,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_file_that_is_not_as_it_was_exported_is_named_in_one_line(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    export(filled_store(tmp_path / "s.zarr"), tmp_path, "npy")
    path = spoil(tmp_path / "m")
    with pytest.raises(StoreError) as caught:
        back(tmp_path / "m", tmp_path / "t.zarr", "npy")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "t.zarr").exists()


@pytest.mark.parametrize(
    ("kind", "name"), [("parquet", "d-0layer_train.parquet"), ("anndata", "d-0layer.h5ad")]
)
@pytest.mark.parametrize("damage", ["cut", "empty", "other", "flip"])
def test_damaged_parquet_and_anndata_are_named_in_one_line(
    tmp_path: Path, kind: str, name: str, damage: str
) -> None:
    pytest.importorskip(PACKAGES[kind])
    export(filled_store(tmp_path / "s.zarr"), tmp_path, kind)
    path = tmp_path / "m" / name
    content = path.read_bytes()
    flipped = bytearray(content)
    place = content.index(rows(0, "train")[0].tobytes()) if kind == "anndata" else 600
    flipped[place + 3] ^= 64
    path.write_bytes(
        {"cut": content[:-100], "empty": b"", "other": b"PAR1" * 99, "flip": bytes(flipped)}[damage]
    )
    with pytest.raises(StoreError) as caught:
        back(tmp_path / "m", tmp_path / "t.zarr", kind)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_files_of_another_tool_must_fit_each_other(tmp_path: Path) -> None:
    np.save(tmp_path / "d-0layer_train.npy", rows(0, "train"))
    np.save(tmp_path / "d-label_train.npy", labels("train"))
    np.save(tmp_path / "d-1layer_train.npy", rows(0, "train")[:, :, :4])
    with pytest.raises(StoreError, match=r"d-1layer_train.npy: \(1, 4\) a row, the first layer has \(1, 8\)"):
        back(tmp_path, tmp_path / "t.zarr", "npy")
    np.save(tmp_path / "d-1layer_train.npy", np.full((23, 8), np.nan))
    with pytest.raises(StoreError, match=r"d-1layer_train.npy: embeddings hold NaN"):
        back(tmp_path, tmp_path / "t.zarr", "npy")
    (tmp_path / "d-1layer_train.npy").unlink()
    np.save(tmp_path / "d-0layer_test.npy", rows(0, "test"))
    np.save(tmp_path / "d-label_test.npy", np.full(7, 5))
    with pytest.raises(StoreError, match="d: test has class 5, which train lacks"):
        back(tmp_path, tmp_path / "t.zarr", "npy")


def test_a_folder_without_files_says_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such folder"):
        back(tmp_path / "x", tmp_path / "t.zarr", "npy")
    export(filled_store(tmp_path / "s.zarr"), tmp_path / "out", "npy")
    with pytest.raises(StoreError, match=r"holds no .* \(give one of its folders: m\)"):
        back(tmp_path / "out", tmp_path / "t.zarr", "npy")
    with pytest.raises(StoreError, match=r"has no files of data set 'x' \(it has d\)"):
        back(tmp_path / "out/m", tmp_path / "t.zarr", "npy", "m", "x")


def test_files_that_are_there_are_not_overwritten_unless_forced(tmp_path: Path, kind: str) -> None:
    store = filled_store(tmp_path / "s.zarr")
    (first, *_) = export(store, tmp_path / "out", kind)
    first.write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        export(store, tmp_path / "out", kind)
    assert first.read_text() == "mine"
    if first.suffix == ".json":
        first.write_text(json.dumps({"not": "ours"}))
    export(store, tmp_path / "out", kind, force=True)
    assert back(tmp_path / "out" / "m", tmp_path / "t.zarr", kind).layers == (0, 2)


def test_nothing_half_written_is_left(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled_store(tmp_path / "s.zarr")
    damaged = tmp_path / "s.zarr/m/d/2/train/c.1.0.0"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    monkeypatch.setattr("seqbench.store.exchange.base.PIECE_BYTES", 1)
    with pytest.raises(StoreError, match="can't be read"):
        export(store, tmp_path / "out", kind, layers=(2,), splits=("train",))
    assert [path.name for path in (tmp_path / "out").rglob("*2layer*")] == []


def test_nothing_is_written_unless_all_is_complete(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "s.zarr")
    late = fill(store, model="z")
    late.clear_block("test", late.missing_blocks("test", [1])[0], [0])
    with pytest.raises(StoreError, match="z/d layer 0 test misses 1 of 1 blocks"):
        export(store, tmp_path / "out", "npy")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("chosen", "said"), [
    ({"models": ("x",)}, r"has no model 'x' \(it has m\)"),
    ({"datasets": ("x",)}, r"has no data set 'x' \(it has d\)"),
    ({"layers": (0, 1)}, r"has no layer 1 there \(it has \[0, 2\]\)"),
    ({"splits": ("eval",)}, "has no split eval"),
])  # fmt: skip
def test_what_is_not_in_the_store_is_named(tmp_path: Path, chosen: dict, said: str) -> None:
    with pytest.raises(StoreNotFoundError, match=said):
        export(filled_store(tmp_path / "s.zarr"), tmp_path / "out", "npy", **chosen)


def test_names_in_a_store_lead_nowhere_else(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "s.zarr")
    (tmp_path / "s.zarr/m").rename(tmp_path / "s.zarr/-rf ~")
    with pytest.raises(SeqbenchError, match="can't be used"):
        export(store, tmp_path / "out", "npy")


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    store = filled_store(tmp_path / "s.zarr")
    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StoreError, match="can't be written: No space left on device"):
        export(store, tmp_path / "out", "npy")
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.store.readers.find_spec", lambda name: None)
    with pytest.raises(StoreError, match=r"pyarrow is not installed \(pip install seqbench\[export\]\)"):
        export(filled_store(tmp_path / "s.zarr"), tmp_path / "out", "parquet")
