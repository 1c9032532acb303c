"""What stands in padding, and how much of it there is, changes no network's output."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqbench.networks.attention_pooling import AttentionPooling
from seqbench.networks.convolution import ConvolutionTower
from seqbench.networks.light_attention import LightAttention
from seqbench.networks.masks import masked_max, masked_mean, masked_softmax
from seqbench.networks.set_transformer import SetTransformer
from seqbench.networks.shrinkage import ShrinkageNetwork

LENGTHS = [9, 4, 1]
MAKERS: dict[str, Callable[[], nn.Module]] = {
    "attention": lambda: AttentionPooling(6),
    "light attention": lambda: LightAttention(6, 5, kernel=3),
    "convolution": lambda: ConvolutionTower(6, 8, kernel=3, depth=3, dilation=2),
    "shrinkage": lambda: ShrinkageNetwork(6, blocks=3, base_channels=8),
    "shrinkage with stride": lambda: ShrinkageNetwork(6, blocks=3, base_channels=8, stride=2),
    "set transformer": lambda: SetTransformer(6, blocks=2, heads=2),
}


def made(name: str) -> nn.Module:
    """A network in evaluation mode, no weight of which is at its start."""
    torch.manual_seed(0)
    network = MAKERS[name]().eval()
    for value in (*network.parameters(), *network.buffers()):
        value.data += 0.1 * torch.rand_like(value)
    return network


def padded(lengths: list[int], n_tokens: int, filling: float) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    x_BTH = torch.full((len(lengths), n_tokens, 6), filling)
    for row, length in enumerate(lengths):
        x_BTH[row, :length] = torch.randn(length, 6)
    return x_BTH, torch.arange(n_tokens) < torch.tensor(lengths)[:, None]


def output(network: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    found: Any = network(x, mask)
    return found[0] if isinstance(found, tuple) else found


@torch.inference_mode()  # where torch takes a faster way through a transformer
@pytest.mark.parametrize("name", MAKERS)
def test_a_sequence_alone_equals_itself_in_a_padded_batch(name: str) -> None:
    network, (x_BTH, mask_BT) = made(name), padded(LENGTHS, 14, float("nan"))
    together = output(network, x_BTH, mask_BT)
    for row, length in enumerate(LENGTHS):
        alone = output(network, x_BTH[row : row + 1, :length], None)[0]
        if together.dim() == 2:
            torch.testing.assert_close(together[row], alone, rtol=1e-5, atol=1e-6)
        else:
            torch.testing.assert_close(together[row, : len(alone)], alone, rtol=1e-5, atol=1e-6)
            assert not together[row, len(alone) :].any()


@pytest.mark.parametrize("name", MAKERS)
def test_gradients_in_training_do_not_depend_on_padding(name: str) -> None:
    found = []
    for n_tokens, filling in ((9, 0.0), (15, float("nan"))):
        network = made(name).train()
        for module in network.modules():
            if isinstance(module, nn.Dropout):  # its draws hang on the shape
                module.p = 0.0
        x_BTH, mask_BT = padded(LENGTHS, n_tokens, filling)
        output(network, x_BTH, mask_BT).square().sum().backward()
        found.append([weight.grad for weight in network.parameters()])
    for short, long in zip(*found, strict=True):
        torch.testing.assert_close(short, long, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_a_sequence_without_tokens_gives_zeros_and_no_nan_to_others(name: str) -> None:
    network, (x_BTH, mask_BT) = made(name), padded([3, 0], 5, float("nan"))
    found = output(network, x_BTH, mask_BT)
    found.sum().backward()
    assert not found[1].any()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in network.parameters())


def test_masked_mean_maximum_and_softmax_are_those_of_the_cut_sequence() -> None:
    x_BTH, mask_BT = padded(LENGTHS, 12, 99.0)
    for row, length in enumerate(LENGTHS):
        cut = x_BTH[row, :length]
        torch.testing.assert_close(masked_mean(x_BTH, mask_BT)[row], cut.mean(0))
        assert torch.equal(masked_max(x_BTH, mask_BT)[row], cut.max(0).values)
        torch.testing.assert_close(masked_softmax(x_BTH, mask_BT)[row, :length], torch.softmax(cut, 0))


def test_padding_of_maps_changes_no_two_dimensional_shrinkage_network() -> None:
    torch.manual_seed(0)
    network = ShrinkageNetwork(2, blocks=3, base_channels=4, kernel=5, stride=2, dimensions=2).eval()
    x_BYXH = torch.randn(2, 9, 11, 2)
    mask_BYX = torch.zeros(2, 9, 11, dtype=torch.bool)
    mask_BYX[0, :6, :7] = mask_BYX[1] = True
    found, found_mask = network(x_BYXH, mask_BYX)
    alone, _ = network(x_BYXH[:1, :6, :7])
    torch.testing.assert_close(found[:1, : alone.shape[1], : alone.shape[2]], alone, rtol=1e-5, atol=1e-6)
    assert found_mask[0].sum() == alone.shape[1] * alone.shape[2]
