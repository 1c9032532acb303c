"""What is trained: one model on one data set, in one way, with one seed; and what its result depends on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqbench.catalog.training_records import Encoder
from seqbench.config.extract import ExtractConfig
from seqbench.config.finetune import FinetuneConfig
from seqbench.config.search import Setting, with_values
from seqbench.core.identity import ModelIdentity
from seqbench.datasets.dataset import Dataset
from seqbench.probe.spec import Subset, spec_hash

VERSION = 1
"""Raised when training changes so that old results no longer compare."""

WITHOUT_EFFECT = frozenset(
    {"encoder", "models", "seeds", "folds", "subsets", "checkpoint_steps", "keep", "out", "lora", "search"}
)
"""Keys of the section that no result depends on, or that are named apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneDesign:
    """One training."""

    model: str
    dataset: str
    """Without a target's name: all targets are trained together."""
    encoder: Encoder
    seed: int
    values: tuple[tuple[str, Setting], ...] = ()
    """Settings that a search drew or chose, by dotted key of the section; they go before the config's."""
    folds: int | None = None
    """Folds of the cross-validation that it belongs to; None where there is none."""
    fold: int | None = None
    """The one held out, from 0; None for all folds together, which is no training, or without folds."""
    subset: Subset | None = None
    """Part of train; None for all of it. Never together with folds."""

    @property
    def is_pooled(self) -> bool:
        """Whether it stands for all folds together."""
        return self.folds is not None and self.fold is None

    def each_fold(self) -> "list[FinetuneDesign]":
        """The trainings that are pooled."""
        return [replace(self, fold=fold) for fold in range(self.folds or 0)]

    @property
    def part(self) -> str:
        """Which part of train it learns from, in words; empty for all of it."""
        if self.folds is not None:
            return "all folds together" if self.fold is None else f"without fold {self.fold} of {self.folds}"
        if self.subset is not None:
            return f"on {self.subset.kind} {self.subset.amount}, draw {self.subset.repeat}"
        return ""

    def on(self, subset: Subset) -> "FinetuneDesign":
        """The same on a part of train, without folds."""
        return replace(self, folds=None, subset=subset)

    def config(self, config: FinetuneConfig) -> FinetuneConfig:
        """The section with these settings.

        Raises:
            ValueError: They are none that the section takes.
        """
        if not self.values:
            return config
        return FinetuneConfig.model_validate(with_values(config.model_dump(), dict(self.values)))

    @property
    def folder(self) -> str:
        """Name of its folder; of all folds together, which have none of their own, what it is called by."""
        name = f"{self.model}-{self.dataset}-{self.encoder}-{self.seed}"
        if self.folds is not None:
            return f"{name}-folds" if self.fold is None else f"{name}-fold{self.fold}"
        if self.subset is not None:
            return f"{name}-{self.subset.kind}-{self.subset.amount}-draw{self.subset.repeat}"
        return name


def training_key(spec: dict[str, Any]) -> str:
    """Names a training by the spec of any of its targets."""
    return spec_hash(shared_spec(spec))


def shared_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """What all targets of a training have in common."""
    return {key: value for key, value in spec.items() if key not in OF_ONE_TARGET}


OF_ONE_TARGET = ("dataset", "task", "classes", "threshold")


def specs_of(
    design: FinetuneDesign,
    identity: ModelIdentity,
    datasets: Sequence[Dataset],
    shares: Sequence[float],
    *,
    dtype: str,
    config: FinetuneConfig,
    extract: ExtractConfig,
) -> list[dict[str, Any]]:
    """Everything that the results depend on, for each target one, ready for JSON.

    Args:
        design: What is trained.
        identity: Of the model's weights.
        datasets: The data set, or all its targets.
        shares: Weight of each one's loss; only proportions count.
        dtype: That the model computes in.
        config: How it is trained.
        extract: How sequences become tokens.
    """
    settings = config.model_dump(mode="json", exclude=set(WITHOUT_EFFECT))
    if design.encoder == "lora":
        settings["lora"] = config.lora.model_dump(mode="json")
    shared = {
        "stage": "finetune",
        "version": VERSION,
        "model": design.model,
        "fingerprint": identity.fingerprint,
        "layer": identity.n_layers - 1,
        "head": design.encoder,
        "settings": {key: value for key, value in settings.items() if key != "threshold"},
        "tokens": {
            "dtype": dtype,
            "max_tokens": extract.max_tokens,
            "overlong": extract.overlong,
            "stride": extract.stride,
            "special_tokens": extract.special_tokens,
            "unreadable": extract.unreadable,
        },
        "data": {name: split.index.sha256 for name, split in datasets[0].splits.items()},
        "together": [dataset.spec.name for dataset in datasets],
        "groups": datasets[0].spec.group_key,
        "labels": [[dataset.task.value, dataset.spec.label_key] for dataset in datasets],
        "shares": [share / sum(shares) for share in shares],
        "seed": design.seed,
        "fold": design.fold,
    }
    # Named only where there are any, so that hashes of before hold.
    if design.folds is not None:
        shared["folds"] = design.folds
    elif len(datasets) > 1 and "eval" not in datasets[0].splits:
        shared["held out"] = "by all targets"
    if datasets[0].level == "token":
        shared["level"] = "token"
    if design.subset is not None:
        shared["subset"] = [design.subset.kind, design.subset.amount]
        shared["repeat"] = design.subset.repeat
    return [
        shared
        | {
            "dataset": dataset.spec.name,
            "task": dataset.task.value,
            "classes": list(dataset.classes),
            "threshold": config.threshold,
        }
        for dataset in datasets
    ]
