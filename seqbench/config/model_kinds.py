"""The kinds of models a config can name: checkpoints, controls, and embeddings from files."""

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from seqbench.config.fields import (
    Count,
    Counts,
    LocalPath,
    ModelName,
    Section,
    Seed,
    Switch,
    distinct,
    expect,
    one_or_list,
)
from seqbench.core.types import Dtype

_MODULE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
"""The name of a module, as in an import statement."""


def _model_path(value: str) -> str:
    if not value.strip() or "\0" in value or "://" in value:
        raise PydanticCustomError("expected", "must be a directory or a hub id such as organisation/model")
    return value


class Checkpoint(Section):
    """What every model that comes from a checkpoint is told."""

    path: Annotated[str, AfterValidator(_model_path)] = Field(
        description="A local directory in the Hugging Face layout, or a hub id such as organisation/model."
    )
    dtype: Dtype = Field(default="bfloat16", description="Floating-point type in which the model computes.")
    revision: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Commit hash, tag or branch of a hub id; null takes the hub's main branch."
    )
    trust_remote_code: Switch = Field(
        default=False,
        description="Run Python code shipped with the checkpoint; a hub id then needs a commit hash.",
    )
    attn_implementation: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Attention kernel by its name in transformers, such as sdpa, eager or flash_attention_2; "
        "null takes the best that the model has.",
    )

    requires: Annotated[str, Field(pattern=_MODULE)] | None = Field(
        default=None,
        description="Package that adds the model to transformers when it is imported, such as multimolecule; "
        "its version is recorded.",
    )


class HuggingFaceModel(Checkpoint):
    """A model from a checkpoint, through the Auto classes of transformers."""

    kind: Literal["huggingface"] = Field(
        default="huggingface", description="A trained checkpoint; the default kind."
    )
    adapter: LocalPath | None = Field(
        default=None, description="Directory of a LoRA adapter saved by peft, merged into the weights."
    )
    name: ModelName = Field(
        default_factory=lambda data: PurePath(data["path"]).name,
        validate_default=True,
        description="Name in the store, the catalog and the report; by default the last part of `path`.",
    )


class RandomInitModel(Checkpoint):
    """The architecture and tokenizer of a checkpoint with random weights: a control that knows nothing."""

    kind: Literal["random-init"] = Field(description="A checkpoint's architecture with random weights.")
    seed: Seed = Field(default=0, description="Seed of the random weights.")
    name: ModelName = Field(
        default_factory=lambda data: f"{PurePath(data['path']).name}-untrained",
        validate_default=True,
        description="Name everywhere; by default the last part of `path` followed by -untrained.",
    )


def _odd(window: int) -> int:
    if window % 2 == 0:
        raise PydanticCustomError("odd", "must be an odd number, as a window has a letter in its middle")
    return window


Window = Annotated[Count, AfterValidator(_odd)]
"""Letters of a neighbourhood, the letter itself in the middle."""


def _kmer_name(data: dict[str, Any]) -> str:
    lengths = data["k"] if isinstance(data["k"], tuple) else (data["k"],)
    parts = ["kmers"] if data["k"] == "auto" else ["kmer", *map(str, lengths)]
    parts += ["canonical"] if data["canonical"] else []
    return "-".join([*parts, *([f"window-{data['window']}"] if data.get("window") else [])])


def _onehot_name(data: dict[str, Any]) -> str:
    return f"onehot-window-{data['window']}" if data.get("window") else "onehot"


class KmerModel(Section):
    """Counts of all subsequences of length k: a control that knows composition only."""

    kind: Literal["kmer"] = Field(description="Counts of k-mers.")
    k: Annotated[
        Annotated[
            Annotated[Literal["auto"] | Count, expect("auto, or a whole number of at least 1")], Tag("<one>")
        ]
        | Annotated[Counts, AfterValidator(distinct), Tag("<list>")],
        Discriminator(one_or_list),
    ] = Field(
        default=4,
        description="Length of the k-mers in letters, or a list of lengths counted side by side; auto: 4 of "
        "nucleotides, 2 of proteins.",
    )
    canonical: Switch = Field(
        default=False, description="Count a k-mer and its reverse complement as one (DNA and RNA)."
    )
    window: Window | None = Field(
        default=None,
        description="Give each letter a vector, of the k-mers within so many letters around it; null: count "
        "in the whole sequence.",
    )
    name: ModelName = Field(
        default_factory=_kmer_name,
        validate_default=True,
        description="Name everywhere; by default kmer-4, kmer-1-2 and so on, or kmers for auto; with "
        "-canonical and -window-15 where they are.",
    )


def is_composition(k: object) -> bool:
    """Whether k-mers of these lengths are single letters alone."""
    return k in (1, (1,), [1])


class OneHotModel(Section):
    """The letters themselves, by position: a control for data sets whose sequences share one length.

    With a window, the letters around each letter, of sequences of any length.
    """

    kind: Literal["onehot"] = Field(description="One-hot letters by position.")
    window: Window | None = Field(
        default=None,
        description="Give each letter a vector, of so many letters around it (15 is common); null: one "
        "vector of the whole sequence.",
    )
    name: ModelName = Field(
        default_factory=_onehot_name,
        validate_default=True,
        description="Name everywhere; by default onehot, or onehot-window-15 and so on.",
    )


class PositionModel(Section):
    """Where each letter stands in its sequence, not what it is: a control for labels of letters."""

    kind: Literal["position"] = Field(description="The place of each letter.")
    name: ModelName = Field(default="position", description="Name in the store, the catalog and the report.")


def gives_letters(model: Section) -> bool:
    """Whether a control gives each letter a vector, which `extract.tokens` keeps."""
    return isinstance(model, PositionModel) or getattr(model, "window", None) is not None


class PrecomputedModel(Section):
    """Embeddings that were made elsewhere, in the reference system's `.pt` files."""

    kind: Literal["precomputed"] = Field(description="Embeddings from files.")
    path: LocalPath = Field(description="Directory holding `<data set>-<layer>layer_<split>.pt`.")
    n_layers: Count = Field(
        description="Number of the last layer, layer 0 being the embedding output; or one more than that."
    )
    name: ModelName = Field(description="Name in the store, the catalog and the report.")


class ByIdModel(Section):
    """Embeddings that were made elsewhere, in one file that holds a vector for each id."""

    kind: Literal["by-id"] = Field(description="Embeddings from a file, by the items' ids.")
    path: LocalPath = Field(
        description="The file, .h5, .npz, .csv, .tsv or .parquet, with a vector for each id."
    )
    id_column: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Column of a table that holds the ids; null: `id`, or a first one without a name.",
    )
    name: ModelName = Field(
        default_factory=lambda data: PurePath(data["path"]).stem,
        validate_default=True,
        description="Name everywhere; by default that of the file, without its ending.",
    )


FROM_FILES = frozenset({"precomputed", "by-id"})
"""Kinds whose embeddings are there already, so that nothing can be embedded anew."""


def _kind(value: object) -> str:
    kind = value.get("kind", "huggingface") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"<{kind or 'huggingface'}>"


ModelConfig = Annotated[
    Annotated[HuggingFaceModel, Tag("<huggingface>")]
    | Annotated[RandomInitModel, Tag("<random-init>")]
    | Annotated[KmerModel, Tag("<kmer>")]
    | Annotated[OneHotModel, Tag("<onehot>")]
    | Annotated[PositionModel, Tag("<position>")]
    | Annotated[PrecomputedModel, Tag("<precomputed>")]
    | Annotated[ByIdModel, Tag("<by-id>")],
    Discriminator(_kind),
]
MODEL_KINDS: dict[str, type[Section]] = {
    "huggingface": HuggingFaceModel,
    "random-init": RandomInitModel,
    "kmer": KmerModel,
    "onehot": OneHotModel,
    "position": PositionModel,
    "precomputed": PrecomputedModel,
    "by-id": ByIdModel,
}
