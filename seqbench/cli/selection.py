"""What a report is about: models, data sets and heads of a config, or those of them that are asked for."""

import difflib
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from seqbench.catalog import Catalog
from seqbench.catalog.training_records import TRAINED_HEADS
from seqbench.cli.options import names_of
from seqbench.config import Config
from seqbench.config.fields import METRIC_ALIASES
from seqbench.datasets.registry import resolve
from seqbench.datasets.spec import base_of
from seqbench.errors import ConfigError, SeqbenchError
from seqbench.metrics.names import all_metrics
from seqbench.perturb.expected import expected_responses
from seqbench.report import Selection
from seqbench.stages.designs import wanted_variants
from seqbench.stages.trainable import trainable_names

TRAINED = """
SELECT DISTINCT head FROM probes
WHERE list_contains($heads, head) AND list_contains($models, model) AND list_contains($datasets, dataset)
"""
PROBED = "SELECT DISTINCT dataset FROM probes WHERE list_contains(?, model) ORDER BY dataset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What of a config a report is about; empty means all."""

    models: Sequence[str] = ()
    """Names, several to a string if commas stand between them."""
    datasets: Sequence[str] = ()
    metric: str | None = None
    since: str | None = None
    """A date or a time as ISO 8601 writes it; without a zone, of this machine's."""


def selected(config: Config, catalog: Catalog, filters: Filters = Filters()) -> Selection:
    """Take names from the config, and where it leaves data sets open, from the catalog.

    So a report needs neither data nor models at hand. The head that a data set asks for itself goes before
    the config's where its description can be read.

    Raises:
        ConfigError: A filter names what is not there, or is no metric or time.
        CatalogError: The catalog can't be read.
    """
    responses = expected_responses(config)
    models = tuple(dict.fromkeys([*(model.name for model in config.models), *responses.models]))
    names = _scored(config)
    if names is None:
        names = tuple(str(row[0]) for row in catalog.query(PROBED, (list(models),)).rows)
    names = tuple(dict.fromkeys([*names, *responses.datasets]))
    names = _only(names, filters.datasets, "--datasets", "data set")
    labelled = tuple(name for name in names if name not in responses.datasets)
    cells = tuple(name for name in names if name in responses.datasets)
    heads_of = _heads_of(config, labelled) | dict.fromkeys(cells, responses.heads)
    models_of = {(name, head): responses.models_on(head) for name in cells for head in responses.heads}
    if cells:
        own = tuple(model.name for model in config.models)
        models_of |= {(name, head): own for name in labelled for head in heads_of[name]}
    asked = _fine_tuned(config)
    models_of |= {(name, way): tuned for name in labelled for way, tuned in asked.items()}
    return Selection(
        models=_only(models, filters.models, "--models", "model"),
        datasets=names,
        heads=tuple(dict.fromkeys(head for heads in heads_of.values() for head in heads)),
        heads_of=heads_of,
        models_of=models_of,
        trained=_trained(catalog, models, names, asked),
        variants=wanted_variants(config),
        metric=_metric(filters.metric),
        since=_time(filters.since),
    )


def _fine_tuned(config: Config) -> dict[str, tuple[str, ...]]:
    """The models that the config trains, by the way in which it does."""
    if config.finetune is None:
        return {}
    return dict.fromkeys(config.finetune.encoder, tuple(trainable_names(config)))


def _trained(
    catalog: Catalog, models: Sequence[str], datasets: Sequence[str], wanted: Container[str]
) -> tuple[str, ...]:
    """The ways in which the config trains models, or in which they were trained, whoever asked for it."""
    if not catalog.path.exists():
        return ()
    asked = {"heads": list(TRAINED_HEADS), "models": list(models), "datasets": list(datasets)}
    found = {row[0] for row in catalog.query(TRAINED, asked).rows}
    return tuple(head for head in TRAINED_HEADS if head in found or head in wanted)


def _only(known: Sequence[str], wanted: Sequence[str], option: str, what: str) -> tuple[str, ...]:
    """Those that are wanted, in the order in which they were asked for; all where nothing was."""
    asked = tuple(
        name
        for each in names_of(wanted)
        for name in ([each] if each in known else [one for one in known if base_of(one) == each] or [each])
    )
    for name in asked:
        if name not in known:
            raise ConfigError(f"{option}: there is no {what} {name!r}{_near(name, known)}")
    return asked or tuple(known)


def _near(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f" (there are {', '.join(known)})" if known else " (there are none with results)"


def _metric(name: str | None) -> str | None:
    if name is not None and name not in all_metrics():
        usual = METRIC_ALIASES.get(name.lower(), name)
        raise ConfigError(f"--metric: there is no metric {name!r}{_near(usual, all_metrics())}")
    return name


def _time(text: str | None) -> datetime | None:
    """A time in UTC without a zone, as the catalog keeps them."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except ValueError as error:
        raise ConfigError(f"--since: {text!r} is no time (write 2026-11-20, or 2026-11-20T15:00)") from error


def _heads_of(config: Config, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The heads of each data set: the config's, or its own where its description can be read and has one."""
    heads_of: dict[str, tuple[str, ...]] = dict.fromkeys(names, tuple(config.probe.heads))
    bases = tuple(dict.fromkeys(map(base_of, names)))
    try:
        specs = resolve(config.datasets.root, config.datasets.info, bases, need_files=False).specs
    except SeqbenchError:
        return heads_of
    views = [view for spec in specs for view in spec.views if view.name in heads_of]
    return heads_of | {view.name: (view.head,) for view in views if view.head is not None}


def _scored(config: Config) -> tuple[str, ...] | None:
    """The data sets that the config names, each target by itself; None where it names none."""
    names = config.datasets.names
    if not names:
        return names
    try:
        specs = resolve(config.datasets.root, config.datasets.info, names, need_files=False).specs
    except SeqbenchError:
        return names
    return tuple(view.name for spec in specs for view in spec.views)
