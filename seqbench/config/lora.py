"""The section `lora`: low-rank adapters, for whatever stage trains an encoder."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from seqbench.config.fields import Count, PositiveRate, Section, Share, distinct, expect


class LoraConfig(Section):
    """Low-rank adapters beside the weights (LoRA)."""

    rank: Count = Field(default=8, description="Inner width of an adapter's two matrices.")
    alpha: PositiveRate = Field(
        default=16.0, description="An adapter's product is multiplied with alpha / rank."
    )
    dropout: Share = Field(default=0.0, description="Share of an adapter's inputs dropped in training.")
    targets: Annotated[
        Literal["auto"]
        | Annotated[
            tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1), AfterValidator(distinct)
        ],
        expect("auto, or a list of names such as [query, value]"),
    ] = Field(
        default="auto",
        description="Linear maps that get an adapter: auto takes all that hidden states depend on; names are "
        "the last parts of modules' paths.",
    )
