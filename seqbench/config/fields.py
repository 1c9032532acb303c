"""The types that config keys are made of, with one plain sentence for a value that doesn't fit."""

from collections import Counter
from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from seqbench.core.types import check_name, check_store_path
from seqbench.errors import ConfigError

HeadKind = Literal["mlp", "linear", "xgb", "forest", "knn", "attention", "light_attention", "conv", "drsn"]
Activation = Literal["relu", "gelu", "silu", "tanh"]
Norm = Literal["none", "layer"]
Decay = Literal["constant", "linear", "cosine"]
ClassLoss = Literal["cross_entropy", "focal"]
ValueLoss = Literal["huber", "mse", "rmse"]
ClassWeights = Literal["none", "balanced"]
Threshold = Literal["fixed", "f1", "mcc", "balanced_accuracy"]
EpochChoice = Literal["best", "last"]
MetricName = Literal[
    "accuracy",
    "balanced_accuracy",
    "roc_auc",
    "auprc",
    "precision",
    "recall",
    "f1",
    "mcc",
    "brier",
    "ece",
    "precision_micro",
    "recall_micro",
    "f1_micro",
    "mse",
    "rmse",
    "mcrmse",
    "mae",
    "r2",
    "pearsonr",
    "spearmanr",
    "kendalltau",
    "pearson_delta",
    "weighted_mse",
    "weighted_r2",
    "discrimination_l1",
    "discrimination_l2",
    "discrimination_cosine",
    "energy_distance",
    "de_overlap",
    "direction",
]
METRIC_NAMES: tuple[str, ...] = get_args(MetricName)
METRIC_ALIASES = {"auc": "roc_auc", "auroc": "roc_auc", "ap": "auprc", "aupr": "auprc", "pr_auc": "auprc",
                  "average_precision": "auprc", "acc": "accuracy", "bacc": "balanced_accuracy",
                  "spearman": "spearmanr", "rho": "spearmanr", "pearson": "pearsonr",
                  "kendall": "kendalltau", "tau": "kendalltau"}  # fmt: skip
"""What people call metrics, for the line that names the metric that was meant."""

_Item = TypeVar("_Item", bound=Hashable)
_Number = TypeVar("_Number", int, float)


def expect(what: str) -> WrapValidator:
    """Replace what pydantic says of each branch of a union by one sentence."""

    def check(value: object, validate: ValidatorFunctionWrapHandler) -> object:
        try:
            return validate(value)
        except ValidationError:
            raise PydanticCustomError("expected", "must be {what}", {"what": what}) from None

    return WrapValidator(check)


def distinct(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """Refuse a list that names something twice."""
    item, times = Counter(items).most_common(1)[0] if items else (None, 1)
    if times > 1:
        raise PydanticCustomError(
            "twice", "names {item} twice", {"item": ", ".join(item) if isinstance(item, tuple) else str(item)}
        )
    return items


def _local_path(value: object) -> object:
    if isinstance(value, str):
        if not value.strip() or "\0" in value:
            raise PydanticCustomError("empty_path", "must be a path")
        if "://" in value:
            raise PydanticCustomError(
                "remote_path",
                "{url} is a URL; only store.path may be one: give a local path",
                {"url": value},
            )
    return value


def _store_path(value: object) -> object:
    if isinstance(value, str):
        if not value.strip() or "\0" in value:
            raise PydanticCustomError("empty_path", "must be a path or a URL")
        try:
            return check_store_path(value)
        except ConfigError as error:
            raise PydanticCustomError("store_url", "{why}", {"why": str(error)}) from None
    return value


def _model_name(value: str) -> str:
    return check_name(value, "model")


def _dataset_name(value: str) -> str:
    return check_name(value, "data set")


def one_or_list(value: object) -> str:
    """The tag of a union of one value and a list; tags stand in <> so that none is taken for a key."""
    return "<list>" if isinstance(value, list | tuple) else "<one>"


Count = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Switch = Annotated[bool, Field(strict=True)]
PositiveRate = Annotated[float, Field(strict=True, gt=0)]
Rate = Annotated[float, Field(strict=True, ge=0)]
Share = Annotated[float, Field(strict=True, ge=0, lt=1)]
Fraction = Annotated[float, Field(strict=True, gt=0, lt=1)]
LocalPath = Annotated[Path, BeforeValidator(_local_path)]
StorePath = Annotated[Path | str, BeforeValidator(_store_path)]
"""A `Path` where it is local, a string where it is a URL."""
ModelName = Annotated[str, AfterValidator(_model_name)]
DatasetName = Annotated[str, AfterValidator(_dataset_name)]
Counts = Annotated[tuple[Count, ...], Field(min_length=1)]
OneOrMore = Annotated[
    Annotated[_Number, Tag("<one>")]
    | Annotated[tuple[_Number, ...], Field(min_length=1), AfterValidator(distinct), Tag("<list>")],
    Discriminator(one_or_list),
]
"""One value, or a list of distinct ones to choose from."""
Metrics = Annotated[tuple[MetricName, ...], Field(min_length=1), AfterValidator(distinct)]
MetricChoice = Annotated[
    Annotated[MetricName, Tag("<one>")] | Annotated[Metrics, Tag("<list>")], Discriminator(one_or_list)
]
"""One metric, or several that are looked at together; the two mean different tables and figures."""


class Section(BaseModel):
    """A part of a config: immutable, and without room for unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
