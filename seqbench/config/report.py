"""The sections of a config that show results: `report`, and learning curves in `wandb` and `tensorboard`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from seqbench.config.fields import LocalPath, MetricChoice, Section, Switch, distinct
from seqbench.core.types import FigureFormat, TableFormat


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
    artifacts: Switch = Field(
        default=True, description="Whether the folder of each fine-tuned model is logged as a model artifact."
    )


class TensorboardConfig(Section):
    """Learning curves in TensorBoard."""

    dir: LocalPath | None = Field(default=None, description="Directory of event files; null: none.")
