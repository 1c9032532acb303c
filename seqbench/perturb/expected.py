"""What the config's section `perturb` leads one to expect in the catalog, without opening a file of cells."""

from dataclasses import dataclass

from seqbench.config import Config
from seqbench.config.perturb import FileFeatures, ModelFeatures

WITHOUT_FEATURES = "no-features"
"""Model of the heads that know nothing of a perturbation but its name."""
ONE_HOT = "onehot-genes"
"""Model of one-hot vectors of perturbed genes; `onehot` is a control over letters."""
BLIND_HEADS = ("control_mean", "perturbation_mean", "context_mean", "additive")
"""Heads that take no vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedResponses:
    """Names of what a report should show."""

    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()

    def models_on(self, head: str) -> tuple[str, ...]:
        """Whose results are to be expected of a head."""
        if head == "additive":
            return ()  # whether it applies is known when the cells are read
        blind = head in BLIND_HEADS
        return tuple(model for model in self.models if (model == WITHOUT_FEATURES) == blind)


def expected_responses(config: Config) -> ExpectedResponses:
    """Contenders, files of cells, and the heads on each; nothing where the config has no such section."""
    perturb = config.perturb
    if perturb is None:
        return ExpectedResponses()
    models = [WITHOUT_FEATURES] if set(perturb.heads) & set(BLIND_HEADS) else []
    for feature in perturb.features:
        if isinstance(feature, ModelFeatures):
            models.append(feature.model)
        elif isinstance(feature, FileFeatures):
            models.append(feature.file.stem)
        else:
            models.append(ONE_HOT)
    return ExpectedResponses(
        models=tuple(models), datasets=tuple(each.name for each in perturb.data), heads=perturb.heads
    )
