"""The section `finetune` of a config: checkpoints trained with a head on labelled data sets."""

import difflib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from seqbench.config.fields import (
    ClassLoss,
    ClassWeights,
    Count,
    LocalPath,
    MetricName,
    PositiveRate,
    Rate,
    Section,
    Seed,
    Share,
    Switch,
    Threshold,
    ValueLoss,
    distinct,
    expect,
)
from seqbench.config.lora import LoraConfig
from seqbench.config.probe import Folds, SubsetConfig
from seqbench.config.search import SearchConfig, dotted, with_values

Encoder = Literal["lora", "full"]
TokenHead = Literal["mean", "cls", "attention", "conv", "drsn"]
"""What makes one vector of a sequence's tokens."""
TrainedHead = Literal["mean", "cls", "attention", "conv", "drsn", "token"]
"""The same, or what answers for each letter."""
PairCombine = Literal["concat", "mean", "difference", "ref_delta", "symmetric"]
Names = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1), AfterValidator(distinct)
]


NOT_SEARCHED = frozenset(
    {"encoder", "models", "seeds", "folds", "subsets", "checkpoint_steps", "keep", "out", "search", "lora"}
)
"""Keys that are no setting of a training."""


class TrainedLoraConfig(LoraConfig):
    """Low-rank adapters beside the weights (LoRA), and what is trained whole with them."""

    modules_to_save: Names | None = Field(
        default=None, description="Modules, by the ends of their paths, that are trained whole beside them."
    )


class FinetuneConfig(Section):
    """Fine-tuning: checkpoints trained with a head on labelled data sets, beside the frozen probes."""

    encoder: Annotated[tuple[Encoder, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        default=("lora", "full"),
        description="How the model is trained: lora (adapters) or full (all weights); several stand beside "
        "each other in the table.",
    )
    models: Names | None = Field(
        default=None, description="Models of `models:` that are trained; null: all that are checkpoints."
    )
    head: TrainedHead = Field(
        default="mean",
        description="What reads the last hidden states: their mean, the first token (cls), attention, "
        "convolutions (conv) or a residual shrinkage network (drsn); or each token by itself (token), where "
        "labels are of letters (level: token).",
    )
    combine: PairCombine = Field(
        default="concat",
        description="Items of several sequences, which share the encoder: vectors side by side, "
        "their mean, [a, b - a] (ref_delta, or difference), or of two [a + b, |a - b|] (symmetric).",
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        default=(42,), description="One training for each; draws batches, dropout, adapters and the head."
    )
    folds: Folds | None = Field(
        default=None,
        description="Folds of a cross-validation over train, as those of probe.folds; test is also scored by "
        "the mean of the folds. null: none.",
    )
    subsets: SubsetConfig = Field(
        default=SubsetConfig(),
        description="Trainings on a part of train, beside those on all of it; the parts are those of "
        "probe.subsets.",
    )
    epochs: Count = Field(default=10, description="Passes over the training split.")
    steps: Count | None = Field(
        default=None, description="Stop after so many optimiser steps instead; null: after `epochs`."
    )
    lr: PositiveRate = Field(default=1.0e-5, description="AdamW's learning rate of the model.")
    head_lr: PositiveRate | None = Field(
        default=None, description="Learning rate of the head; null: as `lr`. Biases and norms never decay."
    )
    weight_decay: Rate = Field(
        default=1.0e-6, description="Share of the learning rate by which a step shrinks weights."
    )
    warmup: Share = Field(default=0.1, description="Share of all steps in which learning rates rise from 0.")
    decay: Literal["linear", "cosine", "constant"] = Field(
        default="linear", description="What learning rates do after that: fall to 0, or stay."
    )
    tokens_per_batch: Annotated[Literal["auto"] | Count, expect("auto or a whole number of at least 1")] = (
        Field(
            default="auto",
            description="Tokens of a batch, padding included; auto: found by a short calibration. "
            "Batches hold items of like length. With batch_size: most tokens that are computed at once; "
            "larger batches are cut, and the gradient stays that of the whole batch (auto: when memory runs "
            "out).",
        )
    )
    batch_size: Count | None = Field(
        default=None, description="Items of a batch instead, also of like length; null: by tokens."
    )
    accumulate: Count = Field(
        default=1, description="Batches of a step; the gradient is that of all their items together."
    )
    clip: PositiveRate | None = Field(default=1.0, description="Largest norm of the gradient; null: any.")
    dropout: Share = Field(default=0.2, description="Share of the pooled vector dropped in training.")
    encoder_dropout: Share | None = Field(
        default=None, description="Dropout within the model; null: the checkpoint's own."
    )
    class_loss: ClassLoss = Field(
        default="cross_entropy", description="Loss of classes and labels: cross_entropy or focal."
    )
    focal_gamma: Rate = Field(default=2.0, description="How strongly focal loss passes over easy items.")
    focal_alpha: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = Field(
        default=None, description="Focal loss's weight of positives, 1 - alpha of negatives; null: equal."
    )
    label_smoothing: Share = Field(
        default=0.0, description="Share of each target that is spread evenly over the classes."
    )
    class_weights: ClassWeights = Field(
        default="none", description="balanced: every class, or both values of a label, weigh alike."
    )
    value_loss: ValueLoss = Field(
        default="rmse",
        description="Loss of regression: huber or mse of targets scaled on train, or rmse "
        "(mean of the targets' RMSE, in their own units).",
    )
    threshold: Threshold = Field(
        default="fixed",
        description="Cut of probabilities: 0.5 (fixed), or the best on eval by f1, mcc or balanced_accuracy.",
    )
    choose_by: Annotated[
        MetricName | Literal["loss"],
        expect("loss or a metric, such as accuracy, f1, mcc, mcrmse or spearmanr"),
    ] = Field(
        default="loss",
        description="The point of the curve that is kept: of the lowest loss on eval, or "
        "the best by a metric (mean over targets by weight).",
    )
    patience: Count | None = Field(
        default=None, description="Stop after so many points without a better one; null: never."
    )
    eval_every: Count | None = Field(
        default=None, description="Steps from one look at eval to the next; null: after each epoch."
    )
    checkpoint_steps: Count | None = Field(
        default=None,
        description="Keep the state every so many steps, to go on after a crash to the bit; "
        "null: only on Ctrl-C and SIGTERM.",
    )
    keep: Count = Field(
        default=1,
        description="Best points of the curve that are kept; all but the best lie in `best-2/` and so on "
        "of the model's folder.",
    )
    freeze_blocks: Annotated[int, Field(strict=True, ge=0)] = Field(
        default=0, description="First blocks that stay as they are, and the embeddings with them."
    )
    gradient_checkpointing: Switch = Field(
        default=False, description="Compute blocks again in the backward pass: less memory, slower."
    )
    lora: TrainedLoraConfig = Field(default=TrainedLoraConfig(), description="Adapters of `encoder: lora`.")
    search: SearchConfig | None = Field(
        default=None,
        description="Settings that are tried on eval first, by key of this section; the best are then "
        "trained with all seeds and scored on test. null: none.",
    )
    out: LocalPath = Field(
        default=Path("checkpoints"),
        description="Directory of the trained models, `<model>-<data set>-<encoder>-<seed>/` each; of folds "
        "and subsets with `-fold0`, `-few-shot-16-draw0` behind.",
    )

    @model_validator(mode="after")
    def _searchable(self) -> "FinetuneConfig":
        """Every value that a search may try is one that the section takes."""
        given = self.model_dump(exclude={"search"})
        for key, dimension in self.search.space.items() if self.search else ():
            if key in NOT_SEARCHED:
                raise PydanticCustomError(
                    "not_searched", "search.space: {key} is nothing to search for", {"key": key}
                )
            for value in dimension.ends():
                try:
                    changed = with_values(given, {key: value})
                except KeyError:
                    near = difflib.get_close_matches(key, list(dotted(given)), 1)
                    hint = f"; did you mean {near[0]}?" if near else ""
                    raise PydanticCustomError(
                        "unknown_key", "search.space: there is no key {key}{hint}", {"key": key, "hint": hint}
                    ) from None
                try:
                    FinetuneConfig.model_validate(changed)
                except ValidationError as error:
                    why = error.errors()[0]["msg"]
                    raise PydanticCustomError(
                        "search_value",
                        "search.space: {key} can't be {value}: {why}",
                        {"key": key, "value": repr(value), "why": why},
                    ) from None
        return self

    def searched(self, encoder: Encoder) -> SearchConfig | None:
        """The search for a way of training, of which `full` has no keys of `lora`; None: nothing is left."""
        if self.search is None:
            return None
        space = {
            key: dimension
            for key, dimension in self.search.space.items()
            if encoder == "lora" or not key.startswith("lora.")
        }
        return self.search.model_copy(update={"space": space}) if space else None
