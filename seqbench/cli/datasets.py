"""`seqbench datasets`: which there are, whether their files are sound, and planted ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli import datasets_audit, datasets_import, datasets_split
from seqbench.cli.groups import WholeHelps
from seqbench.cli.options import console, reporter

if TYPE_CHECKING:
    from rich.table import Table

    from seqbench.datasets.check import DatasetReport

app = typer.Typer(
    cls=WholeHelps,
    help="List, check, audit, split, import and make data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

app.add_typer(datasets_import.app, name="import")
app.command("audit")(datasets_audit.audit)
app.command("split")(datasets_split.split)

Root = Annotated[
    Path, typer.Argument(metavar="ROOT", help="Folder holding <data set>/{train,eval,test}.jsonl.")
]
Info = Annotated[Path | None, typer.Option(help="A datasets_info.yaml that describes them.")]


def _table(*columns: str, right: tuple[str, ...] = ()) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


@app.command("list")
def list_datasets() -> None:
    """List the named data sets that seqbench knows."""
    from seqbench.datasets.registry import shipped

    table = _table(
        "data set", "group", "task", "items", "length", "seqs", "about", right=("items", "length", "seqs")
    )
    for known in shipped().values():
        shortest, longest = known.length
        table.add_row(
            known.name,
            known.group,
            known.task.value,
            f"{known.items:,}",
            f"{shortest:,}" if shortest == longest else f"{shortest:,}–{longest:,}",
            str(known.item_seqs),
            known.about,
        )
    console().print(table)


@app.command()
def check(
    root: Root,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Data sets; all if none.")
    ] = None,
    info: Info = None,
) -> None:
    """Read every line of data sets and describe them. Exit 2 if one is faulty, after checking the others.

    ROOT may also be a config with a section `perturb`: its cells are read.
    """
    if root.is_file():
        _check_cells(root)
        return
    from seqbench.datasets.check import check_dataset
    from seqbench.datasets.registry import resolve
    from seqbench.errors import DataError

    resolved = resolve(root, info, names or None)
    faults, told = [], reporter()
    table = _table("data set", "task", "split", "items", "length", "labels", right=("items", "length"))
    warnings = list(resolved.warnings)
    for spec in (view for each in resolved.specs for view in each.views):
        try:
            report = check_dataset(spec, told)
        except DataError as error:
            faults.append(str(error))
            continue
        warnings += report.warnings
        _add_rows(table, report)
    if table.row_count:
        console().print(table)
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    for fault in faults[:-1]:
        typer.echo(f"seqbench: {fault}", err=True)
    if faults:
        raise DataError(faults[-1])


def _check_cells(path: Path) -> None:
    from seqbench.cli.options import load
    from seqbench.errors import ConfigError
    from seqbench.perturb.check import check_cells

    told = reporter()
    perturb = load(path, (), told).perturb
    if perturb is None:
        raise ConfigError(f"{path}: has no section `perturb`; give the folder of the data sets instead")
    columns = ("file", "expression", "split", "perturbations", "contexts", "cells", "a pair")
    table = _table(*columns, right=columns[3:])
    for settings in perturb.data:
        report = check_cells(settings, perturb.splits, told)
        for split in report.splits:
            first = split is report.splits[0]
            table.add_row(
                report.name if first else "",
                f"{report.expression}, {report.genes:,} genes" if first else "",
                split.name,
                f"{split.perturbations:,}",
                f"{split.contexts:,}",
                f"{split.cells:,}",
                f"{split.fewest:,}–{split.most:,}" if split.cells else "–",
            )
        controls = ", ".join(f"{name} {count:,}" for name, count in report.controls[:8])
        more = f", … {len(report.controls) - 8} more" if len(report.controls) > 8 else ""
        table.add_row("", "", "controls", "", f"{len(report.controls):,}", controls + more, "")
        for warning in report.warnings:
            typer.echo(f"warning: {warning}", err=True)
    console().print(table)


def _add_rows(table: "Table", report: "DatasetReport") -> None:
    from seqbench.metrics.names import describe_task

    kind = f"{describe_task(report.task, report.n_outputs)}, {report.alphabet}"
    if any(split.letters for split in report.splits):
        kind += ", a label a letter"
    if len(report.seq_keys) > 1:
        kind += f", {len(report.seq_keys)} seqs"
    for split in report.splits:
        length = f"{split.min_length:,}"
        if split.min_length != split.max_length:
            length += f"–{split.max_length:,}"
        if split.targets:
            labels = "  ".join(f"{each.mean:.3g}±{each.sd:.2g}" for each in split.targets[:6])
        else:
            labels = "  ".join(f"{label}: {count:,}" for label, count in split.label_counts[:8])
        if split.letters:
            labels += f"  no label: {split.unlabelled_letters:,} of {split.letters:,} letters"
        elif split.unlabelled:
            labels += f"  no label: {split.unlabelled:,}"
        if split.missing:
            labels += f"  missing: {', '.join(f'{count:,}' for count in split.missing[:6])}"
        more = max(len(split.targets) - 6, len(split.label_counts) - 8, 0)
        first = split is report.splits[0]
        table.add_row(
            report.name if first else "",
            kind if first else "",
            split.name,
            f"{split.items:,}",
            length,
            labels + (f"  … {more} more" if more else ""),
        )


@app.command("make-planted")
def make_planted(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; all five if none.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    train: Annotated[int, typer.Option(help="Items of train.")] = 2000,
    eval: Annotated[int, typer.Option(help="Items of eval.")] = 400,
    test: Annotated[int, typer.Option(help="Items of test.")] = 500,
    min_length: Annotated[int, typer.Option(help="Letters of the shortest sequence.")] = 100,
    max_length: Annotated[int, typer.Option(help="Letters of the longest sequence.")] = 200,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that differ.")] = False,
) -> None:
    """Make data sets by rule, whose best attainable score is known (see docs/planted.md)."""
    from seqbench.datasets.dataset import open_dataset
    from seqbench.datasets.info_file import INFO
    from seqbench.datasets.planted import write
    from seqbench.datasets.planted.rules import Sizes
    from seqbench.datasets.registry import resolve

    sizes = Sizes(train=train, eval=eval, test=test, min_length=min_length, max_length=max_length)
    made = write.make_planted(folder, names or None, seed, sizes, force=force)
    table = _table("data set", "task", "best attainable on test")
    for spec in resolve(folder, folder / INFO, [path.name for path in made]).specs:
        dataset = open_dataset(spec)
        ceiling = dataset.ceiling or {}
        shown = [name for name in ("accuracy", "roc_auc", "mcc", "r2", "spearmanr") if name in ceiling]
        table.add_row(
            spec.name, dataset.task.value, "  ".join(f"{name} {ceiling[name]:.3f}" for name in shown)
        )
    console().print(table)
