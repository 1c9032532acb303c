"""What the config's section `probe` asks for, as designs, and how variants of a head are told apart."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from seqbench.config import Config, ProbeConfig
from seqbench.config.probe import SubsetConfig
from seqbench.config.tokens import TOKEN_HEADS
from seqbench.core.progress import Silent
from seqbench.datasets.spec import TargetSpec, base_of
from seqbench.errors import SeqbenchError
from seqbench.probe.spec import HEADS_TOGETHER, Design, Subset, SubsetKind, variant_hash
from seqbench.probe.wanted import Wanted, wanted_probes
from seqbench.stages.targets import together, view
from seqbench.stages.workspace import Workspace
from seqbench.store import TOKENS, Embeddings, TokenEmbeddings


def designs(probe: ProbeConfig, head_of_dataset: str | None) -> list[Design]:
    """What is trained on each layer.

    Every head with every seed: on all of train, or in folds; on each few-shot draw and each size; and each of
    these once more with shuffled labels, where that is asked for.

    Args:
        probe: The config's section.
        head_of_dataset: The head that the data set's entry names; it goes before the config's.
    """
    heads = [head_of_dataset] if head_of_dataset else list(probe.heads)
    plain = [
        Design(
            head=head,
            settings=_settings(probe, head),
            seed=seed,
            combine=probe.combine,
            threshold=probe.threshold,
            folds=folds,
            subset=subset,
        )
        for head in heads
        for seed in probe.seeds
        for folds, subset in [(probe.folds, None), *((None, subset) for subset in subsets_of(probe.subsets))]
    ]
    if not probe.shuffled_labels:
        return plain
    return [each for design in plain for each in (design, replace(design, shuffled=True))]


def is_joint(design: Design) -> bool:
    """Whether its head trains the targets of an item together."""
    return design.head in HEADS_TOGETHER


def with_together(workspace: Workspace, dataset: str, wanted: Sequence[Design]) -> list[Design]:
    """The designs, of a target or its data set, those that train several targets together saying which."""
    joint = together(workspace, dataset)
    if not joint or dataset.partition("/")[2] not in ("", *joint):
        return list(wanted)
    described = {name: _described(target) for name, target in joint.items()}
    return [replace(each, together=described) if is_joint(each) else each for each in wanted]


def _described(target: TargetSpec) -> dict[str, object]:
    """What a probe depends on of a target that it is trained with, ready for JSON."""
    return {
        "key": target.key,
        "task": None if target.task is None else target.task.value,
        "classes": None if target.class_names is None else list(target.class_names),
        "weight": target.weight,
    }


def subsets_of(config: SubsetConfig) -> list[Subset]:
    """Every draw that a config asks for."""
    few_shot: list[tuple[SubsetKind, int | float]] = [("few-shot", n) for n in config.few_shot]
    sizes: list[tuple[SubsetKind, int | float]] = [("size", size) for size in config.sizes]
    return [
        Subset(kind=kind, amount=amount, repeat=repeat)
        for kind, amount in few_shot + sizes
        for repeat in range(config.repeats)
    ]


def _settings(probe: ProbeConfig, head: str) -> dict[str, object]:
    """The head's section of the config, and those general settings that it has."""
    settings: dict[str, object] = getattr(probe, head).model_dump()
    if head in ("mlp", "xgb", *TOKEN_HEADS):
        settings["choose_epoch"] = probe.choose_epoch
    if head != "knn":
        settings["class_weights"] = probe.class_weights
    return settings


def kept_heads(config: Config, entry: Embeddings) -> Callable[[Wanted], bool] | None:
    """What tells whether the trained head of a probe is there; None where heads are not to be kept."""
    root = config.probe.save_heads
    if root is None:
        return None
    from seqbench.probe.saving import is_kept

    return lambda probe: is_kept(root, entry, probe)


def probed_name(entry: Embeddings) -> Embeddings:
    """An entry under the name that its probes have: the model's own where single tokens are probed."""
    if isinstance(entry, TokenEmbeddings):  # so that its probes stand beside those on pooled vectors
        return entry.renamed(entry.model.name.removesuffix(TOKENS))
    return entry


def wanted_variants(config: Config) -> tuple[str, ...]:
    """The variants of a config's probes, as far as its store is at hand; empty without one."""
    workspace = Workspace(config, Silent())
    found: dict[str, None] = {}
    try:
        store = workspace.present_store()
        views = [each for spec in workspace.resolved.specs for each in spec.views]
        for spec in views if store is not None else ():
            wanted = with_together(workspace, spec.name, designs(config.probe, spec.head))
            for model in workspace.entries.names:
                is_probed = spec.level == "item" or model.endswith(TOKENS)
                if is_probed and store is not None and f"{model}/{base_of(spec.name)}" in store:
                    entry = probed_name(view(workspace, store, model, spec.name))
                    probes = wanted_probes(entry, (0,), wanted)
                    found |= dict.fromkeys(variant_hash(probe.spec) for probe in probes)
    except SeqbenchError:
        return ()
    return tuple(found)
