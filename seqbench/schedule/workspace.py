"""What the tasks of a run share: models, data sets and store, each opened when first needed and kept."""

from functools import cached_property
from typing import Any

from seqbench.config import Config, PrecomputedModel
from seqbench.datasets.dataset import Dataset, open_dataset
from seqbench.datasets.registry import Resolved, resolve
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import ConfigError, DataError
from seqbench.extract.describe import dataset_facts
from seqbench.extract.imported import Imported, describe_import
from seqbench.identity import ModelIdentity
from seqbench.models.base import Embedder, EmbedOptions, LoadedModel, Source
from seqbench.models.precomputed import Precomputed
from seqbench.models.registry import create
from seqbench.progress import Reporter
from seqbench.store import Store, create_store, open_store


class Workspace:
    """Lazily opened models, data sets and store of one config."""

    def __init__(self, config: Config, reporter: Reporter) -> None:
        self.config = config
        self.reporter = reporter
        self._models = {model.name: model for model in config.models}
        self._sources: dict[str, Source] = {}
        self._precomputed: dict[str, Precomputed] = {}
        self._imported: dict[tuple[str, str], Imported] = {}
        self._identities: dict[str, ModelIdentity] = {}
        self._datasets: dict[str, Dataset | DataError] = {}
        self._loaded: tuple[str, LoadedModel] | None = None

    @property
    def model_names(self) -> list[str]:
        """In the config's order."""
        return list(self._models)

    def kind(self, model: str) -> str:
        """The kind of a model, as in the config."""
        return self._models[model].kind

    def parameters(self, model: str) -> dict[str, Any]:
        """A model's entry in the config."""
        return self._models[model].model_dump(mode="json")

    @cached_property
    def resolved(self) -> Resolved:
        """The data sets of the run; where all models are precomputed, those that have files."""
        wanted = self.config.datasets
        files = [self.precomputed(name).files for name in self.model_names if self.is_precomputed(name)]
        names = wanted.names
        only_files = len(files) == len(self._models)
        if names is None and only_files:
            names = tuple(sorted({dataset for found in files for dataset in found}))
        return resolve(wanted.root, wanted.info, names, need_files=not only_files)

    def spec(self, dataset: str) -> DatasetSpec:
        """How a data set is to be read."""
        for spec in self.resolved.specs:
            if spec.name == dataset:
                return spec
        raise ConfigError(f"data set {dataset!r} is not in the config (datasets.names)")

    @property
    def dataset_names(self) -> list[str]:
        """In the config's order, else sorted."""
        return [spec.name for spec in self.resolved.specs]

    def dataset(self, name: str) -> Dataset:
        """Open and check a data set.

        Raises:
            DataError: Something is wrong with its files.
        """
        if name not in self._datasets:
            self._datasets[name] = self._open(name)
        found = self._datasets[name]
        if isinstance(found, DataError):
            raise found
        return found

    def _open(self, name: str) -> Dataset | DataError:
        """Open a data set once: a faulty one of many gigabytes is not read again for every model."""
        try:
            opened = open_dataset(self.spec(name), reporter=self.reporter)
        except DataError as error:
            return error
        for warning in opened.warnings:
            self.reporter.note(f"warning: {warning}")
        return opened

    def has_files(self, dataset: str) -> bool:
        """Whether the data set's sequences are at hand; not needed where embeddings are."""
        return (self.spec(dataset).folder / "train.jsonl").is_file()

    def is_precomputed(self, model: str) -> bool:
        """Whether a model's embeddings come from files."""
        return isinstance(self._models[model], PrecomputedModel)

    def precomputed(self, name: str) -> Precomputed:
        """The folder of a model whose embeddings come from files."""
        if name not in self._precomputed:
            entry = self._models[name]
            if not isinstance(entry, PrecomputedModel):
                raise TypeError(f"{name} is a {entry.kind} model")
            self._precomputed[name] = Precomputed(name=name, path=entry.path, n_layers=entry.n_layers)
        return self._precomputed[name]

    def imported(self, model: str, dataset: str) -> Imported:
        """What the files of a precomputed model say of a data set."""
        if (model, dataset) not in self._imported:
            found = describe_import(self.precomputed(model), self.spec(dataset))
            self._imported[model, dataset] = found
        return self._imported[model, dataset]

    def source(self, name: str) -> Source:
        """A model as described, not loaded."""
        if name not in self._sources:
            entry = self._models[name]
            self._sources[name] = create(entry.kind, entry.model_dump(exclude={"kind"}), self._options)
        return self._sources[name]

    def identity(self, name: str) -> ModelIdentity:
        """Which weights a model has; hashes them once."""
        if name not in self._identities:
            model = self.precomputed(name) if self.is_precomputed(name) else self.source(name)
            self._identities[name] = model.identity()
        return self._identities[name]

    def embedder(self, model: str, dataset: str) -> Embedder:
        """A loaded model, ready for a data set; one model is kept in memory at a time.

        Raises:
            NotApplicableError: The model can't embed such data by its nature.
        """
        if self._loaded is None or self._loaded[0] != model:
            self._loaded = None
            self._loaded = (model, self.source(model).load())
        return self._loaded[1].embedder(dataset_facts(self.dataset(dataset)))

    @cached_property
    def _options(self) -> EmbedOptions:
        extract = self.config.extract
        return EmbedOptions(
            pooling=extract.pooling,
            max_tokens=None if extract.max_tokens == "auto" else extract.max_tokens,
            overlong=extract.overlong,
            tokens_per_batch=None if extract.tokens_per_batch == "auto" else extract.tokens_per_batch,
        )

    @cached_property
    def store(self) -> Store:
        """The store for writing, made where there is none."""
        return create_store(self.config.store.path)

    def present_store(self) -> Store | None:
        """The store for reading; None where there is none yet."""
        if not self.config.store.path.exists():
            return None
        return open_store(self.config.store.path)
