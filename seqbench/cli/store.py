"""`seqbench store`: what is in an embedding store, whether it is sound, and embeddings in and out of it."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli.groups import WholeHelps
from seqbench.cli.options import EXIT_PARTIAL, console, reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqbench.datasets.spec import DatasetSpec
    from seqbench.store.exchange.formats import FormatName, ReadableName
    from seqbench.store.prune import Removal

app = typer.Typer(
    cls=WholeHelps,
    help="List, verify, export, import and prune embedding stores.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

StorePath = Annotated[
    str, typer.Argument(metavar="STORE", help="An embedding store: a folder, or a URL such as s3://….")
]


class FileFormat(StrEnum):
    """The formats of `store export` and `store import`."""

    NPY = "npy"
    PARQUET = "parquet"
    ANNDATA = "anndata"
    PT = "pt"
    RESIDUES = "residues"


READABLE: "dict[FileFormat, ReadableName]" = {
    FileFormat.NPY: "npy",
    FileFormat.PARQUET: "parquet",
    FileFormat.ANNDATA: "anndata",
}
WRITABLE: "dict[FileFormat, FormatName]" = {**READABLE, FileFormat.PT: "pt"}


class SplitChoice(StrEnum):
    """The splits of a data set."""

    TRAIN = "train"
    EVAL = "eval"
    TEST = "test"


Format = Annotated[
    FileFormat,
    typer.Option(
        "--format",
        help="Of the files; pt is that of the reference system, residues is HDF5 with a row a residue.",
    ),
]
Models = Annotated[list[str] | None, typer.Option("--model", help="Only this model. Repeatable.")]
Datasets = Annotated[list[str] | None, typer.Option("--dataset", help="Only this data set. Repeatable.")]
Layers = Annotated[
    list[int] | None,
    typer.Option("--layer", help="Only this layer; negative numbers count from the last. Repeatable."),
]


Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="ROOT", help="Directory of the data sets, whose items have ids; for residues."
    ),
]


@app.command("list")
def list_entries(store: StorePath) -> None:
    """List the models and data sets of a store: layers, items, size, and what is missing."""
    from rich import box
    from rich.table import Table

    from seqbench.core.progress import human
    from seqbench.store import open_store

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("model", "data set", "split"):
        table.add_column(column, overflow="fold")
    for column in ("layers", "items", "width", "bytes", "blocks missing"):
        table.add_column(column, justify="right")
    opened = open_store(store)
    for key in opened.keys():  # noqa: SIM118 -- a Store is no mapping; its keys are what there is
        entry = opened[key]
        for split in entry.splits:
            layers = entry.split_layers(split)
            missing = len(entry.missing_blocks(split, layers or range(entry.model.n_layers)))
            table.add_row(
                entry.model.name,
                entry.dataset,
                split,
                str(len(layers)),
                f"{entry.facts.splits[split].n_items:,}",
                str(entry.facts.hidden),
                f"{human(entry.stored_bytes(split))}B",
                str(missing) if missing else "–",
            )
    console().print(table)


@app.command()
def verify(
    store: StorePath,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Mark damaged blocks missing, so that extract makes just those again."),
    ] = False,
) -> None:
    """Read every complete chunk, which checks its checksum. Exit 3 if anything stays damaged."""
    from seqbench.store import open_store

    opened = open_store(store, writable=repair)
    keys = list(opened.keys())
    faults = []
    with reporter().task("verify", len(keys), "entries") as advance:
        for key in keys:
            faults += list(opened.verify(key, repair=repair))
            advance(1)
    for fault in faults:
        typer.echo(f"{fault.where}: {fault.what}{' (marked missing)' if fault.repaired else ''}")
    typer.echo(f"{store}: {len(keys)} entries, {len(faults) or 'no'} faults")
    repaired = sum(fault.repaired for fault in faults)
    if repaired:
        typer.echo(f"{repaired} marked missing: `seqbench extract` computes just those blocks again")
    elif faults and not repair:
        typer.echo("--repair marks damaged blocks missing; `seqbench extract` then computes just those again")
    if repaired < len(faults):
        raise typer.Exit(EXIT_PARTIAL)


@app.command("export")
def export_files(
    store: StorePath,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder; models become folders in it.")],
    format_: Format,
    model: Models = None,
    dataset: Datasets = None,
    layer: Layers = None,
    split: Annotated[
        list[SplitChoice] | None, typer.Option("--split", help="Only this split. Repeatable.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    data: Data = None,
) -> None:
    """Write embeddings and labels as npy, Parquet, AnnData, per-residue HDF5 or the reference's pt."""
    from seqbench.store import open_store
    from seqbench.store.exchange.export import Chosen, export_store

    chosen = Chosen(
        models=tuple(model or ()),
        datasets=tuple(dataset or ()),
        layers=tuple(layer or ()),
        splits=tuple(each.value for each in split or ()),
    )
    if format_ is FileFormat.RESIDUES:
        from seqbench.stages.import_residues import ids_from
        from seqbench.store.exchange.residues import export_residues

        ids = None if data is None else ids_from(data, None, reporter())
        written = export_residues(open_store(store), out, chosen, ids, reporter(), force=force)
    else:
        written = export_store(open_store(store), out, WRITABLE[format_], chosen, reporter(), force=force)
    typer.echo(f"{out}: {len(written):,} files written")


@app.command("import")
def import_folder(
    store: StorePath,
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Holds the files of one model; for residues the file."),
    ],
    format_: Format,
    model: Annotated[str, typer.Option("--model", help="Name to store them under.")],
    dataset: Datasets = None,
    info: Annotated[
        Path | None, typer.Option(help="A datasets_info.yaml that tells the tasks, where the labels do not.")
    ] = None,
    data: Data = None,
) -> None:
    """Copy exported files, or those of another tool, into a store; all are checked before any is copied."""
    told, names, describe = reporter(), dataset or [], _describer(info)
    if format_ is FileFormat.RESIDUES:
        keys = [_import_residues(store, folder, model, names, data, info)]
    elif format_ is FileFormat.PT:
        from seqbench.stages.import_pt import import_pt

        keys = import_pt(store, folder, model, names, describe, told)
    else:
        from seqbench.store.exchange.imports import import_files

        keys = import_files(store, folder, READABLE[format_], model, names, describe, told)
    typer.echo(f"{store}: imported {', '.join(keys)}")


def _import_residues(
    store: str, path: Path, model: str, names: list[str], data: Path | None, info: Path | None
) -> str:
    """Join the residues of a file to one data set."""
    from seqbench.errors import ConfigError
    from seqbench.stages.import_residues import data_set, import_residues

    if data is None or len(names) != 1:
        raise ConfigError(
            f"{path}: residues are joined to a data set's sequences by id: give --data, the directory of "
            "data sets, and one --dataset"
        )
    return import_residues(
        store, path, model, data_set(data, info, names[0], reporter()), "float16", reporter()
    )


def _describer(info: Path | None) -> "Callable[[str], DatasetSpec]":
    """What the user's file or the registry says of a data set."""
    from seqbench.datasets.registry import resolve

    def describe(name: str) -> "DatasetSpec":
        return resolve(None, info, [name], need_files=False).specs[0]

    return describe


@app.command()
def prune(
    store: StorePath,
    model: Models = None,
    dataset: Datasets = None,
    layer: Layers = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove models, data sets or layers; extract computes them again where a config still asks for them."""
    from seqbench.core.progress import human
    from seqbench.errors import StoreError
    from seqbench.store import open_store
    from seqbench.store.prune import plan_removal, remove

    opened = open_store(store, writable=not dry_run)
    removals = plan_removal(opened, model or (), dataset or (), layer or ())
    for removal in removals:
        typer.echo(f"{_shown(removal)}: {human(removal.bytes)}B")
    total = f"{human(sum(removal.bytes for removal in removals))}B"
    if dry_run:
        typer.echo(f"{total} would be removed")
        return
    if not yes:
        if not _is_terminal():
            raise StoreError(f"{store}: nothing was removed: there is nobody to ask (add --yes)")
        typer.confirm(f"Remove {total}?", abort=True)
    remove(opened, removals, reporter())
    typer.echo(f"{total} removed")


def _shown(removal: "Removal") -> str:
    if removal.layers is None:
        return removal.key
    return (
        f"{removal.key} layer{'s' if len(removal.layers) > 1 else ''} {', '.join(map(str, removal.layers))}"
    )


def _is_terminal() -> bool:
    return sys.stdin.isatty()
