"""The config's keys on single tokens: what is kept of them, and the heads that read them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from seqbench.config.fields import Section, distinct, expect
from seqbench.core.types import StoreDtype

LayerChoice = Annotated[
    Literal["all"]
    | Annotated[
        tuple[Annotated[int, Field(strict=True)], ...], Field(min_length=1), AfterValidator(distinct)
    ],
    expect("all, or a list of distinct layer numbers such as [0, 6, -1]"),
]


class TokensConfig(Section):
    """Which vectors of single tokens are kept."""

    layers: LayerChoice = Field(
        default=(-1,), description="Layers whose tokens are kept: all, or a list; -1 is the last."
    )
    dtype: StoreDtype = Field(
        default="float16",
        description="Type of stored tokens: float16, whose rounding error is recorded, or float32.",
    )
