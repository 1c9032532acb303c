"""Export of embeddings: what is chosen, checked, and written one entry after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqbench.core.atomic import check_free, remove_stale
from seqbench.core.progress import Advance, Reporter
from seqbench.core.types import SplitName, check_name
from seqbench.errors import StoreError, StoreNotFoundError
from seqbench.store.embeddings import Embeddings
from seqbench.store.exchange.base import ExportJob
from seqbench.store.exchange.columns import ExportRows
from seqbench.store.exchange.formats import FormatName, writable
from seqbench.store.selection import check_any_layer, chosen_keys, chosen_layers
from seqbench.store.store import Store
from seqbench.store.token_entry import TokenEmbeddings


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What to export; empty means all."""

    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()
    """Negative numbers count from the last."""
    splits: tuple[SplitName, ...] = ()


def export_store(
    store: Store,
    out: Path,
    format_name: FormatName,
    chosen: Chosen,
    reporter: Reporter,
    *,
    force: bool = False,
) -> list[Path]:
    """Write embeddings into `out/<model>/`; memory stays flat, but `.pt` needs a whole layer at a time.

    Args:
        store: The open store.
        out: A folder, made where there is none.
        format_name: npy, parquet, anndata or pt.
        chosen: What to export. All of it must be complete.
        reporter: Shown a bar in bytes.
        force: Overwrite files that are there.

    Returns:
        The files written.

    Raises:
        StoreError: Something chosen is incomplete or damaged, a file is there already or can't be written, or
            a package is missing. Nothing is written unless all that was chosen is complete.
        StoreNotFoundError: A name, layer or split is not in the store.
    """
    format_ = writable(format_name)
    found = [store[key] for key in chosen_keys(store, chosen.models, chosen.datasets)]
    entries = [entry for entry in found if not isinstance(entry, TokenEmbeddings)]
    if not entries:
        raise StoreError(f"{store.path}: what was chosen holds a vector a token, which {format_name} can't")
    check_any_layer(store, chosen.layers, entries)
    paths: list[Path] = []
    total = 0
    for job in _jobs(entries, out, chosen, lambda amount: None):
        paths += format_.files(job)
        total += sum(array.nbytes for layers in job.layers.values() for array in layers.values())
    if not paths:
        splits = ", ".join(chosen.splits) or "with layers"
        raise StoreNotFoundError(f"{store.path}: what was chosen has no split {splits}")
    remove_stale(out, depth=2)
    for path in () if force else paths:
        check_free(path, "--force overwrites", fault=StoreError)
    with reporter.task("export", total, "B") as advance:
        for job in _jobs(entries, out, chosen, advance):
            format_.write(job)
    return paths


def _jobs(entries: Sequence[Embeddings], out: Path, chosen: Chosen, advance: Advance) -> Iterator[ExportJob]:
    """One job an entry that has something of what was chosen; labels of one entry are in memory at a time."""
    for entry in entries:
        job = _job(entry, out, chosen, advance)
        if job.layers:
            yield job


def _job(entry: Embeddings, out: Path, chosen: Chosen, advance: Advance) -> ExportJob:
    """Open an entry's arrays, which sees that they are complete; names are checked, as they become paths."""
    check_name(entry.model.name, "model")
    check_name(entry.dataset, "data set")
    layers = {}
    for split in entry.splits:
        wanted = set(chosen_layers(entry, chosen.layers)) & set(entry.split_layers(split))
        if wanted and (not chosen.splits or split in chosen.splits):
            layers[split] = {layer: entry.array(layer, split) for layer in sorted(wanted)}
    errors = {
        f"{layer}/{split}": error
        for split, arrays in layers.items()
        for layer in arrays
        if (error := entry.rounding_error(split, layer)) is not None
    }
    return ExportJob(
        model=entry.model,
        dataset=entry.dataset,
        facts=entry.facts,
        layers=layers,
        rows={
            split: ExportRows(
                labels=entry.labels(split),
                items=entry.items(split),
                targets={name: entry.target(name).labels(split) for name in entry.targets},
            )
            for split in layers
        },
        rounding_error=errors,
        folder=out / entry.model.name,
        advance=advance,
    )
