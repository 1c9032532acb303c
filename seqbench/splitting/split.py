"""Making a split: who stays together, who goes where, and the files.

Shape letters: N items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from os import cpu_count
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import seqbench
from seqbench.audit.verify import need_rapidfuzz
from seqbench.core.atomic import check_free
from seqbench.core.progress import Reporter
from seqbench.core.types import Task
from seqbench.errors import DataError
from seqbench.splitting import external
from seqbench.splitting.pool import Pool, read_pool
from seqbench.splitting.settings import SplitSettings
from seqbench.splitting.together import Likeness, merged
from seqbench.splitting.write import FORMAT, write_splits
from seqbench.stratification.shares import Atoms, balanced_shares, share_out, with_every_class
from seqbench.stratification.strata import Labelling

ROUNDS: Final = 20
"""How often a split is made anew with what the search across it still found; mostly it finds nothing."""

Parts = Mapping[str, NDArray[np.int64]]
"""The split of each item, 0 to 2, for each folder that is written."""


@dataclass(slots=True)
class _Made:
    """What becomes of a pool."""

    parts: Parts
    atoms_N: Atoms
    clusterer: str
    notes: list[str]


def split_dataset(source: Path, out: Path, settings: SplitSettings, reporter: Reporter) -> dict[str, Any]:
    """Split a JSONL file, or the pooled splits of a folder, and write it as a data set.

    Copies, on either strand, always stay together, but for groups, which are split as they are.

    Args:
        source: A JSONL file, or a folder of splits.
        out: A folder that is not there yet; below it `fold0`, `fold1` … where folds are asked for.
        settings: How.
        reporter: Shows a bar for what is compared.

    Returns:
        The manifest that is written beside the splits; the same input and settings give the same bytes.

    Raises:
        DataError: The input is at fault, `out` exists, or there is too little to split.
    """
    check_free(out, "choose another folder, or remove it", empty_folder=True)
    if settings.by == "cluster":
        need_rapidfuzz()
    pool = read_pool(source, settings)
    made = _make(pool, settings, reporter)
    for note in made.notes:
        reporter.note(f"note: {note}")
    return write_splits(out, pool, made.parts, _about(pool, settings, made))


def _make(pool: Pool, settings: SplitSettings, reporter: Reporter) -> _Made:
    likeness = Likeness(pool.dataset, reporter, near=settings.by == "cluster")
    if settings.by == "group":
        return _by_group(pool, likeness, settings)
    atoms_N, clusterer, notes = likeness.copies_N, "none", list[str]()
    if settings.by == "cluster":
        clustered_N, clusterer, notes = _clusters(pool, likeness, settings)
        atoms_N = merged(atoms_N, clustered_N)
    parts = _assign(pool, atoms_N, settings)
    if settings.by == "cluster":
        atoms_N, parts = _without_leaks(pool, likeness, settings, atoms_N, parts)
    return _Made(parts=parts, atoms_N=atoms_N, clusterer=clusterer, notes=notes)


def _clusters(pool: Pool, likeness: Likeness, settings: SplitSettings) -> tuple[Atoms, str, list[str]]:
    """Clusters, who made them, and what is to be told of that.

    Where nobody asked for a program, one that can't compare all sequences, or fails, gives way to the
    built-in clustering, which can.
    """
    notes = []
    tool = external.find_tool(settings.clusterer, pool.dataset.alphabet)
    if tool is not None:
        why = external.unfit(tool, pool.dataset, settings.identity)
        try:
            if settings.clusterer != "auto" or why is None:
                found = external.cluster(pool.dataset, tool, settings.identity, cpu_count() or 1)
                return found, f"{tool.name} {tool.version}", []
        except DataError as error:
            if settings.clusterer != "auto":
                more = f"; {why}" if why else ""
                raise DataError(f"{error}{more} (or take --clusterer builtin)") from error
            why = str(error)
        wanted = tool.name.removesuffix("-est")
        notes.append(f"{why}: clustered by the built-in instead (--clusterer {wanted} insists)")
    return likeness.clusters(settings.identity, settings.seed), "builtin", notes


def _by_group(pool: Pool, likeness: Likeness, settings: SplitSettings) -> _Made:
    names = pool.groups(settings.group_key or "")
    atoms_N = external.numbered(names.astype(str))
    copies_N = likeness.copies_N
    # A copy in another group would tie the two together, and a repeat all chromosomes; so it is only told.
    pairs = np.unique(np.stack([copies_N, atoms_N], axis=1), axis=0)[:, 0]
    spread = int(np.isin(copies_N, pairs[1:][pairs[1:] == pairs[:-1]]).sum())
    notes = []
    if spread:
        notes.append(
            f"{spread} items have copies in other groups, so splits may share them "
            "(see `seqbench datasets audit`)"
        )
    parts = _named(pool, atoms_N, names, settings) if settings.held_out else _assign(pool, atoms_N, settings)
    return _Made(parts=parts, atoms_N=atoms_N, clusterer="none", notes=notes)


def _named(pool: Pool, atoms_N: Atoms, names: NDArray[Any], settings: SplitSettings) -> Parts:
    """Test is what the user named; the rest is shared out between train and eval."""
    known = set(names.tolist())
    for name in settings.held_out:
        if name not in known:
            listed = ", ".join(sorted(known)[:8]) + (", …" if len(known) > 8 else "")
            raise DataError(f"--test-groups: there is no group {name!r}; there are {listed}")
    test_N = np.isin(names.astype(str), np.asarray(settings.held_out))
    return {"": _checked(pool, atoms_N, _train_and_eval(pool, atoms_N, test_N, settings))}


def _assign(pool: Pool, atoms_N: Atoms, settings: SplitSettings) -> Parts:
    if settings.folds is None:
        part_N = _shared(pool.labellings, atoms_N, settings.fractions, settings.seed)
        return {"": _checked(pool, atoms_N, part_N)}
    even = [1 / settings.folds] * settings.folds
    fold_N = _shared(pool.labellings, atoms_N, even, settings.seed)
    return {
        f"fold{fold}": _checked(pool, atoms_N, _train_and_eval(pool, atoms_N, fold_N == fold, settings))
        for fold in range(settings.folds)
    }


def _shared(
    labellings: Sequence[Labelling], atoms_N: Atoms, shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """The part of each item; several labels are all kept in proportion."""
    if len(labellings) == 1:
        return share_out(*labellings[0], atoms_N, shares, seed)
    return balanced_shares(labellings, atoms_N, shares, seed)


def _train_and_eval(
    pool: Pool, atoms_N: Atoms, test_N: NDArray[np.bool_], settings: SplitSettings
) -> NDArray[np.int64]:
    train, evaluation, _ = settings.fractions
    part_N = np.full(len(test_N), 2, dtype=np.int64)
    rest = np.flatnonzero(~test_N)
    if len(rest):
        shares = (train / (train + evaluation), evaluation / (train + evaluation))
        left = [(targets[rest], task) for targets, task in pool.labellings]
        part_N[rest] = _shared(left, atoms_N[rest], shares, settings.seed)
    return part_N


def _checked(pool: Pool, atoms_N: Atoms, part_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """With every class in train, and something in train and test."""
    for targets, task in pool.labellings:
        if task is Task.CLASSIFICATION:
            part_N = with_every_class(part_N, targets, atoms_N)
    for number, name in ((0, "train"), (2, "test")):
        if not (part_N == number).any():
            raise DataError(
                f"{pool.dataset.spec.folder}: {len(np.unique(atoms_N))} groups of items that stay together "
                f"are too few: nothing is left for {name} (other --fractions, a higher --identity, or --by "
                "random)"
            )
    return part_N


def _without_leaks(
    pool: Pool, likeness: Likeness, settings: SplitSettings, atoms_N: Atoms, parts: Parts
) -> tuple[Atoms, Parts]:
    """Search across each split as an audit does; what is found stays together, and all is shared out anew."""
    for _ in range(ROUNDS):
        found = [
            leaks
            for part_N in parts.values()
            for outside in (0, 2)
            if (leaks := likeness.leaks(part_N == outside, settings.identity, settings.seed)) is not None
        ]
        if not found:
            return atoms_N, parts
        atoms_N = merged(atoms_N, *found)
        parts = _assign(pool, atoms_N, settings)
    raise DataError(
        f"{pool.dataset.spec.folder}: after {ROUNDS} rounds splits still share near-duplicates "
        "(take a lower --identity, which makes larger clusters)"
    )


def _about(pool: Pool, settings: SplitSettings, made: _Made) -> dict[str, Any]:
    sizes = np.bincount(made.atoms_N)
    wanted = {name: value for name, value in asdict(settings).items() if value is not None}
    packages = ["numpy", "scipy", *(["rapidfuzz"] if find_spec("rapidfuzz") else [])]
    others = {key: each.task.value for key, each in pool.others.items()}
    return {
        "format": FORMAT,
        "made_by": f"seqbench {seqbench.__version__} datasets split",
        "versions": {name: version(name) for name in packages},
        "settings": wanted,
        "clusterer": made.clusterer,
        "input": [
            {"file": index.path.name, "sha256": index.sha256, "items": index.n_items} for index in pool.files
        ],
        "task": pool.dataset.task.value,
        **({"other_tasks": others} if others else {}),
        "stay_together": {"groups": len(sizes), "largest": int(sizes.max())},
        "notes": made.notes,
    }
