"""The kinds of models by name; listing them imports none of their code."""

from importlib import import_module
from typing import Any

from seqbench.models.base import EmbedOptions, Source

KINDS = {
    "huggingface": "seqbench.models.huggingface:HuggingFace",
    "random-init": "seqbench.models.huggingface:RandomInit",
    "kmer": "seqbench.models.controls:Kmer",
    "onehot": "seqbench.models.controls:Onehot",
}
"""`precomputed` is missing on purpose: its embeddings are imported, it embeds nothing."""

CONTROLS = frozenset({"random-init", "kmer", "onehot"})
"""Models that should know nothing, or only composition or position."""

WITH_OPTIONS = frozenset({"huggingface", "random-init"})


def create(kind: str, parameters: dict[str, Any], options: EmbedOptions) -> Source:
    """Make the source of a model; loads nothing.

    Args:
        kind: A key of `KINDS`.
        parameters: The model's entry in the config, without `kind`.
        options: The config's `extract:` keys, for models that have use for them.
    """
    module, _, name = KINDS[kind].partition(":")
    extra: dict[str, Any] = {"options": options} if kind in WITH_OPTIONS else {}
    source: Any = getattr(import_module(module), name)(**parameters, **extra)
    found: Source = source.on_its_base() if kind == "huggingface" else source
    return found
