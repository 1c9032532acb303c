"""`seqbench store`: what is in an embedding store, and whether it is sound."""

from pathlib import Path
from typing import Annotated

import typer

from seqbench.cli.options import EXIT_PARTIAL, console, reporter

app = typer.Typer(help="List and verify embedding stores.", no_args_is_help=True, rich_markup_mode=None)

StorePath = Annotated[Path, typer.Argument(metavar="STORE", help="An embedding store, e.g. embeddings.zarr.")]


@app.command("list")
def list_entries(store: StorePath) -> None:
    """List the models and data sets of a store: layers, items, size, and what is missing."""
    from rich import box
    from rich.table import Table

    from seqbench.progress import human
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
def verify(store: StorePath) -> None:
    """Read every complete chunk, which checks its checksum. Exit 3 if anything is damaged."""
    from seqbench.store import open_store

    opened = open_store(store)
    keys = list(opened.keys())
    faults = []
    with reporter().task("verify", len(keys), "entries") as advance:
        for key in keys:
            faults += list(opened.verify(key))
            advance(1)
    for fault in faults:
        typer.echo(f"{fault.where}: {fault.what}")
    typer.echo(f"{store}: {len(keys)} entries, {len(faults) or 'no'} faults")
    if faults:
        raise typer.Exit(EXIT_PARTIAL)
