"""Whether the disk holds what is going to be written."""

import shutil
from pathlib import Path

from seqbench.core.progress import human
from seqbench.errors import StoreError


def check_room(folder: Path | None, n_bytes: int, what: str) -> None:
    """See that a disk has room, before hours of computing end with a full one.

    Args:
        folder: Of the store, there or not yet; None where it is remote, which tells no free space.
        n_bytes: That are going to be written, before compression; floats hardly gain by it.
        what: That takes them.

    Raises:
        StoreError: It has not; tells both figures.
    """
    if folder is None:
        return
    there = next(each for each in (folder, *folder.resolve().parents) if each.is_dir())
    free = shutil.disk_usage(there).free
    if n_bytes > free:
        raise StoreError(
            f"{folder}: the tokens of {what} take {human(n_bytes)}B, {human(free)}B are free "
            "(name fewer layers in extract.tokens.layers, set extract.tokens.dtype: float16, or another "
            "store.path)"
        )
