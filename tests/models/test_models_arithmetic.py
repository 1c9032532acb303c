"""Half-precision models on a CPU without instructions for it: same weights, float32 arithmetic."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModel

from seqbench.models import arithmetic
from seqbench.models.arithmetic import is_emulated, use_float32
from seqbench.models.likeness import TOLERANCE

TinyModel = Callable[[str], Path]


def unsupported(monkeypatch: pytest.MonkeyPatch, *, yes: bool) -> None:
    """Let oneDNN say that it has no, or all, half-precision arithmetic."""
    operators = {name: lambda: not yes for name in arithmetic.SUPPORTED.values()}
    stand_in = SimpleNamespace(ops=SimpleNamespace(mkldnn=SimpleNamespace(**operators)), dtype=torch.dtype)
    monkeypatch.setattr(arithmetic, "torch", stand_in)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_keep_their_values_and_come_back_bit_for_bit(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    unsupported(monkeypatch, yes=True)
    model = AutoModel.from_pretrained(tiny_model("esm"), dtype=dtype).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    exact = AutoModel.from_pretrained(tiny_model("esm"), dtype=dtype).float().eval()
    ids = torch.arange(5, 25)[None] % 10
    with torch.inference_mode():
        own = model(ids).last_hidden_state.float()
    undo = use_float32(model)
    assert undo is not None
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    with torch.inference_mode():
        found, wanted = model(ids).last_hidden_state, exact(ids).last_hidden_state
    assert torch.equal(found, wanted)
    assert (found - own).norm() / found.norm() < TOLERANCE[dtype]
    undo()
    assert all(
        tensor.dtype == before[name].dtype and torch.equal(tensor, before[name])
        for name, tensor in model.state_dict().items()
    )


def test_nothing_changes_where_the_cpu_can_or_memory_is_short(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = AutoModel.from_pretrained(tiny_model("esm"), dtype=torch.bfloat16)
    unsupported(monkeypatch, yes=False)
    assert use_float32(model) is None
    unsupported(monkeypatch, yes=True)
    monkeypatch.setattr(arithmetic, "free_memory", lambda: 1000)
    assert use_float32(model) is None
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_what_is_not_known_counts_as_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "torch", SimpleNamespace(ops=SimpleNamespace(mkldnn=SimpleNamespace())))
    assert not any(is_emulated(dtype) for dtype in (torch.bfloat16, torch.float16, torch.float32))
