"""What a report is about: the models, data sets and heads of a config."""

from seqbench.catalog import Catalog
from seqbench.config import Config
from seqbench.datasets.registry import resolve
from seqbench.errors import SeqbenchError
from seqbench.report import Selection
from seqbench.schedule.variants import wanted_variants

PROBED = "SELECT DISTINCT dataset FROM probes WHERE list_contains(?, model) ORDER BY dataset"


def selected(config: Config, catalog: Catalog) -> Selection:
    """Take names from the config, and where it leaves data sets open, from the catalog.

    So a report needs neither data nor models at hand. Heads that data sets ask for themselves are added where
    their descriptions can be read.
    """
    models = tuple(model.name for model in config.models)
    names = config.datasets.names
    if names is None:
        names = tuple(str(row[0]) for row in catalog.query(PROBED, (list(models),)).rows)
    return Selection(
        models=models, datasets=names, heads=_heads(config, names), variants=wanted_variants(config)
    )


def _heads(config: Config, names: tuple[str, ...]) -> tuple[str, ...]:
    heads = dict.fromkeys(config.probe.heads)
    try:
        specs = resolve(config.datasets.root, config.datasets.info, names, need_files=False).specs
    except SeqbenchError:
        return tuple(heads)
    return tuple(heads | dict.fromkeys(spec.head for spec in specs if spec.head is not None))
