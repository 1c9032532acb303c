"""The section `perturb` of a config: cells, features of perturbations, what is held out, and heads."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from seqbench.config.fields import (
    Count,
    DatasetName,
    Fraction,
    LocalPath,
    ModelName,
    PositiveRate,
    Rate,
    Section,
    Seed,
    Share,
    Switch,
    distinct,
    expect,
)

ResponseHead = Literal[
    "control_mean", "perturbation_mean", "context_mean", "additive", "nearest", "ridge", "st"
]


class FileFeatures(Section):
    """Vectors by name in a file."""

    file: LocalPath = Field(description="PyTorch file of {name: vector}, read without unpickling code.")


class GeneVectors(Section):
    """A layer of a model of this config, from the sequences of the genes that cells express."""

    model: ModelName = Field(description="Name of an entry of `models:`.")
    layer: int = Field(default=-1, strict=True, description="Its layer; -1 is the last.")
    sequences: LocalPath = Field(
        description="FASTA or JSONL of the genes' sequences; a record's name is the gene's in `var`."
    )


class CellsConfig(Section):
    """One file of cells, and which column of `obs` holds what."""

    file: LocalPath = Field(description="AnnData file (.h5ad), its matrix dense or CSR.")
    name: DatasetName = Field(description="What catalog and report call these cells.")
    perturbation: str = Field(description="Column of obs that names the perturbation.")
    control: str = Field(description="Value of that column for cells that were not perturbed.")
    context: str | None = Field(
        default=None, description="Column of obs with cell type, line, donor or replicate; null: all are one."
    )
    batch: str | None = Field(
        default=None,
        description="Column of obs with plate or lane: `st` draws controls of the same; null: by context.",
    )
    expression: str = Field(default="X", description="Where expression is: X, or a key of layers.")
    embedding: Annotated[
        str | GeneVectors | FileFeatures | None,
        expect("a key of obsm, {model: …, sequences: …} or {file: …}"),
    ] = Field(
        default=None,
        description="What `st` reads as control cells: a key of obsm; or vectors of genes, of a model's "
        "layer or a file, whose mean weighted by expression is the cell's; null: expression.",
    )
    normalize: Literal["auto", "counts", "none"] = Field(
        default="auto",
        description="Counts are scaled to the median depth and log(1 + x) is taken; auto: where all are "
        "whole numbers; none: values are logged already.",
    )
    genes: Count | None = Field(
        default=2000, description="Genes of highest variance over cells of train and controls; null: all."
    )


class ModelFeatures(Section):
    """Layers of a model of this config, from the sequences of the perturbed genes."""

    model: ModelName = Field(description="Name of an entry of `models:`.")
    layers: Annotated[
        Literal["all"]
        | Annotated[
            tuple[Annotated[int, Field(strict=True)], ...], Field(min_length=1), AfterValidator(distinct)
        ],
        expect("all, or a list of distinct layer numbers such as [0, 6, -1]"),
    ] = Field(default="all", description="Each is a contender of its own: all, or a list such as [0, 6, -1].")
    sequences: LocalPath = Field(
        description="FASTA or JSONL of the perturbed genes' sequences; a record's name (`perturbation`, "
        "`gene`, `id` or `name` in JSONL) is the gene's."
    )


class SplitsConfig(Section):
    """What is held out: drawn, a column of obs, or one of the community's TOML files."""

    hold_out: Literal["perturbations", "contexts", "few-shot", "combinations"] | None = Field(
        default=None,
        description="Drawn by seed: perturbations that train has in no context, contexts (zero-shot), "
        "contexts of which train sees `few` perturbations, or combinations of genes.",
    )
    share: Fraction = Field(default=0.2, description="Of what is held out, for test and again for eval.")
    few: Count = Field(default=5, description="few-shot: perturbations of a held-out context in train.")
    seed: Seed = Field(default=0, description="Of the draw.")
    column: str | None = Field(
        default=None, description="Column of obs that says train, eval (or val) and test."
    )
    toml: LocalPath | None = Field(
        default=None,
        description="TOML file with [training], [zeroshot] and [fewshot], as the community shares them.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "SplitsConfig":
        given = [key for key in ("hold_out", "column", "toml") if getattr(self, key) is not None]
        if len(given) != 1:
            raise PydanticCustomError(
                "one_way",
                "takes exactly one of hold_out, column and toml, not {given}",
                {"given": " and ".join(given) or "none"},
            )
        return self


class StateTransitionConfig(Section):
    """The set-to-set head `st`: a transformer over control cells that is told the perturbation."""

    set_size: Count = Field(default=64, description="Cells of a set.")
    hidden: Count = Field(default=512, description="Width of the transformer; a multiple of heads.")
    blocks: Count = Field(default=4, description="Blocks of the transformer.")
    heads: Count = Field(default=8, description="Attention heads of a block.")
    dropout: Share = Field(default=0.0, description="Dropout of the transformer.")
    pert_width: Count | None = Field(
        default=None,
        description="Width that the vectors of perturbations have; another one is an error. null: theirs.",
    )
    loss: Literal["energy", "mse", "mmd"] = Field(
        default="energy",
        description="Between predicted and real sets: energy distance, squared error of means, MMD.",
    )
    residual: Switch = Field(
        default=True,
        description="Whether the network predicts the change from the control cells, not the cells.",
    )
    decoder: Annotated[tuple[Count, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Hidden widths of a decoder from the output embedding to genes, such as "
        "[1024, 1024, 512]; null: the output layer gives genes itself.",
    )
    steps: Count = Field(
        default=40000, description="Optimiser steps; a longer course goes on from a checkpoint."
    )
    val_every: Count = Field(default=500, description="Steps from one look at eval to the next.")
    checkpoint_steps: Count | None = Field(
        default=5000, description="Steps from one saved state to the next; null: none."
    )
    lr: PositiveRate = Field(default=1.0e-4, description="AdamW's learning rate.")
    weight_decay: Rate = Field(default=0.0, description="Share of lr by which a step shrinks weights.")
    warmup: Share = Field(default=0.0, description="Share of the steps in which lr rises from 0.")
    decay: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="What lr does after that."
    )
    patience: Count | None = Field(
        default=10, description="Looks at eval without a lower loss after which training stops; null: never."
    )
    clip: PositiveRate | None = Field(default=10.0, description="Largest norm of the gradient; null: any.")
    accumulate: Count = Field(default=1, description="Batches of a step.")
    batch_sets: Count = Field(default=16, description="Sets of a batch.")

    @model_validator(mode="after")
    def _width_divides(self) -> "StateTransitionConfig":
        if self.hidden % self.heads:
            raise PydanticCustomError(
                "heads", "hidden ({hidden}) must be a multiple of heads ({heads})",
                {"hidden": self.hidden, "heads": self.heads},
            )  # fmt: skip
        return self


class PerturbConfig(Section):
    """Perturbation response: which layer of which protein model knows what a perturbation does to cells."""

    data: Annotated[tuple[CellsConfig, ...], Field(min_length=1)] = Field(description="Files of cells.")
    features: Annotated[tuple[Literal["onehot"] | ModelFeatures | FileFeatures, ...], Field(min_length=1)] = (
        Field(default=("onehot",), description="Contenders: onehot, layers of a model, or a file of vectors.")
    )
    splits: SplitsConfig = Field(description="What is held out.")
    heads: Annotated[tuple[ResponseHead, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        default=("control_mean", "perturbation_mean", "context_mean", "nearest", "ridge"),
        description="Baselines that average or add, ridge on features, and `st`.",
    )
    missing: Literal["error", "skip"] = Field(
        default="error",
        description="A perturbation without a vector: an error that lists them, or left out of train and "
        "test for every contender, which tables say.",
    )
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(distinct)] = Field(
        default=(42,), description="Seeds of `st`."
    )
    st: StateTransitionConfig = Field(
        default_factory=StateTransitionConfig, description="Settings of the head st."
    )
    out: LocalPath | None = Field(
        default=None,
        description="Folder for the predicted cells of test, an .h5ad file a head; null: none are written.",
    )
