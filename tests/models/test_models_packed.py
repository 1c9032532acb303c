"""Packed linear layers: the same hidden states, and back to the originals where they are not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModel
from transformers.activations import ACT2FN

from seqbench.models.forward import Forward
from seqbench.models.packed import Packed, PackedLinear, Sibling, can_pack, fused_activation

TinyModel = Callable[[str], Path]

pytestmark = pytest.mark.skipif(
    not can_pack(nn.Linear(2, 2)), reason="this PyTorch or machine has no oneDNN operators"
)


class Half(nn.Module):
    """A projection with its activation, as many models have it."""

    def __init__(self, activation: Callable[[torch.Tensor], torch.Tensor], factor: float = 1.0) -> None:
        super().__init__()
        self.dense = nn.Linear(8, 16)
        self._activation, self._factor = activation, factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._factor * self._activation(self.dense(x))


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        (ACT2FN["gelu"], "gelu"),
        (ACT2FN["gelu_python"], "gelu"),
        (ACT2FN["gelu_new"], "gelu_tanh"),
        (ACT2FN["relu"], "relu"),
        (ACT2FN["silu"], "silu"),
        (torch.tanh, None),
    ],
)
def test_an_activation_is_known_by_what_it_does(spelling: Callable, name: str | None) -> None:
    assert fused_activation(Half(spelling)) == name


def test_a_module_that_does_more_is_left_alone() -> None:
    assert fused_activation(Half(ACT2FN["gelu"], factor=1.01)) is None
    assert fused_activation(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("family", ["bert", "esm", "llama", "gpt2", "t5", "modernbert"])
def test_packing_keeps_hidden_states(tiny_model: TinyModel, family: str, dtype: torch.dtype) -> None:
    model = AutoModel.from_pretrained(tiny_model(family), dtype=dtype).eval()
    model = model.get_encoder() if model.config.is_encoder_decoder else model
    if not can_pack(model):
        pytest.skip("bfloat16 is not fast on this machine")
    ids = torch.arange(4, 20).reshape(2, 8)
    with torch.inference_mode():
        before = model(input_ids=ids, output_hidden_states=True).hidden_states
        assert len(Packed(model)) >= 6
        assert any(isinstance(module, PackedLinear | Sibling) for module in model.modules())
        after = model(input_ids=ids, output_hidden_states=True).hidden_states
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one.float(), other.float(), rtol=tolerance, atol=5 * tolerance)


def test_packing_can_be_undone(tiny_model: TinyModel) -> None:
    model = AutoModel.from_pretrained(tiny_model("bert")).eval()
    ids = torch.arange(4, 12).reshape(1, 8)
    with torch.no_grad():
        before = model(input_ids=ids)[0]
        Packed(model).undo()
        assert not any(isinstance(module, PackedLinear | Sibling) for module in model.modules())
        assert torch.equal(before, model(input_ids=ids)[0])


def test_a_model_that_reaches_into_its_linear_layers_stays_as_it_is(tiny_model: TinyModel) -> None:
    model = AutoModel.from_pretrained(tiny_model("bert")).eval()
    output = model.encoder.layer[0].output

    def reaching(hidden: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return output.LayerNorm(hidden @ output.dense.weight.T.contiguous() + residual)

    output.forward = reaching
    import numpy as np

    windows = [np.arange(4, 10, dtype=np.int32), np.arange(4, 18, dtype=np.int32)]
    forward = Forward(model, name="m", n_layers=4, windows=windows, pad_id=0)
    assert "packed linear layers" not in forward.sped_up
    assert not any(isinstance(module, PackedLinear | Sibling) for module in model.modules())
