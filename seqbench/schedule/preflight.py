"""The preflight of a config's models on its data sets."""

from collections.abc import Iterator, Sequence

from seqbench.datasets.dataset import Dataset
from seqbench.extract.describe import dataset_facts
from seqbench.models.preflight import Certificate, draw, preflight
from seqbench.models.registry import WITH_OPTIONS
from seqbench.models.transformer import Transformer
from seqbench.schedule.workspace import Workspace


def check_models(
    workspace: Workspace, models: Sequence[str], datasets: Sequence[Dataset]
) -> Iterator[Certificate]:
    """Load one model after the other and check it; models that have no layers to be wrong about are left out.

    Args:
        workspace: Of the config.
        models: Names of its models.
        datasets: Opened; none to check the models alone.

    Raises:
        ModelError: A model can't be loaded.
        DataError: A data set was changed since it was opened.
    """
    samples = [draw(dataset, dataset_facts(dataset)) for dataset in datasets]
    for name in models:
        if workspace.kind(name) not in WITH_OPTIONS:
            workspace.reporter.note(
                f"{name}: nothing to check, it is no transformer ({workspace.kind(name)})"
            )
            continue
        loaded = workspace.source(name).load()
        if isinstance(loaded, Transformer):
            yield preflight(loaded, samples)
