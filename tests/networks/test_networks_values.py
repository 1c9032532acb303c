"""Networks compute what their formulas say, written out with torch 2.13's functions, and by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from seqbench.networks.attention_pooling import AttentionPooling
from seqbench.networks.convolution import ConvolutionTower
from seqbench.networks.light_attention import LightAttention
from seqbench.networks.masked_norm import MaskedBatchNorm
from seqbench.networks.perceptron import Perceptron
from seqbench.networks.set_transformer import SetTransformer
from seqbench.networks.shrinkage import ShrinkageBlock, ShrinkageNetwork, soft_threshold


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_a_perceptron_is_linear_norm_activation_linear() -> None:
    network = Perceptron(6, [5], 3, activation="gelu", norm="layer", dropout=0.5).eval()
    first, norm, last = network.layers[0], network.layers[1], network.layers[-1]
    x = torch.randn(2, 4, 6)
    hidden = functional.layer_norm(x @ first.weight.T + first.bias, (5,), norm.weight, norm.bias)
    torch.testing.assert_close(network(x), functional.gelu(hidden) @ last.weight.T + last.bias)


def test_attention_starts_as_the_mean_and_its_weights_are_scaled_dot_product_attention() -> None:
    network, x_BTH = AttentionPooling(4), torch.randn(2, 5, 4)
    torch.testing.assert_close(network(x_BTH), x_BTH.mean(1))
    network.query.data = torch.randn(4)
    query = network.query.expand(2, 1, 4)
    expected = functional.scaled_dot_product_attention(query, x_BTH, x_BTH)[:, 0]
    torch.testing.assert_close(network(x_BTH), expected)
    torch.testing.assert_close(torch.einsum("bt,bth->bh", network.weights(x_BTH), x_BTH), expected)


def test_attention_of_half_precision_is_computed_in_float32() -> None:
    network, x_BTH = AttentionPooling(4), torch.randn(2, 5000, 4).half()
    network.query.data = torch.randn(4)
    assert torch.equal(network(x_BTH), network(x_BTH.float()).half())


def test_light_attention_is_weighted_sum_and_maximum_as_in_the_paper() -> None:
    network, x_BTH = LightAttention(4, 3, kernel=5).eval(), torch.randn(2, 7, 4)
    x_BHT = x_BTH.transpose(1, 2)
    values = functional.conv1d(x_BHT, network.values.weight, network.values.bias, padding=2)
    scores = functional.conv1d(x_BHT, network.scores.weight, network.scores.bias, padding=2)
    expected = torch.cat([(values * scores.softmax(-1)).sum(-1), values.max(-1).values], 1)
    torch.testing.assert_close(network(x_BTH), expected)
    torch.testing.assert_close(network.weights(x_BTH), scores.softmax(-1).transpose(1, 2))


def test_a_convolution_sees_as_far_as_its_reach_and_no_further() -> None:
    network = ConvolutionTower(2, 4, kernel=3, depth=3, dilation=2, activation="gelu").eval()
    assert network.reach == 1 + 2 + 4
    x_BTH = torch.randn(1, 31, 2, requires_grad=True)
    network(x_BTH)[0, 15].sum().backward()
    seen = x_BTH.grad[0].abs().sum(1).nonzero()[:, 0]
    assert (seen.min(), seen.max()) == (8, 22)


def test_a_convolution_layer_is_torchs_and_the_second_adds_to_the_first() -> None:
    network, x_BTH = ConvolutionTower(2, 4, kernel=3, depth=2).eval(), torch.randn(1, 6, 2)
    one, two = network.convolutions
    first = functional.relu(functional.conv1d(x_BTH.mT, one.weight, one.bias, padding=1))
    second = first + functional.relu(functional.conv1d(first, two.weight, two.bias, padding=1))
    torch.testing.assert_close(network(x_BTH), second.mT)


@pytest.mark.parametrize("kernel", [0, 4])
def test_a_kernel_without_a_middle_is_refused(kernel: int) -> None:
    with pytest.raises(ValueError, match="odd number"):
        ConvolutionTower(2, 4, kernel=kernel)


def test_batch_normalisation_is_torchs_on_the_real_tokens() -> None:
    ours, theirs = MaskedBatchNorm(3), nn.BatchNorm1d(3)
    x_BCT, mask_BT = 3 * torch.randn(4, 3, 5) + 1, torch.arange(5) < torch.tensor([[5], [2], [3], [1]])
    for _ in range(2):
        expected = theirs(x_BCT.mT[mask_BT])
        torch.testing.assert_close(ours(x_BCT, mask_BT).mT[mask_BT], expected)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(x_BCT), theirs.eval()(x_BCT))


def test_batch_normalisation_of_one_value_keeps_the_running_statistics() -> None:
    norm, x = MaskedBatchNorm(3), torch.tensor([[1.0, -2.0, 5.0]])
    torch.testing.assert_close(norm(x), x, rtol=1e-4, atol=1e-4)
    assert torch.equal(norm.running_var, torch.ones(3))


def test_soft_thresholds_by_hand() -> None:
    x = torch.tensor([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    shrunk = soft_threshold(x, torch.tensor(1.0))
    assert shrunk.tolist() == [-2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]


def test_thresholds_are_a_share_of_the_mean_absolute_value_of_each_channel() -> None:
    block = ShrinkageBlock(2, 2, kernel=3, stride=1, dimensions=1).eval()
    nn.init.zeros_(block.expand.weight)
    block.expand.bias.data = torch.tensor([0.0, torch.log(torch.tensor(3.0))])  # sigmoid: 1/2 and 3/4
    residual = torch.tensor([[[1.0, -3.0, 100.0], [4.0, 0.0, 100.0]]])
    mask = torch.tensor([[True, True, False]])
    torch.testing.assert_close(block.thresholds(residual, mask), torch.tensor([[1.0, 1.5]]))


def test_a_shrinkage_block_is_its_formula() -> None:
    block, x = ShrinkageBlock(2, 3, kernel=5, stride=2, dimensions=1).eval(), torch.randn(2, 2, 7)
    one, two = block.convolutions
    normal = 1 / (1 + 1e-5) ** 0.5  # running mean 0 and variance 1
    hidden = functional.conv1d((x * normal).relu(), one.weight, stride=2, padding=2)
    residual = functional.conv1d((hidden * normal).relu(), two.weight, two.bias, padding=2)
    average = residual.abs().mean(-1)
    share = torch.sigmoid(block.expand((block.squeeze(average) * normal).relu()))
    shrunk = functional.softshrink(residual / (average * share)[..., None], 1.0)
    expected = shrunk * (average * share)[..., None]
    expected[:, :2] += x[..., ::2]
    torch.testing.assert_close(block(x)[0], expected)


@pytest.mark.parametrize(("grows", "channels"), [(True, [8, 8, 16, 16, 32]), (False, [8] * 5)])
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_channels_grow_by_stage_or_stay_and_strides_shorten(
    grows: bool, channels: list[int], kernel: int
) -> None:
    network = ShrinkageNetwork(
        6, blocks=5, base_channels=8, grows=grows, kernel=kernel, stride=2, dimensions=2
    )
    assert [block.expand.out_features for block in network.blocks] == channels
    found, mask = network(torch.randn(2, 9, 20, 6))
    assert found.shape == (2, 2, 3, network.n_outputs)
    assert mask is None


def test_permuting_the_members_of_a_set_permutes_the_output() -> None:
    network = SetTransformer(8, blocks=2, heads=2).eval()
    x_SNH, order = torch.randn(3, 6, 8), torch.randperm(6)
    torch.testing.assert_close(network(x_SNH[:, order]), network(x_SNH)[:, order], rtol=0, atol=1e-6)


def test_a_set_transformer_has_torchs_weights_and_values_and_blocks_of_their_own() -> None:
    block = nn.TransformerEncoderLayer(8, 2, 32, 0.0, activation="gelu", batch_first=True, norm_first=True)
    torchs = nn.TransformerEncoder(block, 3, norm=nn.LayerNorm(8), enable_nested_tensor=False)
    network, x_SNH = SetTransformer(8, blocks=3, heads=2), torch.randn(2, 5, 8)
    assert not torch.equal(network.layers[0].linear1.weight, network.layers[1].linear1.weight)
    network.load_state_dict(torchs.state_dict())
    torch.testing.assert_close(network(x_SNH), torchs(x_SNH))
