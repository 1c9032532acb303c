"""The section `probe` of a config: which heads are trained on the embeddings, and how."""

from typing import Annotated

from pydantic import AfterValidator, Field

from seqbench.config.fields import (
    ClassWeights,
    Count,
    EpochChoice,
    Fraction,
    HeadKind,
    LocalPath,
    PositiveRate,
    Section,
    Seed,
    Switch,
    Threshold,
    distinct,
)
from seqbench.config.heads import ForestConfig, KnnConfig, LinearConfig, MlpConfig, XgbConfig
from seqbench.config.tokens import AttentionConfig, ConvConfig, DrsnConfig, LightAttentionConfig
from seqbench.core.combining import Combine

Folds = Annotated[int, Field(strict=True, ge=2)]


class SubsetConfig(Section):
    """Trainings on a part of train, beside those on all of it."""

    few_shot: Annotated[tuple[Count, ...], AfterValidator(distinct)] = Field(
        default=(), description="Items a class (regression: items) to train on, such as [1, 5, 10]."
    )
    sizes: Annotated[tuple[Count | Fraction, ...], AfterValidator(distinct)] = Field(
        default=(), description="Items to train on, or shares of train, such as [100, 1000, 0.5]."
    )
    repeats: Count = Field(default=3, description="Draws of each, by seed.")


class ProbeConfig(Section):
    """Which heads are trained on the embeddings, and how."""

    heads: Annotated[tuple[HeadKind, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        default=("mlp",),
        description="Heads to train, each on every layer: mlp, linear, xgb, forest, knn; "
        "and on those of extract.tokens: attention, light_attention, conv, drsn.",
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        default=(42,),
        description="One probe for each seed; a seed fixes initial weights, shuffling and held-out items.",
    )
    combine: Combine = Field(
        default="concat",
        description="The embeddings of an item's sequences: side by side (concat), averaged (mean), "
        "[a, b - a] (ref_delta), or of two [a + b, |a - b|] (symmetric).",
    )
    choose_epoch: EpochChoice = Field(
        default="best", description="Keep the epoch (boosting round) that is best on eval, or the last one."
    )
    class_weights: ClassWeights = Field(
        default="none", description="Weights of items in training: none, or balanced by class or label."
    )
    threshold: Threshold = Field(
        default="fixed",
        description="When a probability counts as yes, in two classes and labels: fixed at 0.5, or chosen on "
        "eval for the best f1, mcc or balanced_accuracy.",
    )
    folds: Folds | None = Field(
        default=None, description="Folds of a cross-validation over train, stratified; null: none."
    )
    subsets: SubsetConfig = Field(
        default=SubsetConfig(), description="Few-shot probes and learning curves over training sizes."
    )
    shuffled_labels: Switch = Field(
        default=False,
        description="Also train each probe on shuffled labels: a control of what the head alone can fit.",
    )
    memory: PositiveRate = Field(
        default=4.0, description="GiB that features and heads may take together; at least one layer is taken."
    )
    save_heads: LocalPath | None = Field(
        default=None, description="Directory to keep trained heads in, for `probe predict`; null: not kept."
    )
    mlp: MlpConfig = Field(default=MlpConfig(), description="Settings of the mlp head.")
    linear: LinearConfig = Field(default=LinearConfig(), description="Settings of the linear head.")
    xgb: XgbConfig = Field(default=XgbConfig(), description="Settings of the xgb head.")
    forest: ForestConfig = Field(default=ForestConfig(), description="Settings of the forest head.")
    knn: KnnConfig = Field(default=KnnConfig(), description="Settings of the knn head.")
    attention: AttentionConfig = Field(
        default=AttentionConfig(), description="Settings of the attention head."
    )
    light_attention: LightAttentionConfig = Field(
        default=LightAttentionConfig(), description="Settings of the light_attention head."
    )
    conv: ConvConfig = Field(default=ConvConfig(), description="Settings of the conv head.")
    drsn: DrsnConfig = Field(default=DrsnConfig(), description="Settings of the drsn head.")
