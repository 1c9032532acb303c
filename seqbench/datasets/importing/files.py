"""Input files and the splits they belong to."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seqbench.core.types import SplitName
from seqbench.errors import DataError

_ENDINGS = (".gz", ".bgz", ".bgzf")


class SplitPath(NamedTuple):
    """An input file, and the split that its items belong to by the user's word."""

    path: Path
    split: SplitName | None = None


def split_paths(
    inputs: Sequence[Path], train: Sequence[Path], eval_: Sequence[Path], test: Sequence[Path]
) -> list[SplitPath]:
    """Collect files with and without a split.

    Raises:
        DataError: There is no file, both kinds are given, or a file is given twice.
    """
    given: dict[SplitName, Sequence[Path]] = {"train": train, "eval": eval_, "test": test}
    files = [SplitPath(path) for path in inputs]
    files += [SplitPath(path, split) for split, paths in given.items() for path in paths]
    if not files:
        raise DataError("no input file is given (name files, or --train FILE and --test FILE)")
    if inputs and len(files) > len(inputs):
        raise DataError(
            f"{inputs[0]}: give all files a split (--train, --eval, --test), or none (and --split)"
        )
    seen: set[Path] = set()
    for path, _ in files:
        if path in seen:
            raise DataError(f"{path}: is given twice")
        seen.add(path)
    return files


def label_of_name(path: Path) -> str:
    """The class that a file's name says: the name without its endings, `pos.fa.gz` → `pos`."""
    name = path.name
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name.rpartition(".")[0] or name
