"""Vectors of genes that a config's section `perturb` names: from layers in the store, or from files."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from seqbench.config.perturb import CellsConfig, FileFeatures, GeneVectors, ModelFeatures, PerturbConfig
from seqbench.datasets.sequences import read_named_sequences
from seqbench.errors import ConfigError
from seqbench.perturb.contenders import Contender
from seqbench.perturb.expected import ONE_HOT
from seqbench.perturb.experiment import Experiment
from seqbench.perturb.features import GeneFeatures, one_hot, read_vectors
from seqbench.stages.products import embeddings_product
from seqbench.stages.sequences import sequences_name
from seqbench.stages.shards import resolve_layers
from seqbench.stages.workspace import Workspace


class Vectors:
    """The contenders that `perturb.features` gives, and the vectors that cells are embedded by."""

    def __init__(self, config: PerturbConfig, workspace: Workspace) -> None:
        self._config, self._workspace = config, workspace

    @cached_property
    def _files(self) -> dict[int, GeneFeatures]:
        """Files of vectors, by their place in the config."""
        return {
            place: read_vectors(feature.file)
            for place, feature in enumerate(self._config.features)
            if isinstance(feature, FileFeatures)
        }

    def genes_by_contender(self) -> dict[str, set[str]]:
        """The names that each contender has a vector for; one-hot vectors know all."""
        found = {}
        for place, feature in enumerate(self._config.features):
            if isinstance(feature, ModelFeatures):
                found[feature.model] = {each.name for each in read_named_sequences(feature.sequences)}
            elif isinstance(feature, FileFeatures):
                found[self._files[place].model] = set(self._files[place].by_gene)
        return found

    def contenders(self, place: int) -> Iterator[Contender]:
        """Those that a feature gives: of a model, one a layer.

        Raises:
            ConfigError: A layer is not among those that are extracted.
        """
        feature = self._config.features[place]
        if isinstance(feature, ModelFeatures):
            n_layers = self._workspace.identity(feature.model).n_layers
            fingerprint = self._fingerprint(feature)
            for layer in self._layers(feature, "perturb.features"):
                yield Contender(
                    model=feature.model, fingerprint=fingerprint, layer=layer, n_layers=n_layers, place=place
                )
        elif isinstance(feature, FileFeatures):
            found = self._files[place]
            yield Contender(model=found.model, fingerprint=found.fingerprint, place=place)
        else:
            yield Contender(model=ONE_HOT, fingerprint=ONE_HOT, place=place)

    def of_perturbations(self, contender: Contender, experiment: Experiment) -> GeneFeatures | None:
        """The vectors of a contender; None of the heads that take none."""
        if contender.place is None:
            return None
        feature = self._config.features[contender.place]
        if isinstance(feature, ModelFeatures):
            return self._stored(feature, contender.layer)
        if isinstance(feature, FileFeatures):
            return self._files[contender.place]
        return one_hot(experiment.cells.perturbations)

    def of_cells(self, settings: CellsConfig) -> GeneFeatures | None:
        """The vectors whose mean embeds a cell; None where cells are not embedded by genes."""
        embedding = settings.embedding
        if isinstance(embedding, GeneVectors):
            return self._stored(embedding, self._layers(embedding, "perturb.data.embedding")[0])
        return read_vectors(embedding.file) if isinstance(embedding, FileFeatures) else None

    def identity_of_cells(self, settings: CellsConfig) -> str | None:
        """Names the vectors that cells are embedded by, as far as they change what is learned."""
        embedding = settings.embedding
        if isinstance(embedding, GeneVectors):
            layer = self._layers(embedding, "perturb.data.embedding")[0]
            return f"{self._fingerprint(embedding)} layer {layer}"
        return read_vectors(embedding.file).fingerprint if isinstance(embedding, FileFeatures) else embedding

    def _fingerprint(self, source: ModelFeatures | GeneVectors) -> str:
        pooling = self._workspace.entries.pooling(source.model)
        sequences = self._workspace.dataset(sequences_name(source.sequences))
        return f"{self._workspace.identity(source.model).fingerprint} {pooling} {sequences.sha256}"

    def _layers(self, source: ModelFeatures | GeneVectors, key: str) -> tuple[int, ...]:
        n_layers = self._workspace.identity(source.model).n_layers
        extracted = self._workspace.asked_layers(source.model, n_layers)
        asked = source.layers if isinstance(source, ModelFeatures) else (source.layer,)
        wanted = extracted if asked == "all" else resolve_layers(asked, n_layers)
        if not wanted or not set(wanted) <= set(extracted):
            told = asked if asked == "all" else ", ".join(map(str, asked))
            raise ConfigError(
                f"{key}: layers {told} of {source.model} are not all extracted; "
                f"extract.layers gives {', '.join(map(str, extracted))}"
            )
        return tuple(wanted)

    def _stored(self, source: ModelFeatures | GeneVectors, layer: int) -> GeneFeatures:
        """A layer of a model, from the store, by the names of its sequences."""
        entry = self._workspace.store[f"{source.model}/{sequences_name(source.sequences)}"]
        rows_NSH = entry.load(layer, "train")
        vectors = rows_NSH.reshape(len(rows_NSH), -1).astype(np.float32)
        names = [each.name for each in read_named_sequences(source.sequences)]
        return GeneFeatures(
            model=source.model,
            layer=layer,
            n_layers=self._workspace.identity(source.model).n_layers,
            by_gene=dict(zip(names, vectors, strict=True)),
            fingerprint=self._fingerprint(source),
        )


def product_of(source: ModelFeatures | GeneVectors) -> str:
    """What an extraction gives of it."""
    return embeddings_product(source.model, sequences_name(source.sequences))
