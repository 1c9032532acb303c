"""The MLP of all layers in one pass against the reference's training of one after the other."""

import time
from itertools import pairwise

import numpy as np
import torch
from common.results import Figure
from common.turns import in_turns, paired
from sklearn.metrics import roc_auc_score

from probing.peers import BATCH, DROPOUT, LEARNING_RATE, reference_training
from probing.setting import Setting, real_fit, widened
from seqbench.config import ProbeConfig
from seqbench.core.types import Task
from seqbench.probe.heads import create
from seqbench.probe.heads.base import Fit, Problem, Resources
from seqbench.probe.heads.mlp.head import reference_widths

EPOCHS = 10
PROBLEM = Problem(task=Task.CLASSIFICATION, n_outputs=2)


def small(setting: Setting) -> list[Figure]:
    """7 layers x 256 wide, 10,000 items."""
    return _compare(setting, "mlp", "7 layers × 256, 10,000 items", real_fit(setting, 10_000), 3.0)


def wide(setting: Setting) -> list[Figure]:
    """13 layers x 768 wide, with how near the matrix product's rate it comes."""
    fit = widened(real_fit(setting, 10_000), 13, 768)
    figures = _compare(setting, "wide", "13 layers × 768, 10,000 items", fit, 1.5)
    seconds = next(figure for figure in figures if figure.what.endswith("seqbench")).value
    widths = [768, *reference_widths(768), 2]
    weights = sum(one * other for one, other in pairwise(widths))
    # A product forward and two backward for train, one forward for eval, two operations a weight and item.
    flop = 13 * EPOCHS * weights * (6 * fit.train.n_items + 2 * fit.evaluation.n_items)
    rate, small_rate = flop / seconds / 1e9, _product_rate()
    figures.append(
        Figure(
            benchmark="wide",
            what="share of the rate of its own products alone, batches of 64",
            values=(100 * rate / small_rate,),
            unit="%",
            note=f"{rate:,.0f} GFLOP/s in training against {small_rate:,.0f} in a loop of nothing but the "
            "first layer's baddbmm",
        )
    )
    return figures


def _compare(setting: Setting, name: str, what: str, fit: Fit, target: float) -> list[Figure]:
    scores: dict[str, list[float]] = {}

    def ours() -> float:
        began = time.perf_counter()
        (layers,) = _head().fit(PROBLEM, [fit], advance=lambda amount: None)
        seconds = time.perf_counter() - began
        scores["seqbench"] = [_score(fit, layer.predictions["test"][:, 1]) for layer in layers]
        return seconds

    def theirs() -> float:
        seconds, found = reference_training(fit, EPOCHS)
        scores["reference"] = [_score(fit, values) for values in found]
        return seconds

    ours()  # untimed: imports, kernels
    values = in_turns({"seqbench": ours, "reference": theirs}, setting.rounds, setting.console, name)
    apart = np.abs(np.subtract(scores["seqbench"], scores["reference"])).max()
    return [
        Figure(
            benchmark=name,
            what=f"{what}: speed over the reference's training",
            values=paired(values["reference"], values["seqbench"]),
            unit="×",
            target=target,
            note=f"{EPOCHS} epochs, last epoch kept, batches of {BATCH}, {torch.get_num_threads()} threads, "
            "the reference in this process (it starts one a layer); largest difference of a layer's "
            f"test AUROC {apart:.3f}",
        ),
        *(
            Figure(benchmark=name, what=f"{what}: {contender}", values=tuple(found.tolist()), unit="s")
            for contender, found in values.items()
        ),
    ]


def _head():
    settings = ProbeConfig().mlp.model_dump() | {
        "dropout": DROPOUT,
        "lr": LEARNING_RATE,
        "batch_size": BATCH,
        "epochs": EPOCHS,
    }
    return create("mlp", {**settings, "class_weights": "none", "choose_epoch": "last"}, Resources())


def _score(fit: Fit, values_N: np.ndarray) -> float:
    return float(roc_auc_score(fit.test.targets, values_N))


def _product_rate() -> float:
    """GFLOP/s of the batched product that most of the work is, on its own."""
    x_LBI, weight_LIO = torch.randn(13, BATCH, 768), torch.randn(13, 768, 384)
    bias_L1O, repeats, rates = torch.randn(13, 1, 384), 50, []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(repeats):
            torch.baddbmm(bias_L1O, x_LBI, weight_LIO)
        rates.append(repeats * 2 * 13 * BATCH * 768 * 384 / (time.perf_counter() - began) / 1e9)
    return float(np.median(rates))
