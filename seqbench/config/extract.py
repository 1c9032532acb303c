"""The sections `extract` and `store` of a config: how sequences become embeddings, where those are kept."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from seqbench.config.fields import Count, Section, StorePath, Switch, distinct, expect, one_or_list
from seqbench.config.tokens import LayerChoice, TokensConfig
from seqbench.core.types import Overlong, Oversize, Pooling, StoreDtype, Strands, Unreadable


class ExtractConfig(Section):
    """How sequences become embeddings."""

    layers: LayerChoice = Field(
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
    tokens: TokensConfig | None = Field(
        default=None,
        description="Also keep a vector a token of some layers, for heads that read tokens; null: none.",
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
