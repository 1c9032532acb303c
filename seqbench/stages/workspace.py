"""What the tasks of a run share: models, data sets and store, each opened when first needed and kept."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from seqbench.config import Config, PrecomputedModel
from seqbench.config.made import check_is_made
from seqbench.core.identity import ModelIdentity, Settings
from seqbench.core.progress import Reporter
from seqbench.core.types import SplitName
from seqbench.datasets.dataset import Dataset, open_dataset
from seqbench.datasets.registry import Resolved, resolve
from seqbench.datasets.sequences import open_sequences
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import ConfigError, DataError, StoreNotFoundError
from seqbench.extract.describe import dataset_facts, embedding_facts, token_facts
from seqbench.extract.repeats import Repeats
from seqbench.models.base import Embedder, EmbedOptions, LoadedModel, Source, TokenSource
from seqbench.models.registry import WITH_OPTIONS, create
from seqbench.schedule.context import Context
from seqbench.stages.entries import Entries
from seqbench.stages.lending import Models, Once
from seqbench.stages.model_files import ModelFiles
from seqbench.stages.sequences import SEQUENCES, sequence_files
from seqbench.stages.shards import resolve_layers
from seqbench.store import EmbeddingFacts, SplitFacts, Store, create_store, open_store

if TYPE_CHECKING:
    from seqbench.extract.by_id import Joined
    from seqbench.extract.imported import ImportedEmbeddings

SAMPLE = 64
"""Items of train that tell how many tokens letters make."""


class Workspace:
    """Lazily opened models, data sets and store of one config."""

    def __init__(self, config: Config, reporter: Reporter) -> None:
        self.config = config
        self.reporter = reporter
        self.entries = Entries(config)
        # Workers have a thread for each task: what is opened is opened once.
        self._sources = Once(self._create)
        files = ModelFiles(self.entries)
        self.precomputed, self.id_file = files.precomputed, files.by_id
        self._joined = Once(self._join)
        self._imported = Once(self._import)
        self._identities = Once(self._identify)
        self._datasets = Once(self._open)
        self._tokens_per_letter = Once(self._count_sample)
        self._unlabelled = sequence_files(config)
        self._repeats: Once[str, Repeats] = Once(lambda name: Repeats(self.dataset(name)))
        self._loaded = Models(lambda model: self.source(model).load(), self._ready)

    def facts(self, model: str, dataset: Dataset, hidden: int, settings: Settings) -> EmbeddingFacts:
        """What is recorded of a model on a data set.

        Args:
            model: Name in the store.
            dataset: The opened data set.
            hidden: Width of a layer of one strand.
            settings: The embedder's, or what is known of them before it is loaded.
        """
        strands = self.entries.strands(model, dataset)
        if self.entries.kind(model) in WITH_OPTIONS:
            settings = self.entries.recorded(model, settings) | {"strands": strands}
        both = 2 if strands == "concat" else 1
        declared = self.identity(model).hidden or hidden
        facts = embedding_facts(
            dataset,
            both * hidden,
            settings,
            self.config.store.dtype,
            getattr(self.entries.model(model), "requires", None),
            cut_for=both * declared,
        )
        if not self.entries.is_of_tokens(model):
            return facts
        # Blocks are those of what is pooled in the same pass, as they were cut when that was begun.
        store, key = self.present_store(), f"{self.entries.computed_by(model)}/{dataset.spec.name}"
        begun = store[key].facts.splits if store is not None and key in store else {}
        facts = replace(facts, splits={**facts.splits, **_same_data(begun, facts.splits)})
        return token_facts(facts, self.entries.stored_as(model))

    def repeats(self, dataset: str) -> Repeats:
        """The sequences that a data set holds more than once; looked for once."""
        return self._repeats[dataset]

    @cached_property
    def resolved(self) -> Resolved:
        """The data sets of the run; where all models are precomputed, those that have files."""
        wanted = self.config.datasets
        if wanted.root is None and not self._models_from_files:
            return Resolved(specs=(), warnings=())  # a config of stages that need no labelled data set
        entries = self.entries
        files = [self.precomputed(name).files for name in entries.names if entries.is_precomputed(name)]
        names = wanted.names
        only_files = len(files) == len(self.config.models)
        if names is None and only_files:
            names = tuple(sorted({dataset for found in files for dataset in found}))
        return resolve(wanted.root, wanted.info, names, need_files=not only_files)

    @property
    def _models_from_files(self) -> bool:
        return any(isinstance(model, PrecomputedModel) for model in self.config.models)

    def spec(self, dataset: str) -> DatasetSpec:
        """How a data set is to be read."""
        if dataset in self._unlabelled:
            return self.dataset(dataset).spec
        for spec in self.resolved.specs:
            for found in (spec, *spec.views):
                if found.name == dataset:
                    return found
        raise ConfigError(f"data set {dataset!r} is not in the config (datasets.names)")

    @property
    def dataset_names(self) -> list[str]:
        """In the config's order, else sorted."""
        return [spec.name for spec in self.resolved.specs]

    def unlabelled_names(self, model: str) -> list[str]:
        """Sets of sequences without labels that a model embeds, and nothing probes."""
        if self.entries.is_of_tokens(model):  # what is made of them reads pooled vectors
            return []
        computed_by = self.entries.computed_by(model)
        return [name for name, use in self._unlabelled.items() if computed_by in use.models]

    def dataset(self, name: str) -> Dataset:
        """Open and check a data set, or a set of sequences without labels.

        Raises:
            DataError: Something is wrong with its files.
        """
        found = self._datasets[name]
        if isinstance(found, DataError):
            raise found
        return found

    def _open(self, name: str) -> Dataset | DataError:
        """Open a data set once: a faulty one of many gigabytes is not read again for every model."""
        try:
            if name in self._unlabelled:
                return open_sequences(
                    name, self._unlabelled[name].path, self.config.catalog.parent / SEQUENCES
                )
            opened = open_dataset(self.spec(name), reporter=self.reporter)
        except DataError as error:
            return error
        for warning in opened.warnings:
            self.reporter.note(f"warning: {warning}")
        return opened

    def has_files(self, dataset: str) -> bool:
        """Whether the data set's sequences are at hand; not needed where embeddings are."""
        return (self.spec(dataset).folder / "train.jsonl").is_file()

    def joined(self, model: str, dataset: str) -> "Joined":
        """The vectors of a data set's items, found by id."""
        return self._joined[model, dataset]

    def _join(self, pair: tuple[str, str]) -> "Joined":
        from seqbench.extract.by_id import Joined

        model, dataset = pair
        return Joined(self.id_file(model), self.dataset(dataset))

    def facts_by_id(self, model: str, dataset: str) -> EmbeddingFacts:
        """What is recorded of embeddings that are found by id."""
        settings: Settings = {"dtype": "float32", "source": "vectors by id"}
        hidden = self.joined(model, dataset).hidden
        return embedding_facts(self.dataset(dataset), hidden, settings, self.config.store.dtype)

    def imported(self, model: str, dataset: str) -> "ImportedEmbeddings":
        """What the files of a precomputed model say of a data set."""
        return self._imported[model, dataset]

    def _import(self, pair: tuple[str, str]) -> "ImportedEmbeddings":
        from seqbench.extract.imported import describe_import

        model, dataset = pair
        store = self.present_store()
        key = f"{model}/{dataset}"
        found = describe_import(
            self.precomputed(model),
            self.spec(dataset),
            self.layers(model, dataset),
            self.config.store.dtype,
            store[key].facts if store is not None and key in store else None,
        )
        n_seqs = self._sequences_of_an_item(dataset)
        if found.facts.n_seqs == 1 < n_seqs and self.config.probe.combine == "mean":
            self.reporter.note(
                f"warning: {model} × {dataset}: items have {n_seqs} sequences, but the .pt files one row of "
                f"{found.facts.hidden} numbers each, so they stay concatenated; to average them save "
                f"embeddings of shape (items, {n_seqs}, width)"
            )
        return found

    def _sequences_of_an_item(self, dataset: str) -> int:
        """As far as it is known without reading files for this alone; 1 where it is not."""
        spec = self.spec(dataset)
        if spec.seq_keys is not None:
            return len(spec.seq_keys)
        if "item_seqs" in spec.expected:
            return spec.expected["item_seqs"]
        try:
            return len(self.dataset(dataset).seq_keys) if self.has_files(dataset) else 1
        except DataError:
            return 1

    def layers(self, model: str, dataset: str) -> tuple[int, ...]:
        """The layers of a model that the config asks for; of embeddings from files all may be from 1 on.

        Raises:
            ConfigError: The model has none of them.
        """
        if self.config.extract.layers == "all" and self.entries.is_precomputed(model):
            return self.precomputed(model).layers(dataset)
        return self.asked_layers(model, self.identity(model).n_layers)

    def asked_layers(self, model: str, n_layers: int) -> tuple[int, ...]:
        """Those of a model's layers that the config asks for; of one that has a single layer always this.

        Raises:
            ConfigError: The model has none of them.
        """
        extract, key = self.config.extract, "extract.layers"
        asked = extract.layers
        if extract.tokens is not None and self.entries.is_of_tokens(model):
            asked, key = extract.tokens.layers, "extract.tokens.layers"
        wanted = None if asked == "all" else asked
        if n_layers == 1:
            return (0,)
        if found := resolve_layers(wanted, n_layers):
            return found
        raise ConfigError(
            f"{key} {list(wanted or ())} names no layer of a model with layers 0 to {n_layers - 1}"
        )

    def source(self, name: str) -> Source:
        """A model as described, not loaded."""
        return self._sources[self.entries.computed_by(name)]

    def tokens_per_letter(self, model: str, dataset: str) -> float:
        """How many tokens of a model a letter of a data set makes, told from some items of train.

        Raises:
            ModelError: The tokenizer can't be loaded, or does not tell which letters its tokens stand for.
        """
        return self._tokens_per_letter[self.entries.computed_by(model), dataset]

    def _count_sample(self, pair: tuple[str, str]) -> float:
        content = self.dataset(pair[1])
        items = content.splits["train"].sequences(0, min(SAMPLE, len(content.splits["train"])))
        source = cast(TokenSource, self.source(pair[0]))
        return source.tokens_per_letter([text for item in items for text in item], content.alphabet)

    def _create(self, model: str) -> Source:
        entry = self.entries.model(model)
        check_is_made(self.config, entry)
        return create(entry.kind, entry.model_dump(exclude={"kind"}), self._options)

    def identity(self, name: str) -> ModelIdentity:
        """Which weights a model has; hashes them once."""
        return self._identities[name]

    def _identify(self, name: str) -> ModelIdentity:
        if self.entries.is_by_id(name):
            return self.id_file(name).identity
        model = self.precomputed(name) if self.entries.is_precomputed(name) else self.source(name)
        return replace(model.identity(), name=name)

    def lent(self, model: str, dataset: str) -> AbstractContextManager[Embedder]:
        """A loaded model, ready for a data set, for one extraction; weights of idle models make room for it.

        Raises:
            NotApplicableError: The model can't embed such data by its nature.
        """
        return self._loaded.lent(self.entries.computed_by(model), dataset)

    def hidden(self, model: str, dataset: str) -> int:
        """The width of a layer of a model that has to be loaded to know.

        Raises:
            NotApplicableError: The model can't embed such data by its nature.
        """
        with self.lent(model, dataset) as embedder:
            return embedder.hidden

    def _ready(self, loaded: LoadedModel, dataset: str) -> Embedder:
        return loaded.embedder(dataset_facts(self.dataset(dataset)))

    @cached_property
    def _options(self) -> EmbedOptions:
        extract = self.config.extract
        return EmbedOptions(
            poolings=(extract.pooling,) if isinstance(extract.pooling, str) else extract.pooling,
            special_tokens=extract.special_tokens,
            max_tokens=extract.max_tokens,
            overlong=extract.overlong,
            stride=extract.stride,
            oversize=extract.oversize,
            unreadable=extract.unreadable,
            tokens_per_batch=None if extract.tokens_per_batch == "auto" else extract.tokens_per_batch,
            compile=extract.compile,
        )

    @cached_property
    def store(self) -> Store:
        """The store for writing, made where there is none."""
        return create_store(self.config.store.path)

    def present_store(self) -> Store | None:
        """The store for reading; None where there is none yet."""
        try:
            return open_store(self.config.store.path)
        except StoreNotFoundError:
            return None


def _same_data(
    begun: Mapping[SplitName, SplitFacts], now: Mapping[SplitName, SplitFacts]
) -> dict[SplitName, SplitFacts]:
    """Those splits of what was begun that are of the same items."""
    return {name: facts for name, facts in begun.items() if name in now and facts.sha256 == now[name].sha256}


def workspace_of(context: Context) -> Workspace:
    """The workspace of a run, shared by its stages; what it finds odd about the data sets is not told yet."""
    return Workspace(context.config, context.reporter)


def tell_warnings(context: Context) -> None:
    """Tell what is odd about the config's data sets; by `Context.shared`, once a run."""
    for warning in context.shared(workspace_of).resolved.warnings:
        context.reporter.note(f"warning: {warning}")
