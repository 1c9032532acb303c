"""Names of exported files, and writing them so that a file under its name is whole.

The names are the reference system's: `<dataset>-<layer>layer_<split>`, in a folder of the model's name.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqbench.core.atomic import atomic_write
from seqbench.core.types import SPLITS, SplitName
from seqbench.errors import SeqbenchError, StoreError, disk_error, said

_STEM = re.compile(r"(?P<dataset>.+)-(?P<layer>\d+)layer(_(?P<split>train|eval|test))?", re.ASCII)


def layer_file(folder: Path, dataset: str, layer: int, split: SplitName | None, suffix: str) -> Path:
    """Where a layer of a split goes; without a split, where the layer of all splits goes."""
    return folder / f"{dataset}-{layer}layer{f'_{split}' if split else ''}{suffix}"


def layer_files(folder: Path, suffix: str) -> dict[str, dict[tuple[int, SplitName | None], Path]]:
    """The layers' files of a folder by data set, then by layer and split, in that order.

    Raises:
        StoreError: There is no such folder, or it holds no such file.
    """
    if not folder.is_dir():
        raise StoreError(f"{folder}: there is no such folder")
    found: dict[str, dict[tuple[int, SplitName | None], Path]] = {}
    for path in folder.iterdir():
        match = _STEM.fullmatch(path.name.removesuffix(suffix)) if path.name.endswith(suffix) else None
        if match is not None and not path.name.startswith("."):
            split = next((known for known in SPLITS if known == match["split"]), None)
            found.setdefault(match["dataset"], {})[int(match["layer"]), split] = path
    if not found:
        inner = sorted(path.name for path in folder.iterdir() if path.is_dir())[:8]
        hint = f" (give one of its folders: {', '.join(inner)})" if inner else ""
        raise StoreError(f"{folder}: holds no <dataset>-<layer>layer_<split>{suffix}{hint}")
    return {
        name: dict(sorted(files.items(), key=lambda item: (item[0][0], item[0][1] or "")))
        for name, files in sorted(found.items())
    }


def unreadable(path: Path, what: str, error: Exception) -> StoreError:
    """The one line for a file that a library can't read."""
    return StoreError(f"{path}: can't be read as {what}: {said(error)}")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name to write to, which becomes `path` when all is written and is deleted on an error.

    Raises:
        StoreError: The disk is full, or the folder can't be written.
    """
    try:
        with atomic_write(path) as partial:
            yield partial
    except SeqbenchError:
        raise
    except (OSError, RuntimeError) as error:
        if (known := disk_error(error)) is None:
            raise
        why = known.strerror or str(known).partition("\n")[0]
        raise StoreError(f"{path}: can't be written: {why}") from error
