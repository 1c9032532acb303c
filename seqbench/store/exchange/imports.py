"""Import of embeddings from files: checked first, then written into the store block by block.

Files that seqbench exported restore what they were exported from; others are recorded as `precomputed`.

Shape letters: N items, S sequences of an item, H hidden width.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seqbench.core.identity import ModelIdentity
from seqbench.core.missing import known
from seqbench.core.progress import Advance, Reporter
from seqbench.core.types import SplitName, Task, check_name
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import StoreError
from seqbench.store.embeddings import Embeddings
from seqbench.store.exchange.base import PIECE_BYTES, Found, LayerFile
from seqbench.store.exchange.columns import ExportRows, infer_task, labels_of
from seqbench.store.exchange.formats import ReadableName, readable
from seqbench.store.exchange.provenance import Provenance, file_hash
from seqbench.store.layout import Block, cut
from seqbench.store.opening import create_store
from seqbench.store.records import EmbeddingFacts, ItemFacts, LayerRows, SplitFacts
from seqbench.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """One data set, checked and described."""

    found: Found
    model: ModelIdentity
    dataset: str
    facts: EmbeddingFacts
    rows: dict[SplitName, ExportRows]


def import_files(
    store: str,
    folder: Path,
    format_name: ReadableName,
    model: str,
    datasets: Sequence[str],
    describe: Callable[[str], DatasetSpec],
    reporter: Reporter,
) -> list[str]:
    """Copy the files of a folder into a store, under the name of a model.

    All files are read and checked before anything is written; blocks that the store has already stay.

    Args:
        store: Path or URL; made where there is none, once the files are found to be sound.
        folder: Holds `<dataset>-<layer>layer_<split>` files.
        format_name: npy, parquet or anndata.
        model: The name to store under.
        datasets: Which; all that the folder has if none.
        describe: What is known of a data set by its name: its task, where files do not tell, and group.
        reporter: Shown bars in bytes.

    Returns:
        The keys that were filled, `model/dataset`.

    Raises:
        StoreError: A file is missing, can't be read, was changed, or does not fit the others; names it.
        StoreMismatchError: The store holds other embeddings of that name.
    """
    check_name(model, "model")
    present = readable(format_name).find(folder)
    for name in datasets:
        if name not in present:
            raise StoreError(f"{folder}: has no files of data set {name!r} (it has {', '.join(present)})")
    every = []
    for name in datasets or present:
        found = present[name]
        with reporter.task(f"check {name}", _bytes(found), "B") as advance:
            spec = describe(check_name(name, "data set"))
            every.append(_check(found, model, name, spec, format_name, advance))
    opened = create_store(store)
    for checked in every:
        _fill(opened, checked, format_name, reporter)
    return [f"{model}/{checked.dataset}" for checked in every]


def _fill(store: Store, checked: _Import, format_name: str, reporter: Reporter) -> None:
    """Write one data set."""
    found, told = checked.found, checked.found.provenance
    facts = _beside(store, f"{checked.model.name}/{checked.dataset}", checked.facts)
    with reporter.task(f"import {checked.dataset}", _bytes(found), "B") as advance:
        entry = store.require(checked.model, checked.dataset, facts)
        if told is not None and told.rounding_error:
            entry.add_notes(imported={"from": format_name, "rounding_error": told.rounding_error})
        for split in found.layers:
            _write(entry, split, checked, advance)


def _beside(store: Store, key: str, facts: EmbeddingFacts) -> EmbeddingFacts:
    """A record that leaves splits alone which the store has and the files have not."""
    return replace(facts, splits={**store[key].facts.splits, **facts.splits}) if key in store else facts


def _files(found: Found) -> Iterator[tuple[SplitName, int, LayerFile]]:
    for split, layers in found.layers.items():
        for layer, file in layers.items():
            yield split, layer, file


def _bytes(found: Found) -> int:
    return sum(4 * int(np.prod(file.shape)) for _, _, file in _files(found))


def _check(
    found: Found, model: str, dataset: str, spec: DatasetSpec, format_name: str, advance: Advance
) -> _Import:
    """Read all files of a data set once, and describe it."""
    rows = {split: found.rows(split) for split in found.layers}
    for split, layer, file in _files(found):
        if len(rows[split].labels) != file.shape[0]:
            raise StoreError(f"{file.path}: {file.shape[0]} items, but {len(rows[split].labels)} labels")
        _check_values(found.provenance, f"{layer}/{split}", file, advance)
    if found.provenance is not None:
        return _restored(found, found.provenance, model, dataset, rows)
    return _described(found, model, dataset, spec, format_name, rows)


def _check_values(told: Provenance | None, key: str, file: LayerFile, advance: Advance) -> None:
    """Hash the rows of a file, or, where no hash is known, see that they are finite."""
    digest = hashlib.sha256()
    n_items, n_seqs, hidden = file.shape
    step = max(1, PIECE_BYTES // (4 * n_seqs * hidden))
    for start in range(0, n_items, step):
        rows_NSH = file.read(start, min(start + step, n_items))
        digest.update(np.ascontiguousarray(rows_NSH, dtype="<f4").data)
        if told is None and not np.isfinite(rows_NSH).all():
            raise StoreError(f"{file.path}: embeddings hold NaN or infinity")
        advance(rows_NSH.nbytes)
    if told is not None and told.sha256.get(key) != digest.hexdigest():
        raise StoreError(
            f"{file.path}: its embeddings are not those that were exported (changed or of another export)"
        )


def _restored(
    found: Found, told: Provenance, model: str, dataset: str, rows: dict[SplitName, ExportRows]
) -> _Import:
    """What seqbench exported, under a name that may be new."""
    for split, layer, file in _files(found):
        known = told.facts.splits.get(split)
        wanted = (known.n_items, told.facts.n_seqs, told.facts.hidden) if known is not None else None
        if file.shape != wanted or not 0 <= layer < told.model.n_layers:
            raise StoreError(
                f"{file.path}: layer {layer} of shape {file.shape} does not fit its provenance: "
                f"{wanted}, layers 0 to {told.model.n_layers - 1} (export again)"
            )
    for split, kept in rows.items():
        if told.sha256.get(f"rows/{split}") != kept.sha256():
            where = next(iter(found.layers[split].values())).path
            raise StoreError(f"{where}: the labels of {split} are not those that were exported")
    facts = replace(told.facts, splits={split: told.facts.splits[split] for split in found.layers})
    return _Import(
        found=found, model=replace(told.model, name=model), dataset=dataset, facts=facts, rows=rows
    )


def _described(
    found: Found,
    model: str,
    dataset: str,
    spec: DatasetSpec,
    format_name: str,
    rows: Mapping[SplitName, ExportRows],
) -> _Import:
    """What another tool made: known are the numbers and nothing of where they come from."""
    first, _, file = next(_files(found))
    _, n_seqs, hidden = file.shape
    for _, _, other in _files(found):
        if other.shape[1:] != (n_seqs, hidden):
            raise StoreError(f"{other.path}: {other.shape[1:]} a row, the first layer has {(n_seqs, hidden)}")
    task = spec.task or infer_task(rows[first].labels)
    kept = {split: _fitting(found, split, each, task) for split, each in rows.items()}
    labels = kept[first].labels
    facts = EmbeddingFacts(
        task=task,
        n_seqs=n_seqs,
        n_targets=labels.shape[1] if labels.ndim == 2 else 1,
        hidden=hidden,
        classes=tuple(np.unique(labels[known(labels)]).tolist()) if task is Task.CLASSIFICATION else (),
        alphabet=None,
        ceiling=None,
        group=spec.group,
        settings={"dtype": "float32", "source": f"{format_name} files"},
        versions={},
        splits={split: _split_facts(found, split, n_seqs, hidden) for split in found.layers},
    )
    _check_labels(dataset, facts, kept)
    identity = ModelIdentity(
        name=model,
        kind="precomputed",
        path=str(file.path.parent.absolute()),
        revision=None,
        fingerprint=hashlib.sha256(f"precomputed\0{model}\0{format_name}".encode()).hexdigest(),
        n_layers=max(layer for _, layer, _ in _files(found)) + 1,
        hidden=None,
    )
    return _Import(found=found, model=identity, dataset=dataset, facts=facts, rows=kept)


def _check_labels(dataset: str, facts: EmbeddingFacts, rows: Mapping[SplitName, ExportRows]) -> None:
    """See that all splits have the labels of the first."""
    first = next(iter(rows))
    for split, each in rows.items():
        if each.labels.shape[1:] != rows[first].labels.shape[1:]:
            raise StoreError(f"{dataset}: an item of {split} has not as many labels as one of {first}")
        unknown = sorted(set(np.unique(each.labels[known(each.labels)]).tolist()) - set(facts.classes))
        if facts.classes and unknown:
            raise StoreError(f"{dataset}: {split} has class {unknown[0]}, which {first} lacks")


def _fitting(found: Found, split: SplitName, rows: ExportRows, task: Task) -> ExportRows:
    try:
        return replace(rows, labels=labels_of(rows.labels, task))
    except ValueError as error:
        where = next(iter(found.layers[split].values())).path
        raise StoreError(f"{where}: {error} (name the task in a datasets_info.yaml: --info)") from error


def _split_facts(found: Found, split: SplitName, n_seqs: int, hidden: int) -> SplitFacts:
    files = found.layers[split]
    n_items = next(iter(files.values())).shape[0]
    rows = cut(n_items=n_items, n_seqs=n_seqs, hidden=hidden, itemsize=4, letters=0)
    return SplitFacts(
        n_items=n_items,
        sha256=file_hash([file.path for _, file in sorted(files.items())]),
        block_rows=rows.block_rows,
        chunk_rows=rows.chunk_rows,
    )


def _write(entry: Embeddings, split: SplitName, checked: _Import, advance: Advance) -> None:
    files, rows = checked.found.layers[split], checked.rows[split]
    entry.prepare(split, rows.labels, sorted(files))
    n_seqs, row_bytes = checked.facts.n_seqs, 4 * checked.facts.n_seqs * checked.facts.hidden
    missing = entry.missing_blocks(split, sorted(files))
    kept = entry.facts.splits[split].n_items - sum(block.stop - block.start for block in missing)
    advance(kept * row_bytes * len(files))
    for block in missing:
        layers = entry.missing_layers(split, block, sorted(files))
        entry.write_block(split, block, _layer_rows(files, layers, block), _items(rows, n_seqs, block))
        advance((block.stop - block.start) * row_bytes * len(files))


def _layer_rows(files: Mapping[int, LayerFile], layers: Sequence[int], block: Block) -> Iterator[LayerRows]:
    for layer in layers:
        yield LayerRows(layer=layer, rows_NSH=files[layer].read(block.start, block.stop))


def _items(rows: ExportRows, n_seqs: int, block: Block) -> ItemFacts:
    """Of a block; zeros and NaN where the files do not tell."""
    span, count = slice(block.start, block.stop), block.stop - block.start
    if rows.items is None:
        return ItemFacts(
            tokens_NS=np.zeros((count, n_seqs), dtype=np.int64),
            windows_NS=np.zeros((count, n_seqs), dtype=np.int32),
            coverage_NS=np.full((count, n_seqs), np.nan, dtype=np.float32),
            hash_N=np.zeros(count, dtype=np.uint64),
        )
    return ItemFacts(
        tokens_NS=rows.items.tokens_NS[span],
        windows_NS=rows.items.windows_NS[span],
        coverage_NS=rows.items.coverage_NS[span],
        hash_N=rows.items.hash_N[span],
    )
