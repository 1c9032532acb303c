"""A power cut at a random moment: what was not synced is gone, as on the strictest of file systems.

Runs in a process of its own, under the code that it tries. A file whose content was changed since its last
`fsync` loses all of it; in a folder every name that was made, moved or removed since the folder's last
`fsync` is as it was.
"""

import os
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOST = b""
"""Content of a file that was never synced."""


class PowerCut:
    """Stands under `os`, counts what changes the disk, and cuts the power at one of these moments."""

    def __init__(self, root: Path, backups: Path, moment: int) -> None:
        self._root, self._backups, self._left = root.resolve(), backups, moment
        self._one_by_one = threading.RLock()  # a thread must not find the disk half restored
        self._synced: dict[int, tuple[int, int]] = {}
        self._names: dict[int, dict[str, tuple[int, bool]]] = {}
        for folder, _, _ in os.walk(self._root):
            self._note_folder(Path(folder))
            for path in Path(folder).iterdir():
                if path.is_file():
                    self._note_file(path)

    def install(self) -> None:
        """Wrap the calls that change or sync a disk."""
        for name in ("replace", "rename", "link", "unlink", "rmdir"):
            setattr(os, name, self._counting(getattr(os, name)))
        sync, make = os.fsync, os.mkdir

        def mkdir(path: Any, *args: Any, **options: Any) -> None:
            with self._one_by_one:
                make(path, *args, **options)
                self._names[os.stat(path).st_ino] = {}
                self._tick()

        os.mkdir = mkdir  # type: ignore[assignment]

        def fsync(handle: int) -> None:
            with self._one_by_one:
                sync(handle)
                path = Path(os.readlink(f"/proc/self/fd/{handle}"))
                if self._root in (path, *path.parents):
                    self._note_folder(path) if path.is_dir() else self._note_file(path)
                self._tick()

        os.fsync = fsync  # type: ignore[assignment]

    def _counting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            with self._one_by_one:
                found = call(*args, **options)
                self._tick()
                return found

        return counted

    def _tick(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._cut()
            os._exit(9)

    def _note_file(self, path: Path) -> None:
        stat = path.stat()
        self._synced[stat.st_ino] = (stat.st_size, stat.st_mtime_ns)
        kept = self._backups / str(stat.st_ino)
        if not kept.exists():
            _link(path, kept)

    def _note_folder(self, folder: Path) -> None:
        there = {path.name: (path.lstat().st_ino, path.is_dir()) for path in folder.iterdir()}
        self._names[folder.stat().st_ino] = there

    def _cut(self) -> None:
        """Put the disk in the state that was promised: known names, with synced content or none."""
        durable = self._backups / "disk"
        self._restore(self._root.stat().st_ino, durable)
        shutil.rmtree(self._root)
        shutil.move(durable, self._root)

    def _restore(self, folder: int, target: Path) -> None:
        target.mkdir()
        for name, (inode, is_folder) in self._names.get(folder, {}).items():
            kept = self._backups / str(inode)
            if is_folder:
                self._restore(inode, target / name)
            elif kept.exists() and self._synced[inode] == (kept.stat().st_size, kept.stat().st_mtime_ns):
                (target / name).write_bytes(kept.read_bytes())
            else:
                (target / name).write_bytes(LOST)


_link = os.link
"""Not counted."""


def run_until_cut(root: Path, backups: Path, seed: int, longest: int, work: Callable[[], None]) -> bool:
    """Fork a process that works on `root` until its power is cut; tell whether it was."""
    backups.mkdir()
    child = os.fork()
    if child == 0:
        try:
            PowerCut(root, backups, random.Random(seed).randint(1, longest)).install()
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9)
    shutil.rmtree(backups)
    return code == 9
