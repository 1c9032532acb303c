"""The section `adapt`: models that go on with language modelling on corpora, and what they are called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from seqbench.config.fields import (
    Count,
    Decay,
    Fraction,
    LocalPath,
    ModelName,
    PositiveRate,
    Rate,
    Section,
    Seed,
    Share,
    Switch,
    expect,
)
from seqbench.config.lora import LoraConfig
from seqbench.config.model_kinds import HuggingFaceModel, ModelConfig, RandomInitModel
from seqbench.core.types import check_name

FOLDER = "adapted"
"""Beside the catalog, where `out` is null."""


def _corpus_name(value: str) -> str:
    return check_name(value, "corpus")


class CorpusConfig(Section):
    """A corpus: documents without labels, and its share of a mixture."""

    path: LocalPath = Field(
        description="JSONL, text (a line a document), FASTA, CSV, TSV, Parquet or Arrow; plain or gzip; or a "
        "folder that the library `datasets` saved."
    )
    name: Annotated[str, AfterValidator(_corpus_name)] = Field(
        default_factory=lambda data: Path(data["path"]).name.partition(".")[0],
        validate_default=True,
        description="Name in messages, catalog and report; by default that of the file, without its endings.",
    )
    format: Literal["jsonl", "text", "fasta", "table", "arrow"] | None = Field(
        default=None, description="Null: told by the ending, else by the first bytes."
    )
    key: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Key or column of the text; null: the first of text, seq and sequence."
    )
    group_key: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Key or column of what a document is a part of, such as an article; documents of one "
        "group are held out together. Null: each by its text.",
    )
    both_strands: Switch = Field(
        default=False, description="Also train on the reverse complement of each document (DNA and RNA)."
    )
    weight: PositiveRate = Field(default=1.0, description="Its share of the tokens, beside the others'.")
    eval: LocalPath | None = Field(
        default=None,
        description="A file of held-out documents, read like `path`; null: the share `adapt.eval` of this.",
    )


class Checkpoint(NamedTuple):
    """A model that an adaptation makes."""

    name: str
    step: int
    """After so many steps it was saved."""


class AdaptConfig(Section):
    """An adaptation: a model of the config that goes on with language modelling, under a new name."""

    name: ModelName = Field(
        description="What it makes: a model that every other section of this config can name."
    )
    model: ModelName = Field(
        description="Where it begins: a checkpoint under `models`, or what an entry above makes."
    )
    objective: Literal["auto", "mlm", "clm"] = Field(
        default="auto",
        description="Masked or causal language modelling; auto: what the checkpoint was made for.",
    )
    corpora: Annotated[tuple[CorpusConfig, ...], Field(min_length=1)] = Field(
        description="What it is trained on, in shares of tokens by their weights."
    )
    mask: Fraction = Field(
        default=0.15, description="Share of the tokens that are targets (masked language modelling)."
    )
    masking: Literal["auto", "token", "word", "span", "kmer"] = Field(
        default="auto",
        description="What is masked as one: a token, a word of text, a span, or every k-mer that holds a "
        "hidden letter; auto: kmer where tokens are overlapping k-mers, else token.",
    )
    span: Annotated[float, Field(strict=True, ge=1)] = Field(
        default=3.0, description="Mean length of a span in tokens."
    )
    replace: Literal["bert", "mask"] = Field(
        default="bert",
        description="What stands for a target: bert takes the mask token for 80 %, a random token for 10 % "
        "and leaves 10 %; mask takes the mask token for all.",
    )
    steps: Count = Field(default=2000, description="Optimiser steps.")
    lr: PositiveRate = Field(default=5.0e-5, description="AdamW's learning rate.")
    weight_decay: Rate = Field(
        default=0.01, description="Share of lr by which a step shrinks weights; never biases and norms."
    )
    warmup_steps: Annotated[int, Field(strict=True, ge=0)] = Field(
        default=100, description="Steps in which lr rises from 0."
    )
    decay: Decay = Field(default="linear", description="What lr does after that.")
    tokens_per_batch: Annotated[Literal["auto"] | Count, expect("auto, or a whole number of at least 1")] = (
        Field(
            default="auto",
            description="Tokens of a batch, padding included; auto: 8,192. Where memory does not suffice "
            "batches are cut, and their gradients added up.",
        )
    )
    max_tokens: Annotated[
        Literal["auto"] | Annotated[int, Field(strict=True, ge=16)],
        expect("auto, or a whole number of at least 16"),
    ] = Field(
        default="auto",
        description="Longest window in tokens, special tokens included; longer documents are cut into "
        "several. auto: what the model was made for, at most 1,024.",
    )
    accumulate: Count = Field(default=1, description="Batches of a step.")
    clip: PositiveRate | None = Field(default=1.0, description="Largest norm of the gradient; null: any.")
    dtype: Literal["float32", "bfloat16"] = Field(
        default="bfloat16",
        description="What products are computed in (autocast); weights and losses are float32. A CPU that "
        "would have to emulate bfloat16 takes float32.",
    )
    encoder: Literal["full", "lora"] = Field(
        default="full", description="Whether all weights are trained, or adapters beside them."
    )
    lora: LoraConfig = Field(default=LoraConfig(), description="The adapters of encoder: lora.")
    gradient_checkpointing: Switch = Field(
        default=False, description="Compute blocks again in the backward pass, which saves memory."
    )
    checkpoint_steps: Count | None = Field(
        default=None,
        description="Steps from one checkpoint to the next; each is a model, `<name>@<step>`. null: none.",
    )
    eval: Share = Field(
        default=0.05,
        description="Share of each corpus that is held out by content hash, and measured during training.",
    )
    seed: Seed = Field(default=0, description="Of masks, dropout and the order of documents.")
    out: LocalPath | None = Field(
        default=None,
        description="Folder for the models, one folder each; null: `adapted` beside the catalog.",
    )

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """All models that it makes, the last one under its own name."""
        every = self.checkpoint_steps or self.steps
        early = [Checkpoint(f"{self.name}@{step}", step) for step in range(every, self.steps, every)]
        return (*early, Checkpoint(self.name, self.steps))

    def folder(self, name: str, catalog: Path) -> Path:
        """Where a model that it makes lies.

        Args:
            name: Its own, or a checkpoint's.
            catalog: Of the config.
        """
        return (catalog.parent / FOLDER if self.out is None else self.out) / name

    @model_validator(mode="after")
    def _names_differ(self) -> "AdaptConfig":
        first_of: dict[str, int] = {}
        for index, corpus in enumerate(self.corpora):
            first = first_of.setdefault(corpus.name, index)
            if first != index:
                raise PydanticCustomError(
                    "same_corpus",
                    "corpora.{first} and corpora.{second} are both named {name}: set `name:` on one of them",
                    {"first": first, "second": index, "name": corpus.name},
                )
        return self


def check_adaptations(adaptations: tuple[AdaptConfig, ...], models: Mapping[str, ModelConfig]) -> list[str]:
    """See that adaptations begin with a model that is there, and make names that are free.

    Args:
        adaptations: In the config's order.
        models: Of the config, by name.

    Returns:
        The names that they make.
    """
    made: dict[str, int] = {}
    for index, each in enumerate(adaptations):
        base = models.get(each.model)
        if each.model not in made and not isinstance(base, HuggingFaceModel | RandomInitModel):
            known = [
                name
                for name, model in models.items()
                if isinstance(model, HuggingFaceModel | RandomInitModel)
            ]
            raise PydanticCustomError(
                "no_base",
                "is {name}, which is no checkpoint under `models` and made by no entry above (there are "
                "{known})",
                _at(index, "model", name=each.model, known=", ".join([*known, *made]) or "none"),
            )
        is_adapter = (
            adaptations[made[each.model]].encoder == "lora"
            if each.model in made
            else not isinstance(base, HuggingFaceModel) or base.adapter is not None
        )
        if each.encoder == "lora" and is_adapter:
            raise PydanticCustomError(
                "no_adapter",
                "is lora, which needs a trained checkpoint that is no adapter itself; {name} is none (set "
                "encoder: full)",
                _at(index, "encoder", name=each.model),
            )
        for name in (checkpoint.name for checkpoint in each.checkpoints):
            if name in models or name in made:
                whose = "under `models`" if name in models else f"made by adapt.{made[name]}"
                raise PydanticCustomError(
                    "made_twice",
                    "makes {name}, and there is a model of that name {whose}: choose another",
                    _at(index, "name", name=name, whose=whose),
                )
            made[name] = index
    return list(made)


def _at(index: int, key: str, **values: str) -> dict[str, Any]:
    return {**values, "at": ("adapt", index, key)}
