"""Energy distance of large sets, with its gradient: time and memory against three calls of `torch.cdist`.

Shape letters: S sets, N cells, G genes.
"""

import time
from collections.abc import Callable

import torch
from common.results import Figure
from common.turns import in_turns, paired
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from perturbing.setting import Setting
from seqbench.perturb.set_losses import energy_loss

CELLS, GENES = 512, 2000
REPEATS = 20
"""In a round: one takes some tens of milliseconds."""
Loss = Callable[[Tensor, Tensor], Tensor]


def energy(setting: Setting) -> list[Figure]:
    """Forward and backward of one set against another."""
    n_cells, n_genes = setting.scaled(CELLS), setting.scaled(GENES)
    torch.manual_seed(0)
    base_G = torch.rand(n_genes) * 2
    predicted = (base_G + torch.randn(1, n_cells, n_genes) / 2).requires_grad_()
    real = base_G + 0.1 + torch.randn(1, n_cells, n_genes) / 2
    losses: dict[str, Loss] = {"seqbench": energy_loss, "three cdist": _three_cdist}
    contenders = {name: _timed(loss, predicted, real) for name, loss in losses.items()}
    seconds = in_turns(contenders, setting.rounds, setting.console, "energy distance, s")
    peaks = {name: _peak(loss, predicted, real) for name, loss in losses.items()}
    what = f"sets of {n_cells} × {n_genes:,}"
    return [
        Figure(benchmark="energy", what=f"{what}: faster than three cdist",
               values=paired(seconds["three cdist"], seconds["seqbench"]), unit="×", target=1.5),
        Figure(benchmark="energy", what=f"{what}: memory against three cdist",
               values=(peaks["seqbench"] / peaks["three cdist"],), unit="×", target=0.5, better="less",
               note="memory: most that torch had allocated between forward and backward, inputs left out"),
        Figure(benchmark="energy", what=f"{what}: largest error of the gradient",
               values=(_error(predicted, real),), unit="", target=1e-5, better="less",
               note="error: against cdist in float64, over the largest gradient"),
    ]  # fmt: skip


def _three_cdist(predicted_SNG: Tensor, real_SNG: Tensor) -> Tensor:
    between = torch.cdist(predicted_SNG, real_SNG).mean()
    within = torch.cdist(predicted_SNG, predicted_SNG).mean()
    return 2 * between - within - torch.cdist(real_SNG, real_SNG).mean()


def _timed(loss: Loss, predicted: Tensor, real: Tensor) -> Callable[[], float]:
    def run() -> float:
        began = time.perf_counter()
        for _ in range(REPEATS):
            predicted.grad = None
            loss(predicted, real).backward()
        return (time.perf_counter() - began) / REPEATS

    return run


def _peak(loss: Loss, predicted: Tensor, real: Tensor) -> int:
    predicted.grad = None
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        loss(predicted, real).backward()
    events = sorted(seen.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    held = peak = 0
    for event in events:
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def _error(predicted: Tensor, real: Tensor) -> float:
    exact = predicted.detach().double().requires_grad_()
    _three_cdist(exact, real.double()).backward()
    predicted.grad = None
    energy_loss(predicted, real).backward()
    assert predicted.grad is not None
    assert exact.grad is not None
    return float((predicted.grad.double() - exact.grad).abs().max() / exact.grad.abs().max())
