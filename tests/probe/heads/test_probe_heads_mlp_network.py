"""The parts of a step: forward, backward, clipping, rates."""

from itertools import product

import pytest
import torch
from torch import nn

from seqbench.probe.heads.mlp.network import Dropout, backward, forward, logits
from seqbench.probe.heads.mlp.optimizer import stack_optimizer
from seqbench.probe.heads.mlp.stack import Architecture, MlpStack
from seqbench.training.optimizer import Rate
from tests.probe.heads.plain_mlp import ACTIVATIONS, SharedDropout, network_of

WIDTHS = (6, 10, 7, 3)
KINDS = list(product(ACTIVATIONS, ("none", "layer")))
every_kind = pytest.mark.parametrize(("activation", "norm"), KINDS)


def stack_of(activation="relu", norm="none", n_networks=4):
    architecture = Architecture(widths=WIDTHS, activation=activation, norm=norm)
    stack = MlpStack(n_networks, architecture, torch.device("cpu"))
    stack.values.copy_(0.5 * torch.randn(len(stack.values), generator=torch.Generator().manual_seed(1)))
    return stack


def plain_of(stack, place) -> tuple[nn.Sequential, list[SharedDropout]]:
    """One of the stack's networks in torch's own modules."""
    settings = {"norm": stack.architecture.norm, "activation": stack.architecture.activation}
    network, drops = network_of(list(WIDTHS), settings)
    values = stack.parameters
    maps = [module for module in network if isinstance(module, nn.Linear)]
    norms = [module for module in network if isinstance(module, nn.LayerNorm)]
    with torch.no_grad():
        for depth, module in enumerate(maps):
            module.weight.copy_(values.weights_GIO[depth][place].T)
            module.bias.copy_(values.biases_G1O[depth][place, 0])
        for depth, module in enumerate(norms):
            module.weight.copy_(values.scales_G1O[depth][place, 0])
            module.bias.copy_(values.shifts_G1O[depth][place, 0])
    return network, drops


def gradients_of(stack, place):
    return [gradient[place] for gradient in stack.gradients.all]


def autograd_of(network):
    maps = [module for module in network if isinstance(module, nn.Linear)]
    norms = [module for module in network if isinstance(module, nn.LayerNorm)]
    found = [module.weight.grad.T for module in maps] + [module.bias.grad[None] for module in maps]
    return found + [m.weight.grad[None] for m in norms] + [m.bias.grad[None] for m in norms]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def masks(n_streams, seed=5):
    return [(random(n_streams, 12, width, seed=seed) > -0.5) / 0.7 for width in WIDTHS[1:-1]]


@every_kind
@pytest.mark.parametrize("n_streams", [0, 1, 2])
def test_the_gradients_are_those_of_autograd(activation, norm, n_streams):
    stack = stack_of(activation, norm)
    x_GBI, slopes_GBK = random(4, 12, 6), random(4, 12, 3, seed=1)
    drawn = masks(n_streams) if n_streams else []
    dropout = Dropout(masks_SBO=drawn, networks_in_a_row=2) if n_streams else None
    trace = forward(stack, x_GBI, dropout, mixed=False)
    backward(stack, trace, dropout, slopes_GBK, mixed=False, add=False)
    for place in range(4):
        network, drops = plain_of(stack, place)
        for depth, drop in enumerate(drops if n_streams else []):
            drop.mask = drawn[depth][place // 2 % n_streams]
        expected = network(x_GBI[place])
        torch.testing.assert_close(trace.logits_GBK[place], expected.detach(), atol=1e-5, rtol=1e-4)
        expected.backward(slopes_GBK[place])
        for found, wanted in zip(gradients_of(stack, place), autograd_of(network), strict=True):
            torch.testing.assert_close(found, wanted, atol=2e-5, rtol=1e-4)


@every_kind
def test_gradients_of_several_batches_add_up(activation, norm):
    stack = stack_of(activation, norm)
    parts = []
    for seed in (0, 1):
        trace = forward(stack, random(4, 12, 6, seed=seed), None, mixed=False)
        backward(stack, trace, None, random(4, 12, 3, seed=9), mixed=False, add=False)
        parts.append(stack.gradient_values.clone())
    for seed in (0, 1):
        trace = forward(stack, random(4, 12, 6, seed=seed), None, mixed=False)
        backward(stack, trace, None, random(4, 12, 3, seed=9), mixed=False, add=seed > 0)
    torch.testing.assert_close(stack.gradient_values, parts[0] + parts[1], atol=1e-5, rtol=1e-4)


@every_kind
@pytest.mark.parametrize("add", [False, True])
def test_mixed_precision_is_close_to_float32_and_leaves_float32(activation, norm, add):
    stack, x_GBI, slopes_GBK = stack_of(activation, norm), random(4, 12, 6), random(4, 12, 3, seed=1)
    found = []
    for mixed in (False, True):
        stack.gradient_values.fill_(1.0)
        trace = forward(stack, x_GBI.bfloat16() if mixed else x_GBI, None, mixed=mixed)
        backward(stack, trace, None, slopes_GBK, mixed=mixed, add=add)
        assert trace.logits_GBK.dtype == stack.gradient_values.dtype == torch.float32
        found.append((trace.logits_GBK, stack.gradient_values.clone()))
    for exact, rounded in zip(*found, strict=True):
        assert float((exact - rounded).norm() / exact.norm()) < 0.03


@every_kind
def test_predicting_keeps_its_input_and_equals_the_forward_pass_without_dropout(activation, norm):
    stack, x_GBI = stack_of(activation, norm), random(4, 12, 6)
    before = x_GBI.clone()
    found = logits(stack.parameters, stack.architecture, x_GBI)
    torch.testing.assert_close(found, forward(stack, x_GBI, None, mixed=False).logits_GBK)
    torch.testing.assert_close(x_GBI, before, atol=0, rtol=0)


def test_a_gradient_is_clipped_to_the_norm_of_its_own_network():
    stack = stack_of("gelu", "layer")
    stack.gradient_values.copy_(random(len(stack.values), seed=3))
    for place, factor in enumerate((1e-4, 1.0, 5.0, 1e4)):
        for gradient in gradients_of(stack, place):
            gradient.mul_(factor)
    wanted = []
    for place in range(4):
        copies = [nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients_of(stack, place)]
        for copy, gradient in zip(copies, gradients_of(stack, place), strict=True):
            copy.grad = gradient.clone()
        nn.utils.clip_grad_norm_(copies, 0.7)
        wanted.append([copy.grad for copy in copies])
    stack.clip_gradients(0.7)
    for place in range(4):
        for found, expected in zip(gradients_of(stack, place), wanted[place], strict=True):
            torch.testing.assert_close(found, expected)


def test_each_rate_moves_its_own_networks_as_adamw_would():
    rates = [Rate(lr=0.01, weight_decay=0.5), Rate(lr=0.2, weight_decay=0.0)]
    stack = stack_of("relu", "layer")
    plain = [[nn.Parameter(value[place].clone()) for value in stack.parameters.all] for place in range(4)]
    optimizer = stack_optimizer(stack, rates)
    others = []
    for place in range(4):
        rate, n_weights = rates[place // 2], len(stack.parameters.weights_GIO)
        groups = [
            {"params": plain[place][:n_weights], "weight_decay": rate.weight_decay},
            {"params": plain[place][n_weights:], "weight_decay": 0.0},
        ]
        others.append(torch.optim.AdamW(groups, lr=rate.lr, fused=False, foreach=False))
    for step in range(5):
        stack.gradient_values.copy_(random(len(stack.values), seed=step))
        optimizer.step(1.0 if step else 0.5)
        for place in range(4):
            for group in others[place].param_groups:
                group["lr"] = rates[place // 2].lr * (1.0 if step else 0.5)
            for value, gradient in zip(plain[place], gradients_of(stack, place), strict=True):
                value.grad = gradient.clone()
            others[place].step()
    for place in range(4):
        for found, expected in zip(stack.parameters.all, plain[place], strict=True):
            torch.testing.assert_close(found[place], expected.detach(), atol=1e-6, rtol=1e-5)
