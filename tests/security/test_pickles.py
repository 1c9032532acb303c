"""A pickle runs whatever it wants when it is read; so none is read, wherever one may lie.

Each attack is first shown to work on whoever reads it without care, then tried on the product, and last tried
on the product with its defence taken away, where it must work again: a test that can't fail proves nothing.
"""

import pickle
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqbench.errors import SeqbenchError
from seqbench.models.base import EmbedOptions
from seqbench.models.huggingface import HuggingFace
from seqbench.models.precomputed import read_file
from seqbench.predict.arrays import open_file
from seqbench.store.exchange import npy
from tests.security.attacks import Payload

TinyModel = Callable[[str], Path]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What the payload makes."""
    return tmp_path / "it-ran"


def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the defence away: torch unpickles anything, and NumPy objects too."""
    load, np_load = torch.load, np.load
    monkeypatch.setattr(torch, "load", lambda *args, **kw: load(*args, **{**kw, "weights_only": False}))
    monkeypatch.setattr(
        np, "load", lambda *args, **kw: np_load(*args, **{**kw, "allow_pickle": True, "mmap_mode": None})
    )


def spoil_pt(path: Path, trace: Path) -> Path:
    torch.save({"embeddings": torch.zeros(2, 3), "labels": torch.zeros(2), "more": Payload(trace)}, path)
    return path


def spoil_npy(path: Path, trace: Path) -> Path:
    np.save(path, np.array([Payload(trace)], dtype=object), allow_pickle=True)
    return path


READERS: dict[str, tuple[Callable[[Path, Path], Path], str, Callable[[Path], Any]]] = {
    "precomputed": (spoil_pt, "d-0layer_train.pt", read_file),
    "predict from .pt": (spoil_pt, "x.pt", open_file),
    "predict from .npy": (spoil_npy, "x.npy", open_file),
    "store import": (spoil_npy, "d-0layer_train.npy", npy.load_npy),
}


@pytest.mark.parametrize("where", READERS)
def test_a_pickle_in_a_file_of_embeddings_never_runs(
    tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    spoil, name, read = READERS[where]
    path = spoil(tmp_path / name, trace)
    with pytest.raises(SeqbenchError) as caught:
        read(path)
    assert (str(path) in str(caught.value), "\n" in str(caught.value)) == (True, False)
    assert not trace.exists()
    careless(monkeypatch)
    with suppress(SeqbenchError):  # of some files the rest is sound
        read(path)
    assert trace.exists()


def model_with(folder: Path, source: Path, *, only_bin: bool) -> HuggingFace:
    shutil.copytree(source, folder)
    if only_bin:
        (folder / "model.safetensors").unlink()
    return HuggingFace(name="m", path=str(folder), dtype="float32", options=EmbedOptions())


def test_weights_that_are_a_pickle_never_run(
    tiny_model: TinyModel, tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_with(tmp_path / "m", tiny_model("bert"), only_bin=True)
    torch.save({"embeddings.weight": Payload(trace)}, tmp_path / "m" / "pytorch_model.bin")
    with pytest.raises(SeqbenchError, match="can't be loaded"):
        model.load()
    assert not trace.exists()
    careless(monkeypatch)
    with pytest.raises(SeqbenchError):
        model.load()
    assert trace.exists()


OTHERS = (
    "vocab.pkl",
    "training_args.bin",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "pytorch_model.bin",
)


def test_pickles_that_lie_beside_a_model_are_not_read(
    tiny_model: TinyModel, tmp_path: Path, trace: Path
) -> None:
    """There is no defence to take away: nothing opens them. So the payloads are shown to be live instead."""
    model = model_with(tmp_path / "m", tiny_model("bert"), only_bin=False)
    for name in OTHERS:
        torch.save(Payload(trace), tmp_path / "m" / name)
    (tmp_path / "m" / "tokenizer.pkl").write_bytes(pickle.dumps(Payload(trace)))
    model.load()
    assert not trace.exists()
    torch.load(tmp_path / "m" / OTHERS[1], weights_only=False)
    assert trace.exists()


def test_a_tokenizer_that_is_a_pickle_is_one_line(tiny_model: TinyModel, tmp_path: Path, trace: Path) -> None:
    """As above: no reader of pickles is called for a tokenizer."""
    model = model_with(tmp_path / "m", tiny_model("bert"), only_bin=False)
    hostile = pickle.dumps(Payload(trace))
    (tmp_path / "m" / "tokenizer.json").write_bytes(hostile)
    with pytest.raises(SeqbenchError, match="can't be loaded") as caught:
        model.load()
    assert ("\n" in str(caught.value), trace.exists()) == (False, False)
    pickle.loads(hostile)
    assert trace.exists()
