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
    save(tmp_path, "d", 0, "train", torch.randn(5, 8), torch.arange(5))
    save(tmp_path, "d", 2, "train", torch.randn(5, 8), torch.arange(5))
    with pytest.raises(ModelNotFoundError, match=r"d-1layer_train\.pt is missing \(n_layers is 3\)"):
        Precomputed(name="m", path=tmp_path, n_layers=3).check("d")
