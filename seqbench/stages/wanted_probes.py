"""Which probes a config wants of a model on a data set, and which of them the catalog lacks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from seqbench.config.tokens import TOKEN_HEADS
from seqbench.datasets.spec import base_of
from seqbench.errors import ConfigError
from seqbench.probe.items import Items, items_of_labels
from seqbench.probe.spec import Design
from seqbench.probe.trainings import applicable
from seqbench.probe.wanted import missing_probes, probes_a_layer, wanted_probes
from seqbench.stages.designs import designs as asked_designs
from seqbench.stages.designs import kept_heads, probed_name, with_together
from seqbench.stages.inventory import poolable_layers, present_entry, stored_entry, stored_layers
from seqbench.stages.targets import probed, together, view, views_of
from seqbench.stages.workspace import Workspace
from seqbench.store import Embeddings, Store, TokenEmbeddings

LETTER_HEADS = ("linear", "mlp", "conv", "drsn")
"""The heads that answer for each letter, where labels are of letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeCounts:
    """The probes of one model on one data set, as found before anything runs."""

    model: str
    dataset: str
    layers: tuple[int, ...]
    wanted: int
    """Layers x heads x seeds, and x folds, subsets and controls where there are."""
    missing_by_head: tuple[tuple[str, int], ...] = ()
    """Those that the catalog lacks, in the config's order of heads."""

    @property
    def missing(self) -> int:
        """Probes that the catalog lacks."""
        return sum(count for _, count in self.missing_by_head)


class WantedProbes:
    """Counts and lists the probes of pairs of model and data set."""

    def __init__(self, workspace: Workspace) -> None:
        """Know of no probe yet.

        Args:
            workspace: The run's.
        """
        self._workspace, self._config = workspace, workspace.config
        self.known: set[str] = set()
        """Hashes of the probes that need no training."""

    def can_probe(self, model: str, dataset: str) -> bool:
        """Whether labels are of what is stored: of letters there are vectors where tokens are kept."""
        is_of_letters = self._workspace.spec(dataset).level == "token"
        return not is_of_letters or self._workspace.entries.is_of_tokens(model)

    def names(self, model: str, dataset: str) -> list[str]:
        """What is planned by itself: each target, and the data set where a head trains targets together."""
        names = views_of(self._workspace, dataset)
        joint = [dataset] if names != [dataset] and self.designs(model, dataset) else []
        return [*joint, *(name for name in names if self.designs(model, name) or not joint)]

    def of_store(self, store: Store | None, model: str, dataset: str) -> ProbeCounts:
        """What is wanted of embeddings that have to be in the store."""
        entry = stored_entry(self._workspace, store, model, dataset)
        return self._of_entry(model, entry, stored_layers(self._workspace, entry))

    def _of_entry(self, model: str, entry: Embeddings, layers: tuple[int, ...]) -> ProbeCounts:
        """What is wanted of embeddings that are in the store."""
        n_wanted, missing, designs = 0, Counter[str](), self.designs(model, entry.dataset)
        for own in self.probed(entry):
            found = wanted_probes(own, layers, designs)
            lacking = missing_probes(found, self.known, kept_heads(self._config, own))
            n_wanted += len(found)
            missing.update(probe.design.head for probe in lacking)
        return ProbeCounts(
            model=model,
            dataset=entry.dataset,
            layers=layers,
            wanted=n_wanted,
            missing_by_head=tuple(missing.items()),
        )

    def of_plan(self, store: Store | None, model: str, dataset: str) -> ProbeCounts:
        """What is wanted of embeddings that will be in the store."""
        entry = present_entry(store, model, base_of(dataset))
        layers = poolable_layers(entry, self._workspace.layers(model, base_of(dataset)))
        if entry is not None and store is not None:
            return self._of_entry(model, view(self._workspace, store, model, dataset), layers)
        missing: Counter[str] = Counter()
        is_whole = dataset == base_of(dataset) and not self._workspace.entries.is_of_tokens(model)
        joint = together(self._workspace, dataset) if is_whole else {}
        for name in [f"{dataset}/{target}" for target in joint] or [dataset]:
            for design in applicable(self.designs(model, dataset), self._items(model, name)):
                missing[design.head] += len(layers) * probes_a_layer([design])
        return ProbeCounts(
            model=model,
            dataset=dataset,
            layers=layers,
            wanted=missing.total(),
            missing_by_head=tuple(missing.items()),
        )

    def _items(self, model: str, dataset: str) -> Items:
        """The items of a data set that is not in the store yet."""
        if self._workspace.entries.is_precomputed(model) and dataset == base_of(dataset):
            imported = self._workspace.imported(model, dataset)
            return items_of_labels(imported.facts.task, imported.labels, {})
        content = self._workspace.dataset(dataset)
        if self._workspace.spec(dataset).level == "token":
            of_letters = {name: split.letters for name, split in content.splits.items()}
            values = {name: own.values for name, own in of_letters.items() if own is not None}
            return items_of_labels(content.task, values, {})
        labels = {name: split.labels for name, split in content.splits.items()}
        groups = {name: split.groups for name, split in content.splits.items()}
        return items_of_labels(content.task, labels, groups)

    def probed(self, entry: Embeddings) -> list[Embeddings]:
        """What is scored of an entry, under the names that probes have."""
        if isinstance(entry, TokenEmbeddings):
            return [probed_name(entry)]
        return [own for own, _ in probed(self._workspace, entry)]

    def designs(self, model: str, dataset: str, head: str | None = None) -> list[Design]:
        """What is trained on each layer: all that the config asks for, or one head of it.

        Heads that read tokens are for what is stored of them, all others for pooled vectors.

        Raises:
            ConfigError: The data set's entry names a head that reads tokens, and none are kept; or its items
                have other numbers of sequences than `combine` is of.
        """
        spec, of_tokens = self._workspace.spec(dataset), self._workspace.entries.is_of_tokens(model)
        wanted = [each for each in asked_designs(self._config.probe, spec.head) if head in (None, each.head)]
        reading = [each for each in wanted if each.head in TOKEN_HEADS]
        if reading and self._config.extract.tokens is None:
            raise ConfigError(f"{dataset}: its head {reading[0].head} reads tokens: set extract.tokens")
        keys = spec.seq_keys or ()
        if self._config.probe.combine == "symmetric" and len(keys) > 2:
            raise ConfigError(
                f"probe.combine: symmetric is of two sequences, items of {dataset} have {len(keys)} "
                f"({', '.join(keys)}): choose concat, mean or ref_delta"
            )
        if spec.level == "token":
            return self._of_letters(dataset, wanted) if of_tokens else []
        if of_tokens:
            return [] if spec.targets else reading
        wanted = [each for each in wanted if each.head not in TOKEN_HEADS]
        wanted = with_together(self._workspace, dataset, wanted)
        return [each for each in wanted if (each.together is not None) == bool(spec.targets)]

    def _of_letters(self, dataset: str, wanted: Sequence[Design]) -> list[Design]:
        """The designs whose heads answer for each letter."""
        found = [each for each in wanted if each.head in LETTER_HEADS]
        for each in found:
            if each.head == "drsn" and each.settings["stride"] != 1:
                raise ConfigError(
                    f"probe.drsn.stride: {each.settings['stride']} makes one of several letters, and "
                    f"labels of {dataset} are of letters: set it to 1"
                )
        return found
