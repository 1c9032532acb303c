"""The preflight of a config's models on its data sets."""

from collections.abc import Iterator, Sequence

from seqbench.datasets.dataset import Dataset
from seqbench.errors import ModelError
from seqbench.extract.describe import dataset_facts
from seqbench.models.preflight import Certificate, Check, Verdict, draw, preflight
from seqbench.models.registry import WITH_OPTIONS
from seqbench.models.transformer import Transformer
from seqbench.stages.workspace import Workspace


def check_models(
    workspace: Workspace, models: Sequence[str], datasets: Sequence[Dataset]
) -> Iterator[Certificate]:
    """Load one model after the other and check it; models that have no layers to be wrong about are left out.

    Args:
        workspace: Of the config.
        models: Names of its models.
        datasets: Opened; none to check the models alone.

    A model that can't be loaded is a failed check where there are others.

    Raises:
        ModelError: The only model can't be loaded.
        DataError: A data set was changed since it was opened.
    """
    samples = [draw(dataset, dataset_facts(dataset)) for dataset in datasets]
    for name in models:
        if workspace.entries.kind(name) not in WITH_OPTIONS:
            workspace.reporter.note(
                f"{name}: nothing to check, it is no transformer ({workspace.entries.kind(name)})"
            )
            continue
        try:
            loaded = workspace.source(name).load()
            certificate = preflight(loaded, samples) if isinstance(loaded, Transformer) else None
        except ModelError as error:
            if len(models) == 1:
                raise
            certificate = _unusable(name, str(workspace.entries.parameters(name).get("dtype")), error)
        if certificate is not None:
            yield certificate


def _unusable(name: str, dtype: str, error: ModelError) -> Certificate:
    """The certificate of a model that can't be loaded: it does not end the check of others."""
    check = Check(
        name="loading",
        verdict=Verdict.FAIL,
        measured="can't be used",
        says=f"{error}.",
        advice="Correct the model's entry or files.",
    )
    return Certificate(model=name, fingerprint="", dtype=dtype, device=None, method=None, checks=(check,))
