"""Which of the catalog's probes are those that a config asks for."""

from seqbench.config import Config
from seqbench.core.progress import Silent
from seqbench.datasets.spec import base_of
from seqbench.errors import SeqbenchError
from seqbench.probe.spec import variant_hash
from seqbench.probe.wanted import wanted_probes
from seqbench.stages.designs import designs
from seqbench.stages.targets import view
from seqbench.stages.workspace import Workspace


def wanted_variants(config: Config) -> tuple[str, ...]:
    """The variants of a config's probes, as far as its store is at hand; empty without one."""
    workspace = Workspace(config, Silent())
    found: dict[str, None] = {}
    try:
        store = workspace.present_store()
        views = [each for spec in workspace.resolved.specs for each in spec.views]
        for spec in views if store is not None else ():
            wanted = designs(config.probe, spec.head)
            for model in workspace.entries.names:
                if store is not None and f"{model}/{base_of(spec.name)}" in store:
                    entry = view(workspace, store, model, spec.name)
                    probes = wanted_probes(entry, (0,), wanted)
                    found |= dict.fromkeys(variant_hash(probe.spec) for probe in probes)
    except SeqbenchError:
        return ()
    return tuple(found)
