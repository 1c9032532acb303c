"""The sections of a config below `probe` that set up one head each."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from seqbench.config.fields import (
    Activation,
    ClassLoss,
    Count,
    Counts,
    Decay,
    Norm,
    OneOrMore,
    PositiveRate,
    Rate,
    Section,
    Share,
    Switch,
    ValueLoss,
    distinct,
    expect,
)


class MlpConfig(Section):
    """The multi-layer perceptron head."""

    hidden: Annotated[
        Literal["reference"] | Counts, expect("reference, or a list of layer widths such as [512, 128]")
    ] = Field(
        default="reference",
        description="Widths of the hidden layers; reference: input/2, input/4, min(128, input/8).",
    )
    dropout: Share = Field(default=0.2, description="Share of hidden units dropped in training, below 1.")
    activation: Activation = Field(default="relu", description="Between layers: relu, gelu, silu or tanh.")
    norm: Norm = Field(
        default="none", description="Before each activation: none, or layer for layer normalisation."
    )
    lr: OneOrMore[PositiveRate] = Field(
        default=1e-4, description="Learning rate of AdamW; of a list, the one that is best on eval."
    )
    weight_decay: OneOrMore[Rate] = Field(
        default=0.0,
        description="AdamW's decay of weights, never of biases and norms; of a list, the best on eval.",
    )
    batch_size: Count = Field(default=64, description="Items in one training batch.")
    accumulate: Count = Field(default=1, description="Batches whose gradients are averaged for one step.")
    epochs: Count = Field(default=100, description="Passes over the training split.")
    steps: Count | None = Field(
        default=None, description="Stop after so many optimiser steps instead; null: after `epochs`."
    )
    patience: Count | None = Field(
        default=None, description="Stop after so many epochs without a lower loss on eval; null: never."
    )
    warmup: Share = Field(
        default=0.0, description="Share of all steps in which the learning rate rises from 0."
    )
    decay: Decay = Field(
        default="constant", description="Learning rate after the warm-up: constant, or cosine down to 0."
    )
    clip: PositiveRate | None = Field(
        default=None, description="Largest norm of a network's gradient; null: not clipped."
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
    value_loss: ValueLoss = Field(
        default="huber", description="Loss of regression: huber, mse, or rmse (mean of the targets' RMSE)."
    )
    standardize: Switch = Field(
        default=True, description="Scale each feature to mean 0 and variance 1 on the training split."
    )
    checkpoint_steps: Count | None = Field(
        default=None,
        description="Keep the state of training every so many steps, to go on after a crash; null: never.",
    )


class LinearConfig(Section):
    """The linear head."""

    strengths: Annotated[tuple[PositiveRate, ...], Field(min_length=1), AfterValidator(distinct)] | None = (
        Field(
            default=None,
            description="L2 strengths to choose from on eval, C of logistic regression or alpha of ridge; "
            "null: 1e-4 to 100, or 1e-2 to 1e6.",
        )
    )


class XgbConfig(Section):
    """The XGBoost head."""

    n_estimators: Count = Field(default=100, description="Boosting rounds.")
    learning_rate: Annotated[float, Field(strict=True, gt=0, le=1)] = Field(
        default=0.1, description="Shrinkage of each round, above 0 to 1."
    )
    max_depth: Count = Field(default=6, description="Deepest a tree grows, in splits.")
    eval_metric: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="XGBoost's own metric watched on eval; null takes the objective's default."
    )
    patience: Count | None = Field(
        default=None, description="Stop after so many rounds without a better score on eval; null: never."
    )
    multi_output: Switch = Field(
        default=False, description="One tree for all labels or targets, instead of one for each."
    )


class ForestConfig(Section):
    """The random-forest head."""

    n_estimators: Count = Field(default=100, description="Trees in the forest.")


class KnnConfig(Section):
    """The nearest-neighbours head."""

    k: OneOrMore[Count] = Field(
        default=(1, 5, 25), description="Neighbours by cosine similarity; of a list, the best on eval."
    )
