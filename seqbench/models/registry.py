"""The kinds of models by name; listing them imports none of their code."""

from importlib import import_module
from typing import Any

from seqbench.models.base import EmbedOptions, Source

_SOURCES = {
    "huggingface": "seqbench.models.huggingface:HuggingFace",
    "random-init": "seqbench.models.huggingface:RandomInit",
    "kmer": "seqbench.models.controls:Kmer",
    "onehot": "seqbench.models.controls:Onehot",
    "kmer-window": "seqbench.models.letter_controls:KmerWindow",
    "onehot-window": "seqbench.models.letter_controls:OnehotWindow",
    "position": "seqbench.models.letter_controls:Position",
}
"""`precomputed` is missing on purpose: its embeddings are imported, it embeds nothing."""

CONTROLS = frozenset({"random-init", "kmer", "onehot", "position"})
"""Models that should know nothing, or only composition or position."""

WITH_OPTIONS = frozenset({"huggingface", "random-init"})

WITH_WINDOW = frozenset({"kmer", "onehot"})
"""Controls that know the neighbourhood of each letter where their entry has a `window`."""


def create(kind: str, parameters: dict[str, Any], options: EmbedOptions) -> Source:
    """Make the source of a model; loads nothing.

    Args:
        kind: As in the config.
        parameters: The model's entry in the config, without `kind`.
        options: The config's `extract:` keys, for models that have use for them.
    """
    own = dict(parameters)
    if kind in WITH_WINDOW:
        window = own.pop("window", None)
        if window is not None:
            kind, own = f"{kind}-window", {**own, "window": window}
    module, _, name = _SOURCES[kind].partition(":")
    extra: dict[str, Any] = {"options": options} if kind in WITH_OPTIONS else {}
    source: Any = getattr(import_module(module), name)(**own, **extra)
    found: Source = source.on_its_base() if kind == "huggingface" else source
    return found
