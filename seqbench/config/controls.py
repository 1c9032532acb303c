"""The switch `controls`: the controls that it adds to a config, as entries like those a user writes."""

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from seqbench.config.made import tuned_folder
from seqbench.config.model_kinds import (
    ByIdModel,
    Checkpoint,
    HuggingFaceModel,
    KmerModel,
    ModelConfig,
    PrecomputedModel,
    RandomInitModel,
    is_composition,
)
from seqbench.config.problems import ConfigSource
from seqbench.config.schema import Config

KMERS = KmerModel(kind="kmer", k="auto")
COMPOSITION = KmerModel(kind="kmer", k=1, name="composition")


def with_controls(config: Config, source: ConfigSource) -> tuple[Config, tuple[str, ...]]:
    """Add the controls that a config with `controls: true` lacks, behind its own models.

    Each checkpoint gets an untrained twin, unless the config has a random initialisation of this path and
    revision: then that is the twin. A LoRA adapter has the twin of the checkpoint below it, since an adapter
    means nothing on random weights; what the adapter alone bought is told by the checkpoint's own entry.
    K-mers and composition are added unless there is such an entry of any length. Labels are shuffled unless
    `probe.shuffled_labels` is written out as false. A config that went through once stays as it is.

    Args:
        config: With the paths that `resolve_paths` made, since twins are found by them.
        source: Where the keys are, for error lines.

    Returns:
        The config, and one line each on what was added and what can't be; without the switch, the config
        itself and no lines.

    Raises:
        ConfigError: A control would have a name that another model has, or that is no name.
    """
    if not config.controls:
        return config, ()
    lines: list[str] = []
    added: list[ModelConfig] = []
    for index, model in enumerate(config.models):
        if isinstance(model, PrecomputedModel | ByIdModel):
            lines.append(f"{model.name} can't have an untrained twin: its embeddings come from files")
        elif tuned_folder(config, model) is not None:
            lines.append(f"{model.name} has no untrained twin of its own: `seqbench finetune` makes it")
        elif isinstance(model, HuggingFaceModel) and not _has_twin(model, [*config.models, *added]):
            twin = _twin(model, index, source)
            _check_name(twin.name, index, config.models, source)
            added.append(twin)
            below = " without its adapter" if model.adapter else ""
            lines.append(f"controls: true adds {twin.name}, the untrained twin of {model.name}{below}")
    if config.datasets.root is None:
        lines.append("controls: true adds no k-mers: there are no sequences to count them in (datasets.root)")
    else:
        for control, what in _counts(config.models):
            _check_name(control.name, None, config.models, source)
            added.append(control)
            lines.append(f"controls: true adds {control.name}, {what}")
    probe = config.probe
    if "shuffled_labels" not in probe.model_fields_set:
        probe = probe.model_copy(update={"shuffled_labels": True})
        lines.append("controls: true adds each probe once more on shuffled labels (probe.shuffled_labels)")
    return config.model_copy(update={"models": (*config.models, *added), "probe": probe}), tuple(lines)


def _has_twin(model: HuggingFaceModel, models: Sequence[ModelConfig]) -> bool:
    return any(
        isinstance(other, RandomInitModel) and (other.path, other.revision) == (model.path, model.revision)
        for other in models
    )


def _twin(model: HuggingFaceModel, index: int, source: ConfigSource) -> RandomInitModel:
    """The same architecture, run alike; consent to its code is that of the same checkpoint's entry."""
    alike = {key: getattr(model, key) for key in Checkpoint.model_fields}
    name = f"{model.name}-untrained"
    try:
        return RandomInitModel(kind="random-init", name=name, **alike)
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        raise source.error(
            ("models", index, "name"),
            f"controls: true can't name its untrained twin {name}: {first['msg']} (set a shorter `name:`)",
        ) from None


def _counts(models: Sequence[ModelConfig]) -> Iterator[tuple[KmerModel, str]]:
    """The controls that count, as far as no entry does the same."""
    written = [model for model in models if isinstance(model, KmerModel) and model.window is None]
    if all(is_composition(model.k) for model in written):
        yield KMERS, "counts of 4-mers of nucleotides and 2-mers of proteins"
    if not any(is_composition(model.k) for model in written):
        yield COMPOSITION, "counts of single letters"


def _check_name(name: str, of: int | None, models: Sequence[ModelConfig], source: ConfigSource) -> None:
    for index, model in enumerate(models):
        if model.name == name:
            whose = "a control" if of is None else f"the untrained twin of models.{of}"
            raise source.error(
                ("models", index, "name"),
                f"{name} is also what controls: true names {whose}: set another `name:`",
            )
