"""`seqbench datasets audit`: what data sets' own files say against them."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli.options import EXIT_PARTIAL, console, load, names_of, relative, reporter
from seqbench.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqbench.audit.recorded import Audited
    from seqbench.audit.settings import AuditSettings
    from seqbench.catalog import Catalog
    from seqbench.catalog.audit_records import AuditRecord
    from seqbench.core.progress import Reporter
    from seqbench.core.types import Severity
    from seqbench.datasets.spec import DatasetSpec


class Shown(StrEnum):
    """How an audit is printed."""

    TABLE = "table"
    JSON = "json"


class ItemsFormat(StrEnum):
    """How items are written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


class FailOn(StrEnum):
    """From which severity on the command fails."""

    RED = "red"
    YELLOW = "yellow"


Target = Annotated[
    Path,
    typer.Argument(
        metavar="CONFIG|FOLDER", help="A config, a folder of data sets, or one data set's folder."
    ),
]
Names = Annotated[
    list[str] | None, typer.Option("--datasets", help="Only these, with commas between several. Repeatable.")
]
Info = Annotated[Path | None, typer.Option(help="A datasets_info.yaml that describes a folder's data sets.")]
CatalogFile = Annotated[
    Path | None,
    typer.Option(
        "--catalog", help="Where the audits of a folder are recorded; a config names its own catalog."
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Audit data that the catalog has an audit of, too.")]
Near = Annotated[float, typer.Option(help="Least identity of near-duplicates; 1 looks for copies only.")]
KmerLetters = Annotated[
    int | None, typer.Option("--k", help="Letters of the k-mers that find near-duplicates.")
]
Stretch = Annotated[
    int | None,
    typer.Option(help="Letters of an exact stretch shared with train; 30 nucleotides, 12 amino acids."),
]
Controls = Annotated[bool, typer.Option(help="Train the shortcut controls.")]
ControlItems = Annotated[int, typer.Option(help="Items of a split that controls see at most.")]
Seed = Annotated[int, typer.Option(help="Of draws and intervals.")]
Format = Annotated[Shown, typer.Option("--format", help="Of what is printed.")]
Out = Annotated[Path | None, typer.Option(help="A folder for the findings, a line an item, and a summary.")]
ItemsIn = Annotated[ItemsFormat, typer.Option("--items", help="Format of the items in --out.")]
FailFrom = Annotated[FailOn | None, typer.Option("--fail-on", help="Exit 3 if a finding is so severe.")]


def audit(
    target: Target,
    datasets: Names = None,
    info: Info = None,
    catalog: CatalogFile = None,
    again: Again = False,
    near: Near = 0.9,
    k: KmerLetters = None,
    stretch: Stretch = None,
    controls: Controls = True,
    control_items: ControlItems = 20_000,
    seed: Seed = 0,
    shown: Format = Shown.TABLE,
    out: Out = None,
    items: ItemsIn = ItemsFormat.JSONL,
    fail_on: FailFrom = None,
) -> None:
    """Look for copies, near-duplicates, contradictions and shortcuts. Exit 3 if a data set can't be read.

    What is found goes to the catalog, where reports take it from.
    """
    from seqbench.audit.settings import AuditSettings

    told = reporter()
    settings = AuditSettings(
        near=near, k=k, stretch=stretch, controls=controls, control_items=control_items, seed=seed
    )
    specs, kept = _specs(target, info, names_of(datasets), catalog, told)
    records = _all(specs, kept, settings, told, shown, out, items, again=again)
    if len(records) < len(specs) or _fails([record.verdict for record in records], fail_on):
        raise typer.Exit(EXIT_PARTIAL)


def _all(
    specs: "Sequence[DatasetSpec]",
    kept: "Catalog | None",
    settings: "AuditSettings",
    told: "Reporter",
    shown: Shown,
    out: Path | None,
    items: ItemsFormat,
    *,
    again: bool,
) -> "list[AuditRecord]":
    """Audit, print, write and record what can be read; the faults of the rest are told.

    Raises:
        DataError: Something is in the place of what is to be written.
    """
    from seqbench.audit.recorded import audit_once
    from seqbench.audit.write import as_json, check_writable, write_summary

    if out is not None:
        check_writable(out, [spec.name for spec in specs], items.value)
    records: list[AuditRecord] = []
    for spec in specs:
        try:
            audited = audit_once(kept, spec, settings, told, again=again)
        except DataError as error:
            typer.echo(f"seqbench: {error}", err=True)
            continue
        records.append(audited.record)
        _tell(audited, kept, told, shown, out, items)
    if shown is Shown.JSON:
        typer.echo(json.dumps([as_json(record) for record in records], indent=2, ensure_ascii=False))
    if out is not None and records:
        write_summary(out, records)
    if kept is None and records:
        where = "nowhere" if out is None else f"in {out} only"
        told.note(f"findings are kept {where}: --catalog FILE records them, so that reports show them")
    return records


def _tell(
    audited: "Audited",
    kept: "Catalog | None",
    told: "Reporter",
    shown: Shown,
    out: Path | None,
    items: ItemsFormat,
) -> None:
    """Print one data set's audit and write its files; then record it, if it was made now."""
    from seqbench.audit.write import write_audit
    from seqbench.cli.audit_table import print_audit

    record = audited.record
    if out is not None:
        write_audit(out, record, items.value)
    if shown is Shown.TABLE:
        print_audit(record, console())
    if audited.recorded_at is not None and kept is not None:
        told.note(
            f"{record.dataset}: audited with these settings on {audited.recorded_at:%Y-%m-%d %H:%M} UTC, "
            f"taken from {relative(kept.path)} (--again audits it anew)"
        )
    elif kept is not None:
        kept.append([record])


def _fails(verdicts: "Sequence[Severity]", fail_on: FailOn | None) -> bool:
    if fail_on is None:
        return False
    bad = {"red"} if fail_on is FailOn.RED else {"red", "yellow"}
    return not bad.isdisjoint(verdicts)


def _specs(
    target: Path, info: Path | None, names: tuple[str, ...], catalog: Path | None, told: "Reporter"
) -> "tuple[Sequence[DatasetSpec], Catalog | None]":
    """What is to be audited, and where that is recorded.

    Raises:
        ConfigError: The config, the info file or a name is wrong.
        DataError: There is nothing of that kind.
    """
    from seqbench.catalog import Catalog
    from seqbench.datasets.registry import resolve

    wanted = list(names) or None
    if not target.exists():
        raise ConfigError(f"{target}: there is no such config, folder of data sets, or data set's folder")
    if target.is_dir():
        root: Path | None = target
        if (target / "train.jsonl").exists():
            whole = target.resolve()
            root = whole.parent
            if wanted not in (None, [whole.name]):
                raise ConfigError(f"--datasets: {target} is a single data set (give the folder above it)")
            wanted = [whole.name]
    else:
        if info is not None:
            raise ConfigError("--info goes with a folder; a config says it itself (datasets.info)")
        if catalog is not None:
            raise ConfigError("--catalog goes with a folder; a config says it itself (catalog)")
        config = load(target, None, told)
        root, info, catalog = config.datasets.root, config.datasets.info, config.catalog
        wanted = wanted or (None if config.datasets.names is None else list(config.datasets.names))
    found = resolve(root, info, wanted)
    for warning in found.warnings:
        told.note(f"warning: {warning}")
    return tuple(view for spec in found.specs for view in spec.views), None if catalog is None else Catalog(
        catalog
    )
