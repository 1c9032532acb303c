"""The linear head of all layers against scikit-learn's LogisticRegression, a layer after the other."""

import time
import warnings

import numpy as np
from common.results import Figure
from common.turns import in_turns, paired
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler

from probing.setting import Setting, real_fit
from seqbench.core.types import Task
from seqbench.probe.heads import create
from seqbench.probe.heads.base import Fit, Problem, Resources

STRENGTHS = tuple(10.0**exponent for exponent in range(-4, 3))
PROBLEM = Problem(task=Task.CLASSIFICATION, n_outputs=2)


def linear(setting: Setting) -> list[Figure]:
    """7 layers x 256 wide, 10,000 items, 7 strengths, the best on eval kept."""
    fit = real_fit(setting, 10_000)
    scores: dict[str, list[float]] = {}

    def ours() -> float:
        began = time.perf_counter()
        head = create("linear", {"strengths": STRENGTHS, "class_weights": "none"}, Resources())
        (layers,) = head.fit(PROBLEM, [fit], advance=lambda amount: None)
        seconds = time.perf_counter() - began
        scores["seqbench"] = [_score(fit, layer.predictions["test"][:, 1]) for layer in layers]
        return seconds

    def theirs() -> float:
        began = time.perf_counter()
        found = [_scikit_learn(fit, layer) for layer in range(len(fit.train.features_LNH))]
        seconds = time.perf_counter() - began
        scores["scikit-learn"] = [_score(fit, values) for values in found]
        return seconds

    ours()
    values = in_turns({"seqbench": ours, "scikit-learn": theirs}, setting.rounds, setting.console, "linear")
    apart = np.abs(np.subtract(*scores.values())).max()
    return [
        Figure(
            benchmark="linear",
            what="7 layers × 256, 10,000 items: speed over LogisticRegression a layer",
            values=paired(values["scikit-learn"], values["seqbench"]),
            unit="×",
            target=5.0,
            note=f"{len(STRENGTHS)} strengths each, the best on eval kept; scikit-learn's default solver, "
            f"max_iter 1000, warm starts; largest difference of a layer's test AUROC {apart:.4f}",
        ),
        *(
            Figure(benchmark="linear", what=contender, values=tuple(found.tolist()), unit="s")
            for contender, found in values.items()
        ),
    ]


def _scikit_learn(fit: Fit, layer: int) -> np.ndarray:
    scaler = StandardScaler().fit(fit.train.features_LNH[layer])
    train, evaluation, test = (
        scaler.transform(data.features_LNH[layer]) for data in (fit.train, fit.evaluation, fit.test)
    )
    model = LogisticRegression(max_iter=1000, warm_start=True)
    lowest, chosen = np.inf, np.empty(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for strength in STRENGTHS:
            model.set_params(C=strength).fit(train, fit.train.targets)
            loss = log_loss(fit.evaluation.targets, model.predict_proba(evaluation))
            if loss < lowest:
                lowest, chosen = loss, model.predict_proba(test)[:, 1]
    return chosen


def _score(fit: Fit, values_N: np.ndarray) -> float:
    return float(roc_auc_score(fit.test.targets, values_N))
