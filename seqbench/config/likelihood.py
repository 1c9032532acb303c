"""The section `likelihood`: what adapted models are measured on in bits a letter."""

from typing import Annotated

from pydantic import Field

from seqbench.config.adapt import CorpusConfig
from seqbench.config.fields import Count, Fraction, Section, Seed


class LikelihoodConfig(Section):
    """Bits a letter on held-out documents, of adapted models, their checkpoints and what they began with."""

    watch: tuple[CorpusConfig, ...] = Field(
        default=(),
        description="Further corpora, such as what a model was trained on before: what is forgotten of them "
        "is told. All of their documents count as held out.",
    )
    letters: Count = Field(
        default=200_000, description="Letters of each corpus's held-out documents that are scored, about."
    )
    document_letters: Annotated[int, Field(strict=True, ge=64)] = Field(
        default=16_384, description="Letters of a document at most; of a longer one parts are taken."
    )
    segment: Annotated[int, Field(strict=True, ge=16)] = Field(
        default=512, description="Letters that a model sees at once."
    )
    mask: Fraction = Field(
        default=0.15, description="Share of the letters, of text of the words, that are hidden at once."
    )
    seed: Seed = Field(default=0, description="Of what is hidden.")
