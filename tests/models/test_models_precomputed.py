"""Reading the reference system's `.pt` files, and refusing what is none or is unsafe."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench.errors import ModelError, ModelNotFoundError
from seqbench.models.precomputed import Precomputed, read_file


def save(
    folder: Path, dataset: str, layer: int, split: str, rows: torch.Tensor, labels: torch.Tensor
) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{dataset}-{layer}layer_{split}.pt"
    torch.save({"embeddings": rows, "labels": labels}, path)
    return path


def test_rows_and_labels_are_read_whatever_the_rank_and_dtype(tmp_path: Path) -> None:
    rows = torch.randn(5, 8)
    read = read_file(save(tmp_path, "d", 0, "train", rows.bfloat16(), torch.arange(5)))
    assert read.embeddings_NSH.shape == (5, 1, 8)
    np.testing.assert_allclose(read.embeddings_NSH[:, 0], rows.bfloat16().float())
    pairs = read_file(save(tmp_path, "d", 1, "train", torch.randn(5, 2, 8), torch.rand(5, 3)))
    assert pairs.embeddings_NSH.shape == (5, 2, 8)
    assert (read.labels.dtype, pairs.labels.dtype) == (np.int64, np.float64)


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (os.mkdir, (str(tmp_path / "ran"),))

    path = tmp_path / "d-0layer_train.pt"
    torch.save({"embeddings": Evil(), "labels": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="holds more than tensors, which is not read for safety"):
        read_file(path)
    assert not (tmp_path / "ran").exists()


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, "d", 0, "train", torch.randn(50, 8), torch.arange(50))
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ModelError, match=r"d-0layer_train\.pt: can't be read as a PyTorch file"):
        read_file(path)


@pytest.mark.parametrize(("content", "what"), [
    ({"embeddings": torch.randn(5, 8), "labels": torch.arange(4)}, "do not fit"),
    ({"embeddings": torch.randn(5), "labels": torch.arange(5)}, "do not fit"),
    ({"embeddings": torch.full((5, 8), torch.nan), "labels": torch.arange(5)}, "NaN or infinity"),
    ({"vectors": torch.randn(5, 8)}, "should hold"),
    (torch.randn(5, 8), "should hold"),
])  # fmt: skip
def test_other_contents_are_refused(tmp_path: Path, content: object, what: str) -> None:
    torch.save(content, tmp_path / "d-0layer_train.pt")
    with pytest.raises(ModelError, match=what):
        read_file(tmp_path / "d-0layer_train.pt")


@pytest.mark.parametrize("n_layers", [2, 3])
def test_layers_are_counted_with_or_without_layer_0(tmp_path: Path, n_layers: int) -> None:
    for layer in range(3):
        save(tmp_path, "d", layer, "train", torch.randn(5, 8), torch.arange(5))
    assert Precomputed(name="m", path=tmp_path, n_layers=n_layers).identity().n_layers == 3


def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    for layer in (0, 2):
        for split in ("test", "train"):
            save(tmp_path, "d", layer, split, torch.randn(5, 8), torch.arange(5))
    with pytest.raises(ModelNotFoundError, match=r"d-1layer_t\w+\.pt is missing .* has layers 0, 2"):
        Precomputed(name="m", path=tmp_path, n_layers=3).check("d", [0, 1])


LABELS = {
    "ints": ([0, 1, 2], np.int64),
    "floats": ([0.5, 1.0, 2.0], np.float64),
    "switches": ([True, False, True], np.int64),
    "lists": ([[0, 1], [1, 0], [1, 1]], np.int64),
    "tuples of floats": ([(0.5, 1.0), (1, 0), (1, 1)], np.float64),
    "tensors": ([torch.tensor(0), torch.tensor(1), torch.tensor(2)], np.int64),
    "tensors of several": ([torch.tensor([0.5, 1]), torch.ones(2), torch.zeros(2)], np.float64),
    "arrays": ([np.array([0, 1]), np.array([1, 1]), np.array([1, 0])], np.int64),
    "numbers of NumPy": ([np.int64(3), np.int32(1), np.uint8(2)], np.int64),
    "floats of NumPy": ([np.float32(0.5), np.float64(1), np.float16(2)], np.float64),
    "an array": (np.array([0, 1, 2]), np.int64),
    "an array of bytes": (np.array([0, 1, 2], dtype=np.uint8), np.int64),
    "an array, big-endian": (np.array([0.5, 1, 2], dtype=">f4"), np.float64),
    "an array, column by column": (np.asfortranarray([[0, 1], [1, 0], [0, 0]]), np.int64),
    "an array of switches": (np.array([True, False, True]), np.int64),
    "an array of objects": (np.array([0, 1, 2], dtype=object), np.int64),
    "an array of objects, column by column": (np.array([[0, 1, 1], [1, 0, 0]], dtype=object).T, np.int64),
}


@pytest.mark.parametrize("labels", LABELS)
def test_labels_may_be_a_list_or_an_array_of_any_kind(tmp_path: Path, labels: str) -> None:
    given, dtype = LABELS[labels]
    path = tmp_path / "d-0layer_train.pt"
    torch.save({"embeddings": torch.randn(3, 8), "labels": given}, path)
    read = read_file(path).labels
    assert read.dtype == dtype
    np.testing.assert_allclose(read, np.array([np.asarray(row) for row in given], dtype=np.float64))


@pytest.mark.parametrize("old", [True, False])
def test_arrays_are_read_by_the_names_that_numpy_1_and_numpy_2_give_their_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    """NumPy 1.26 pickles an array as `numpy.core.multiarray._reconstruct`, NumPy 2 as `numpy._core.…`."""
    path, rows = tmp_path / "d-0layer_train.pt", np.random.default_rng(0).random((3, 8), dtype=np.float32)
    torch.save(
        {"embeddings": rows, "labels": [np.int64(5), 6, 7]}, path, _use_new_zipfile_serialization=False
    )
    content = path.read_bytes()
    assert content.count(b"cnumpy._core.multiarray\n") == 2
    if old:
        path.write_bytes(content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    read = read_file(path)
    np.testing.assert_array_equal(read.embeddings_NSH[:, 0], rows)
    assert read.labels.tolist() == [5, 6, 7]


@pytest.mark.parametrize(("labels", "what"), [
    (["a", "b", "c"], "labels are no numbers of one shape: 'a' is a str"),
    ([0, None, 2], "None is a NoneType"),
    ([[0], [1, 2], [3]], r"its parts are of shapes \(1,\) and \(2,\)"),
    ([2**70, 1, 2], "does not fit in 64 bits"),
    (np.array(["a", "b", "c"]), "an array of NumPy's type 'U1'"),
    (np.array([1j, 2, 3]), "an array of NumPy's type 'c16'"),
    (np.array(["2020-01-01"] * 3, dtype="M8[D]"), "an array of NumPy's type"),
])  # fmt: skip
def test_labels_that_are_no_numbers_are_named_with_the_way_out(
    tmp_path: Path, labels: object, what: str
) -> None:
    path = tmp_path / "d-0layer_train.pt"
    torch.save({"embeddings": torch.randn(3, 8), "labels": labels}, path)
    with pytest.raises(ModelError, match=what) as caught:
        read_file(path)
    assert "(save them with torch.as_tensor(labels))" in str(caught.value)


def test_only_the_layers_that_are_asked_for_need_files(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for layer in (1, 2, 3):
            save(tmp_path, "d", layer, split, torch.randn(5, 8), torch.arange(5))
    model = Precomputed(name="m", path=tmp_path, n_layers=3)
    model.check("d", [2])
    assert (model.count, model.layers("d")) == (4, (1, 2, 3))


def test_a_split_that_must_be_there_is_named(tmp_path: Path) -> None:
    save(tmp_path, "d", 6, "train", torch.randn(5, 8), torch.arange(5))
    with pytest.raises(ModelNotFoundError, match=r"has no test files of 'd'"):
        Precomputed(name="m", path=tmp_path, n_layers=12).check("d", [6])
