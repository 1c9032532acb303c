"""The xgb head: gradient-boosted trees of XGBoost, one a class, label or target and round, or one for all.

Shape letters: N items, H features, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seqbench.catalog.records import EpochRecord
from seqbench.config.heads import XgbConfig
from seqbench.core.types import SplitName, Task
from seqbench.errors import ProbeError
from seqbench.probe.heads.base import ChooseEpoch, ClassWeights, FittedHead, HeadData, HeadState, Problem
from seqbench.probe.heads.each_layer import Layer, LayerwiseHead
from seqbench.probe.heads.outputs import check_width, in_order, spread_classes
from seqbench.probe.heads.threads import worthwhile_threads
from seqbench.probe.heads.xgb_data import Known, Learned
from seqbench.probe.heads.xgb_metrics import ERRORS, OBJECTIVES, is_maximised, kind_of, resolve_metric
from seqbench.probe.heads.xgb_rounds import BoostedPart, Curves, boost
from seqbench.probe.heads.xgb_text import check_version, parted
from seqbench.training.health import chosen_epoch

try:
    import xgboost
except ImportError as missing:
    raise ProbeError(
        "head 'xgb' needs a package that is not installed: pip install 'xgboost>=3.0' "
        "(or leave xgb out of probe.heads)"
    ) from missing

_FLOP_A_VALUE = 100
"""A value of the features takes about a nanosecond a level of a tree: as long as so many operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class XgbHead(LayerwiseHead):
    """XGBoost with histograms, on the GPU where there is one.

    Log loss for classes and labels, squared error for regression. No rows or columns are sampled, so nothing
    is random. Only the classes in train are trained on; another's items on eval choose no round.
    """

    section: ClassVar[type[XgbConfig]] = XgbConfig
    settings: XgbConfig
    """Its `eval_metric` chooses the round, see `resolve_metric`. With `multi_output`, labels or targets that
    are not known of the same items still have trees of their own."""
    class_weights: ClassWeights
    """Balanced: weights of items in training and in curves, see `balanced_weights`. To XGBoost an item has
    one weight, so several labels then get a booster each, in step, and `multi_output` has no say."""
    choose_epoch: ChooseEpoch

    copies: ClassVar[int] = 6

    @property
    def device(self) -> str:
        """`cuda` where XGBoost and torch find a GPU, else `cpu`."""
        return _device()

    def threads(self, problem: Problem, train: HeadData, available: int) -> int:
        """By what a level of a tree takes, after which threads wait for each other."""
        _, n_items, width = train.features_LNH.shape
        return worthwhile_threads(_FLOP_A_VALUE * n_items * width, available)

    def fit_layer(self, layer: Layer) -> FittedHead:
        """See `LayerwiseHead.fit_layer`."""
        known = Known.of(layer, self.class_weights)
        if len(known.classes) == 1:
            return _fitted(layer, known, [])
        kind = kind_of(layer.problem, len(known.classes))
        metric = resolve_metric(self.settings.eval_metric, kind)
        parts = [self._part(layer, known, kind, metric, learned) for learned in known.boosters]
        curves = boost(
            parts,
            self.settings.n_estimators,
            metric=metric,
            maximised=is_maximised(metric),
            patience=self.settings.patience,
        )
        scores = curves.of("eval", metric)
        sign = -1.0 if is_maximised(metric) else 1.0
        chosen = curves.n_rounds
        if scores is not None:
            chosen = chosen_epoch([sign * score for score in scores], self.choose_epoch)
        return replace(
            _fitted(layer, known, [part.booster[:chosen] for part in parts]),
            chosen_epoch=chosen,
            n_epochs=curves.n_rounds,
            history=_history(curves, kind, known),
            hyperparameters={"eval_metric": metric},
        )

    def _part(self, layer: Layer, known: Known, kind: str, metric: str, learned: Learned) -> BoostedPart:
        def matrix(split: SplitName, reference: Any = None) -> Any:
            weights = known.weights[split]
            return xgboost.QuantileDMatrix(
                learned.features(layer.features[split], split),
                learned.of(known.targets[split], split),
                weight=None if weights is None else learned.of(weights, split),
                ref=reference,
                nthread=layer.threads,
            )

        train = matrix("train")
        evaluation = matrix("eval", train) if learned.rows["eval"].any() else None
        caches = [train] if evaluation is None else [train, evaluation]
        n_outputs = 1 if learned.columns is None else len(learned.columns)
        parameters = self._parameters(layer, known, kind, metric, together=n_outputs > 1)
        booster = xgboost.Booster(parameters, caches)
        return BoostedPart(booster=booster, train=train, evaluation=evaluation, n_outputs=n_outputs)

    def _parameters(
        self, layer: Layer, known: Known, kind: str, metric: str, *, together: bool
    ) -> dict[str, Any]:
        objective, loss = OBJECTIVES[kind]
        together = self.settings.multi_output and together
        parameters: dict[str, Any] = {
            "objective": objective,
            "eval_metric": list(dict.fromkeys([loss, metric, ERRORS.get(kind, loss)])),
            "eta": self.settings.learning_rate,
            "max_depth": self.settings.max_depth,
            "tree_method": "hist",
            "device": self.device,
            "multi_strategy": "one_output_per_tree",
            "seed": layer.seed,
            "nthread": layer.threads,
            "verbosity": 0,
        }
        if kind == "multiclass":
            return parameters | {"num_class": len(known.classes)}
        return parameters | ({"multi_strategy": "multi_output_tree"} if together and kind != "binary" else {})

    @staticmethod
    def predict(state: HeadState, features_NH: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `registry.predict`."""
        text = state.facts.get("booster")
        if text is not None:
            check_version(text, xgboost.__version__)
        texts = [] if text is None else [text] if state.facts["n_boosters"] == 1 else parted(text)
        return _predict(
            state, [xgboost.Booster(model_file=bytearray(one.encode())) for one in texts], features_NH
        )


def _fitted(layer: Layer, known: Known, boosters: list[Any]) -> FittedHead:
    """The outcome of boosters that are cut to the chosen round; none for a single class."""
    texts = [bytes(booster.save_raw("json")).decode() for booster in boosters]
    facts: dict[str, Any] = {
        "task": layer.problem.task.value,
        "n_outputs": layer.problem.n_outputs,
        "classes": known.classes.tolist(),
        "width": layer.features["train"].shape[1],
        "n_boosters": len(boosters),
    }
    if len(boosters) > 1:
        facts["columns"] = [[] if each.columns is None else each.columns.tolist() for each in known.boosters]
    if boosters:
        facts["n_rounds"] = boosters[0].num_boosted_rounds()
        facts["booster"] = texts[0] if len(texts) == 1 else f"[{','.join(texts)}]"
    for booster in boosters:
        booster.set_param({"device": "cpu", "nthread": layer.threads})
    state = HeadState(kind="xgb", facts=facts)
    return FittedHead(
        layer_index=0,
        predictions={
            "eval": _predict(state, boosters, layer.features["eval"]),
            "test": _predict(state, boosters, layer.features["test"]),
        },
        state=state,
    )


def _predict(
    state: HeadState, boosters: Sequence[Any], features_NH: NDArray[np.float32]
) -> NDArray[np.float32]:
    facts = state.facts
    check_width(features_NH, facts["width"])
    n_items = len(features_NH)
    columns = [np.asarray(booster.inplace_predict(features_NH)).reshape(n_items, -1) for booster in boosters]
    outputs = in_order(columns, facts.get("columns")) if columns else np.ones((n_items, 1))
    if Task(facts["task"]) is not Task.CLASSIFICATION:
        return outputs.astype(np.float32)
    if len(facts["classes"]) == 2:
        outputs = np.hstack([1.0 - outputs, outputs])
    return spread_classes(outputs, np.asarray(facts["classes"]), facts["n_outputs"])


def _history(curves: Curves, kind: str, known: Known) -> tuple[EpochRecord, ...]:
    loss = OBJECTIVES[kind][1]
    nothing = [None] * curves.n_rounds
    rounds = zip(
        curves.of("train", loss) or nothing,
        curves.of("eval", loss) or nothing,
        _accuracies(curves, kind, known) or nothing,
        strict=True,
    )
    return tuple(
        EpochRecord(epoch=epoch, train_loss=train_loss, eval_loss=eval_loss, eval_score=score)
        for epoch, (train_loss, eval_loss, score) in enumerate(rounds, 1)
    )


def _accuracies(curves: Curves, kind: str, known: Known) -> list[float] | None:
    """Accuracy on all of eval; None where XGBoost's error is weighted, and for labels and regression."""
    errors = curves.of("eval", ERRORS[kind]) if kind in ERRORS else None
    if errors is None or known.weights["eval"] is not None:
        return None
    share = float(known.boosters[0].rows["eval"].mean())
    return [share * (1.0 - error) for error in errors]


@cache
def _device() -> str:
    if not xgboost.build_info().get("USE_CUDA"):
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
