"""What zarr writes a local store through."""

import asyncio
from contextlib import suppress
from pathlib import Path

from zarr.core.buffer import Buffer
from zarr.storage import LocalStore

from seqbench.core.atomic import atomic_write


class WholeFiles(LocalStore):
    """A folder in which files appear whole or not at all.

    zarr's own store writes a file beside its place, under a name that does not tell whose it is. Here all are
    written in the store's folder, where one listing finds what killed processes left.
    """

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file, or put another in its place."""
        self._check_writable()
        await asyncio.to_thread(_put, self.root, self.root / key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write a file, unless there is one."""
        self._check_writable()
        with suppress(FileExistsError):
            await asyncio.to_thread(_put, self.root, self.root / key, value, exclusive=True)


def _put(root: Path, target: Path, value: Buffer, *, exclusive: bool = False) -> None:
    with atomic_write(target, folder=root, exclusive=exclusive) as partial:
        partial.write_bytes(value.as_buffer_like())
