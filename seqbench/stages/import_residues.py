"""Per-residue HDF5 in and out of a store, joined to a data set's items by their ids.

Shape letters: N items, S sequences of an item.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from seqbench.core.identity import ModelIdentity, Settings
from seqbench.core.progress import Reporter
from seqbench.core.types import SplitName, StoreDtype
from seqbench.datasets.dataset import Dataset, Split, open_dataset
from seqbench.datasets.registry import resolve
from seqbench.errors import DataError, StoreError
from seqbench.extract.by_id import ids_of, imported_facts
from seqbench.extract.describe import embedding_facts, token_facts
from seqbench.models.fingerprint import hash_files
from seqbench.store import TOKENS, Block, LayerTokens, TokenEmbeddings, create_store
from seqbench.store.exchange.residues_reading import Residues, collect_apart

NAMED = 5
"""Ids that an error names."""


def import_residues(
    store: str, path: Path, model: str, dataset: Dataset, dtype: StoreDtype, reporter: Reporter
) -> str:
    """Copy the residues of a data set's sequences into a store, as `<model>@tokens`, layer 0 of 1.

    Args:
        store: Path or URL; made where there is none, once the file is found to be sound.
        path: HDF5 with a data set (T, H) an id, named by it or told by its `original_id`.
        model: The name to store under.
        dataset: The opened data set; its items have ids.
        dtype: In which to store.
        reporter: Shown a bar in items.

    Returns:
        The key that was filled.

    Raises:
        DataError: Items have no ids, the file lacks some, or has another number of residues than a sequence
            has letters; names ids, files and lines.
        StoreError: The file can't be read, or the store can't be written.
        StoreMismatchError: The store holds other tokens of that name.
    """
    ids = {
        name: [each for item in ids_of(split, dataset.n_seqs) for each in item]
        for name, split in dataset.splits.items()
    }
    with tempfile.TemporaryDirectory(prefix="seqbench-residues-") as folder:
        wanted = list(dict.fromkeys(each for names in ids.values() for each in names))
        residues = collect_apart(path, wanted, Path(folder) / "rows")
        for name, split in dataset.splits.items():
            _check(path, dataset, split, ids[name], residues)
        settings: Settings = {"dtype": "float32", "source": "residues by id"}
        facts = token_facts(embedding_facts(dataset, residues.hidden, settings, dtype), dtype)
        identity = ModelIdentity(
            name=f"{model}{TOKENS}",
            kind="precomputed",
            path=str(path.absolute()),
            revision=None,
            fingerprint=hash_files([path], {"kind": "residues"}),
            n_layers=1,
            hidden=None,
        )
        entry = create_store(store).require(identity, dataset.spec.name, facts)
        assert isinstance(entry, TokenEmbeddings)
        with reporter.task(
            f"import {dataset.spec.name}", sum(map(len, dataset.splits.values())), "items"
        ) as told:
            for name, split in dataset.splits.items():
                _fill(entry, dataset, name, split, ids[name], residues, told)
    return entry.name


def _check(path: Path, dataset: Dataset, split: Split, ids: Sequence[str], residues: Residues) -> None:
    """See that every sequence has a vector for each of its letters."""
    lengths_Q = split.lengths.ravel()
    missing = [at for at, name in enumerate(ids) if name not in residues.places]
    if missing:
        places = [f"{ids[at]} ({_place(split, at, dataset.n_seqs)})" for at in missing[:NAMED]]
        raise DataError(
            f"{path}: lacks {len(missing):,} of {len(ids):,} ids: {', '.join(places)}"
            f"{', …' if len(missing) > NAMED else ''} (add them, or take the items out of the data set)"
        )
    for at, name in enumerate(ids):
        if residues.places[name][1] != lengths_Q[at]:
            raise DataError(
                f"{_place(split, at, dataset.n_seqs)}: the sequence of {name} has {lengths_Q[at]} letters, "
                f"{path} {residues.places[name][1]} residues of it (are special tokens among them?)"
            )


def _place(split: Split, at: int, n_seqs: int) -> str:
    return f"{split.index.path}:{split.line(at // n_seqs)}"


def _fill(
    entry: TokenEmbeddings,
    dataset: Dataset,
    name: SplitName,
    split: Split,
    ids: Sequence[str],
    residues: Residues,
    advance: Callable[[float], None],
) -> None:
    entry.put_lengths(name, split.lengths.ravel(), None)
    entry.prepare(name, split.labels, [0], keep_labels=bool(dataset.spec.targets))
    if split.letters is not None:
        entry.put_letters(name, split.letters)
    advance(len(split) - sum(block.stop - block.start for block in entry.missing_blocks(name, [0])))
    for block in entry.missing_blocks(name, [0]):
        layer = LayerTokens(layer=0, parts=_parts(block, ids, residues, dataset.n_seqs))
        entry.write_tokens(name, block, [layer], imported_facts(split, block))
        advance(block.stop - block.start)


def _parts(block: Block, ids: Sequence[str], residues: Residues, n_seqs: int) -> Iterator[np.ndarray]:
    for name in ids[block.start * n_seqs : block.stop * n_seqs]:
        yield residues.read(name)


def data_set(root: Path, info: Path | None, name: str, reporter: Reporter) -> Dataset:
    """Open one data set of a folder of data sets.

    Raises:
        DataError: There is no such data set, or something is wrong with its files.
    """
    return open_dataset(resolve(root, info, [name]).specs[0], reporter=reporter)


def ids_from(
    root: Path, info: Path | None, reporter: Reporter
) -> Callable[[TokenEmbeddings, SplitName], list[str]]:
    """What gives the ids of a split from the data set's own files, which must be those that were embedded.

    Raises:
        StoreError: When it is called: the files have changed.
        DataError: When it is called: items have no ids.
    """

    def ids(entry: TokenEmbeddings, split: SplitName) -> list[str]:
        content = data_set(root, info, entry.dataset, reporter).splits[split]
        if content.index.sha256 != entry.facts.splits[split].sha256:
            raise StoreError(f"{content.index.path}: is not the file that {entry.name} was computed from")
        return [each for item in ids_of(content, entry.facts.n_seqs) for each in item]

    return ids
