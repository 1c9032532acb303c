"""What the config's models are stored under, and what the config says of each name."""

from typing import Any, NamedTuple

from seqbench.config import ByIdModel, Config, ModelConfig, PrecomputedModel
from seqbench.config.model_kinds import gives_letters
from seqbench.core.alphabets import is_nucleic
from seqbench.core.identity import Settings
from seqbench.core.types import Pooling, StoreDtype, Strands
from seqbench.datasets.dataset import Dataset
from seqbench.errors import ConfigError
from seqbench.models.registry import WITH_OPTIONS
from seqbench.store import TOKENS


class Entry(NamedTuple):
    """What is stored under one name."""

    name: str
    model: ModelConfig
    """The config's model that makes it."""
    pooling: Pooling | None
    """None for models that pool nothing."""
    of_tokens: bool = False
    """Whether single tokens are stored."""


class Entries:
    """The names that a config's models have in the store: one for each pooling of a model.

    Raises:
        ConfigError: Two would be stored under one name.
    """

    def __init__(self, config: Config) -> None:
        self._extract, self._store = config.extract, config.store
        entries = [entry for model in config.models for entry in self._entries_of(model)]
        self._entries = {entry.name: entry for entry in entries}
        if len(self._entries) < len(entries):
            raise ConfigError(
                "models: two would be stored under one name, as further poolings are named "
                "`<model>@<pooling>` (set `name:` on one of them)"
            )

    def _entries_of(self, model: ModelConfig) -> list[Entry]:
        """What a model fills: the first pooling under its name, each further one beside it."""
        pooling = self._extract.pooling
        poolings: tuple[Pooling, ...] = (pooling,) if isinstance(pooling, str) else pooling
        of_tokens = Entry(f"{model.name}{TOKENS}", model, None, of_tokens=True)
        if model.kind not in WITH_OPTIONS:
            kept = self._extract.tokens is not None and gives_letters(model)
            return [Entry(model.name, model, None), *([of_tokens] if kept else [])]
        names = [model.name, *(f"{model.name}@{each}" for each in poolings[1:])]
        found = [Entry(name, model, each) for name, each in zip(names, poolings, strict=True)]
        if self._extract.tokens is not None:
            found.append(of_tokens)
        return found

    def is_of_tokens(self, name: str) -> bool:
        """Whether single tokens are stored under a name."""
        return self._entries[name].of_tokens

    def stored_as(self, name: str) -> StoreDtype:
        """The type in which embeddings of that name are stored."""
        tokens = self._extract.tokens
        return tokens.dtype if tokens is not None and self.is_of_tokens(name) else self._store.dtype

    def recorded(self, name: str, settings: Settings) -> Settings:
        """Those of an embedder's settings that decide what is stored under a name, and its pooling."""
        if self.is_of_tokens(name):
            return {key: value for key, value in settings.items() if key != "special_tokens"}
        return settings | self.pooling_setting(name)

    @property
    def names(self) -> list[str]:
        """Names in the store, in the config's order."""
        return list(self._entries)

    def model(self, name: str) -> ModelConfig:
        """The config's model that makes what is stored under a name."""
        return self._entries[name].model

    def computed_by(self, name: str) -> str:
        """The name of the config's model that makes what is stored under a name."""
        return self.model(name).name

    def kind(self, name: str) -> str:
        """The kind of a model, as in the config."""
        return self.model(name).kind

    def parameters(self, name: str) -> dict[str, Any]:
        """A model's entry in the config."""
        return self.model(name).model_dump(mode="json")

    def is_precomputed(self, name: str) -> bool:
        """Whether a model's embeddings come from files."""
        return isinstance(self.model(name), PrecomputedModel)

    def is_by_id(self, name: str) -> bool:
        """Whether a model's embeddings lie in a file by the items' ids."""
        return isinstance(self.model(name), ByIdModel)

    def pooling(self, name: str) -> Pooling:
        """How tokens become what is stored under a name; controls count or place letters."""
        return self._entries[name].pooling or "mean"

    def pooling_setting(self, name: str) -> Settings:
        """The pooling as it is recorded: for models that pool."""
        pooling = self._entries[name].pooling
        return {} if pooling is None else {"pooling": pooling}

    def strands(self, name: str, dataset: Dataset) -> Strands:
        """What is made of both strands: proteins have one, and controls count what they are told to."""
        if not is_nucleic(dataset.alphabet) or self.kind(name) not in WITH_OPTIONS:
            return "none"
        return self._extract.reverse_complement
