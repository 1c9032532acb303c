"""The schema of a config: every key, its type, its default and what it means.

A `Config` holds values as they are written. `load_config` also makes its paths absolute and adds what the
switch `controls` stands for; a `Config` built by hand keeps the models and paths it was given, which then
mean what the current directory makes of them.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from seqbench.config.fields import (
    Activation,
    ClassLoss,
    ClassWeights,
    Combine,
    Count,
    Counts,
    DatasetName,
    Decay,
    EpochChoice,
    Fraction,
    HeadKind,
    LocalPath,
    MetricChoice,
    Norm,
    OneOrMore,
    PositiveRate,
    Rate,
    Section,
    Seed,
    Share,
    StorePath,
    Switch,
    Threshold,
    ValueLoss,
    distinct,
    expect,
    one_or_list,
)
from seqbench.config.model_kinds import ModelConfig
from seqbench.config.perturb import ModelFeatures, PerturbConfig
from seqbench.config.schedule import ScheduleConfig
from seqbench.core.types import (
    FigureFormat,
    Overlong,
    Oversize,
    Pooling,
    StoreDtype,
    Strands,
    TableFormat,
    Unreadable,
)


class DatasetsConfig(Section):
    """Which data sets, and where they are."""

    root: LocalPath | None = Field(
        default=None,
        description="Directory holding `<data set>/{train,eval,test}.jsonl`; needed unless all models are "
        "precomputed.",
    )
    info: LocalPath | None = Field(
        default=None,
        description="YAML file describing your data sets, one entry each, on top of the shipped registry.",
    )
    names: (
        Annotated[
            tuple[DatasetName, ...],
            Field(min_length=1),
            AfterValidator(distinct),
        ]
        | None
    ) = Field(default=None, description="Data sets to use; null takes all that are found.")


class ExtractConfig(Section):
    """How sequences become embeddings."""

    layers: Annotated[
        Literal["all"]
        | Annotated[
            tuple[Annotated[int, Field(strict=True)], ...], Field(min_length=1), AfterValidator(distinct)
        ],
        expect("all, or a list of distinct layer numbers such as [0, 6, -1]"),
    ] = Field(
        default="all", description="Layers to keep: all, or a list; 0 is the embedding output, -1 the last."
    )
    pooling: Annotated[
        Annotated[Pooling, Tag("<one>")]
        | Annotated[tuple[Pooling, ...], Field(min_length=1), AfterValidator(distinct), Tag("<list>")],
        Discriminator(one_or_list),
    ] = Field(
        default="mean",
        description="What token vectors become: mean, max, first (cls) or last token. Of a list, taken in "
        "one pass, the first keeps the model's name, each other is stored as `<model>@<pooling>`.",
    )
    special_tokens: Switch = Field(
        default=True, description="Whether mean and max take in the special tokens around a sequence."
    )
    max_tokens: Annotated[
        Literal["auto", "whole"] | Annotated[int, Field(strict=True, ge=8)],
        expect("auto, whole, or a whole number of at least 8"),
    ] = Field(
        default="auto",
        description="Longest input in tokens, special tokens included; auto: what the model was made for; "
        "whole: all of a sequence, where no table of positions sets a limit.",
    )
    overlong: Overlong = Field(
        default="window",
        description="A sequence over max_tokens: average over windows, cut to the first window, or an error.",
    )
    stride: Count | None = Field(
        default=None,
        description="Tokens from a window's start to the next; null: no overlap. Each token is pooled once.",
    )
    reverse_complement: Strands = Field(
        default="none",
        description="Also embed the reverse complement of DNA and RNA: average both strands, or concat them.",
    )
    oversize: Oversize = Field(
        default="window",
        description="A sequence too large for memory even alone: cut into windows, or skipped and named.",
    )
    unreadable: Unreadable = Field(
        default="error",
        description="A sequence that the tokenizer makes no token of, or refuses: an error, or skipped.",
    )
    compile: Switch = Field(
        default=False, description="Pass models through torch.compile; worth it for long jobs on a GPU."
    )
    tokens_per_batch: Annotated[Literal["auto"] | Count, expect("auto or a whole number of at least 1")] = (
        Field(
            default="auto",
            description="Tokens in one batch, padding included; auto: found by a short calibration.",
        )
    )


class StoreConfig(Section):
    """Where embeddings are kept."""

    path: StorePath = Field(
        default=Path("embeddings.zarr"),
        description="Directory of the Zarr store, or its URL in an object store: `s3://bucket/folder`, `gs://…`.",
    )
    dtype: StoreDtype = Field(
        default="float32",
        description="Type of stored embeddings; float16 halves the store, its rounding error is recorded.",
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


class SubsetConfig(Section):
    """Probes on a part of train, beside those on all of it."""

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
        default=("mlp",), description="Heads to train, each on every layer: mlp, linear, xgb, forest, knn."
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        default=(42,),
        description="One probe for each seed; a seed fixes initial weights, shuffling and held-out items.",
    )
    combine: Combine = Field(
        default="concat",
        description="The embeddings of an item's sequences: side by side (concat) or averaged.",
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
    folds: Annotated[int, Field(strict=True, ge=2)] | None = Field(
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


class WandbConfig(Section):
    """Learning curves in Weights & Biases."""

    enabled: Switch = Field(default=False, description="Whether to log; off imports nothing of it.")
    project: str | None = Field(default=None, description="Project; null: seqbench.")
    entity: str | None = Field(default=None, description="User or team; null: your default.")
    mode: Literal["offline", "online"] = Field(
        default="offline", description="offline writes files for `wandb sync`, online sends as it goes."
    )
    dir: LocalPath = Field(default=Path("wandb"), description="Directory of the files.")
    run_per: Literal["dataset", "probe"] = Field(
        default="dataset", description="One run a model and data set with a curve a layer, or one a probe."
    )


class TensorboardConfig(Section):
    """Learning curves in TensorBoard."""

    dir: LocalPath | None = Field(default=None, description="Directory of event files; null: none.")


class ReportConfig(Section):
    """What tables and figures are made, and where."""

    out: LocalPath = Field(default=Path("report"), description="Directory of the tables and figures.")
    best_table: Annotated[tuple[MetricChoice, ...], AfterValidator(distinct)] = Field(
        default=("accuracy", ("roc_auc", "accuracy"), "spearmanr"),
        description="One table each. A metric: all scores of the layer best by it; a list: the best of each.",
    )
    layer_figure: Annotated[tuple[MetricChoice, ...], AfterValidator(distinct)] = Field(
        default=(("roc_auc", "accuracy"), ("spearmanr", "r2")),
        description="One figure each: metric against layer; of a list the first is drawn, the rest in words.",
    )
    table_formats: Annotated[tuple[TableFormat, ...], AfterValidator(distinct)] = Field(
        default=("tsv", "md"), description="Files of each table; tex is LaTeX with booktabs."
    )
    figure_formats: Annotated[tuple[FigureFormat, ...], AfterValidator(distinct)] = Field(
        default=("png", "svg"), description="Files of each figure."
    )


_MODELS_OR_CELLS: dict[str, Any] = {
    "anyOf": [
        {"required": ["models"], "properties": {"models": {"minItems": 1}}},
        {"required": ["perturb"]},
    ]
}
"""For editors: what `Config` checks beyond single keys."""


class Config(Section):
    """A seqbench run: models, data sets, how to extract and probe, and what to report."""

    model_config = ConfigDict(json_schema_extra=_MODELS_OR_CELLS)

    models: tuple[ModelConfig, ...] = Field(
        default=(),
        description="Models and controls to compare; each entry is one of the kinds. Needed unless `perturb` "
        "does without.",
    )
    controls: Switch = Field(
        default=False,
        description="Add the controls that are not written out: an untrained twin of each checkpoint, "
        "k-mers, composition, and each probe on shuffled labels.",
    )
    datasets: DatasetsConfig = Field(
        default=DatasetsConfig(), description="Which data sets, and where they are."
    )
    extract: ExtractConfig = Field(default=ExtractConfig(), description="How sequences become embeddings.")
    store: StoreConfig = Field(default=StoreConfig(), description="Where embeddings are kept.")
    probe: ProbeConfig = Field(default=ProbeConfig(), description="Which heads are trained, and how.")
    perturb: PerturbConfig | None = Field(
        default=None, description="Perturbation response of cells; null: none."
    )
    catalog: LocalPath = Field(
        default=Path("catalog.duckdb"), description="DuckDB file of the results, one row a score."
    )
    schedule: ScheduleConfig = Field(
        default=ScheduleConfig(), description="Where tasks run, and how many at once."
    )
    report: ReportConfig = Field(
        default=ReportConfig(), description="What tables and figures are made, and where."
    )
    wandb: WandbConfig = Field(default=WandbConfig(), description="Learning curves in Weights & Biases.")
    tensorboard: TensorboardConfig = Field(
        default=TensorboardConfig(), description="Learning curves in TensorBoard."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "Config":
        first_of: dict[str, int] = {}
        for index, model in enumerate(self.models):
            first = first_of.setdefault(model.name, index)
            if first != index:
                raise PydanticCustomError(
                    "same_name",
                    "models.{first} and models.{second} are both named {name}: set `name:` on one of them",
                    {"first": first, "second": index, "name": model.name, "at": ("models", index, "name")},
                )
        if not self.models and self.perturb is None:
            given = "models" in self.model_fields_set
            said = "must not be empty" if given else "is missing: models and controls to compare"
            raise PydanticCustomError("no_models", said, {"at": ("models",)})
        self._check_perturb(set(first_of))
        if (
            self.perturb is None
            and self.datasets.root is None
            and any(model.kind != "precomputed" for model in self.models)
        ):
            raise PydanticCustomError(
                "no_root",
                "is missing; give the directory that holds the data sets",
                {"at": ("datasets", "root")},
            )
        return self

    def _check_perturb(self, models: set[str]) -> None:
        """See that features come from models of this config."""
        for index, feature in enumerate(self.perturb.features if self.perturb is not None else ()):
            if isinstance(feature, ModelFeatures) and feature.model not in models:
                raise PydanticCustomError(
                    "no_model",
                    "is {name}, but `models:` has {known}",
                    {
                        "name": feature.model,
                        "known": ", ".join(sorted(models)) or "none",
                        "at": ("perturb", "features", index, "model"),
                    },
                )


def json_schema() -> dict[str, Any]:
    """The JSON schema of a config file, for editors and for the config reference.

    Returns:
        Draft 2020-12. It knows keys, types, ranges and defaults; names that clash, paths and hub ids are only
        checked by `load_config`.
    """
    return (
        {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        | Config.model_json_schema()
        | {"title": "seqbench config"}
    )
