"""Files and folders that appear whole or not at all, and stay through a power cut once they are there.

`with atomic_write(path) as partial: …` → `path`, when the block is through

What is written gets a name that tells whose it is, so that the next process that writes beside it takes away
what killed ones left. It is synced before it gets its own name, and the folder after, since a file system
may put a new name on disk before the content.
"""

import errno
import os
import re
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqbench.errors import DataError, SeqbenchError

PARTIAL = ".partial"
"""How the names of such files and folders end."""
REPLACED = ".replaced"
"""How the name of a folder ends that is making room for another."""

_NAME = 100
"""Letters of the file's own name in it: file systems allow 255 in all."""
_UNSYNCED = {errno.EINVAL, errno.EACCES, errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP}
"""What file systems say that can't sync a folder."""
_tidied: set[Path] = set()
"""Folders from which this process has taken what dead ones left."""


@contextmanager
def atomic_write(
    path: Path, *, folder: Path | None = None, exclusive: bool = False, synced: bool = True
) -> Iterator[Path]:
    """Give a name to write to, which becomes `path` when the block ends; after an error nothing is left.

    Args:
        path: Where the file goes when it is whole; its folder is made if need be.
        folder: Where it is written, on the same file system and tidied by the caller; by default beside it.
        exclusive: Whether a file that is there already stays.
        synced: False for what is worth nothing after a power cut.

    Raises:
        FileExistsError: Of `exclusive`.
        OSError: The disk is full, or the folder can't be written.
    """
    partial = partial_of(path, folder)
    if folder is None:
        tidy(path.parent)
    with _folders_above(path, partial):
        yield partial
        if synced:
            _sync(partial)
        if exclusive:
            _link(partial, path)
        else:
            partial.replace(path)
        if synced:
            sync_folder(path.parent)


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a folder to write in, which becomes `path` when the block ends; after an error nothing is left.

    Args:
        path: Must not be there when the block ends, or be an empty folder.
        replace: A folder that is there makes room; until the new one stands it is kept.

    Raises:
        OSError: The disk is full, the folder can't be written, or something is there.
    """
    place = path.absolute()
    partial = partial_of(place)
    tidy(place.parent)
    with _folders_above(place, partial):
        partial.mkdir()
        yield partial
        _sync_tree(partial)
        if _is_empty_folder(place):
            place.rmdir()
        old = _named(place, None, REPLACED) if replace and place.exists() else None
        if old is not None:
            place.rename(old)
        partial.rename(place)
        sync_folder(place.parent)
        if old is not None:
            remove_all(old)


@contextmanager
def scratch_folder(name: str, within: Path | None = None) -> Iterator[Path]:
    """Give a folder for files that nobody needs when the block ends."""
    folder = new_scratch(name, within)
    try:
        yield folder
    finally:
        remove_all(folder)


def new_scratch(name: str, within: Path | None = None) -> Path:
    """Make a folder for files that `remove_all` takes away, or a later process if it never came to that.

    Args:
        name: What its name is to tell.
        within: A folder that is there; the system's for temporary files by default.

    Raises:
        OSError: The folder can't be written.
    """
    root = Path(tempfile.gettempdir()) if within is None else within
    tidy(root)
    folder = partial_of(root / name)
    folder.mkdir(mode=0o700)
    return folder


def check_free(
    path: Path, way_out: str, *, empty_folder: bool = False, fault: type[SeqbenchError] = DataError
) -> None:
    """See, before the work, that nothing is in the place of what is to be made.

    Args:
        path: The place.
        way_out: What the message says to do.
        empty_folder: Whether a folder with nothing in it is as good as nothing.
        fault: What is raised.

    Raises:
        SeqbenchError: Something is there.
    """
    is_there = path.exists() or path.is_symlink()
    if is_there and not (empty_folder and _is_empty_folder(path)):
        raise fault(f"{path}: is there already ({way_out})")


def try_folder(folder: Path) -> None:
    """See, before the work, that a folder can be made and written to; nothing is left of the trial.

    Raises:
        OSError: It can't.
    """
    trial = partial_of(folder / "trial")
    with _folders_above(trial, trial):
        trial.touch()


def write_atomically(path: Path, content: bytes | str, *, synced: bool = True) -> None:
    """Write a file as `atomic_write` does; text as UTF-8 with line ends as they are."""
    with atomic_write(path, synced=synced) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def make_folders(path: Path) -> None:
    """Make a folder and those above it, each one's name synced."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from error
    for folder in reversed(missing):
        sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Put the names in a folder on disk, where the file system can."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise
    finally:
        os.close(handle)


def partial_of(path: Path, folder: Path | None = None) -> Path:
    """A new name for a file on its way, which tells the machine and the process.

    Args:
        path: Where the file goes when it is whole.
        folder: Where it is written, on the same file system; beside its place by default.
    """
    return _named(path, folder, PARTIAL)


def remove_stale(root: Path, depth: int = 0) -> None:
    """Remove what processes of this machine that are no more left unfinished; files of others stay.

    A folder that was making room, and whose successor never came, gets its name back.

    Args:
        root: A folder; it need not be there.
        depth: How many levels below it are looked through as well.
    """
    endings = "|".join(map(re.escape, (PARTIAL, REPLACED)))
    own = re.compile(rf"\.(.*)\.{re.escape(_host())}-(\d+)-[0-9a-f]{{32}}({endings})(\.wal)?")
    for level in range(depth + 1):
        with suppress(OSError):  # what can't be tidied harms nobody; writing there will tell
            for path in root.glob("*/" * level + ".*-*-*.*"):
                found = own.fullmatch(path.name)
                if found and not _is_alive(int(found[2])):
                    place = path.with_name(found[1])
                    if found[3] == REPLACED and not place.exists():
                        path.rename(place)
                    else:
                        remove_all(path)


@contextmanager
def _folders_above(path: Path, partial: Path) -> Iterator[None]:
    """Make the folders above a path; at the end remove the partial, and folders that hold nothing."""
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    try:
        make_folders(path.parent)
        yield
    finally:
        remove_all(partial)
        for folder in made:
            with suppress(OSError):  # holds what was made, if all went well
                folder.rmdir()


def tidy(folder: Path) -> None:
    """Remove what dead processes left in a folder, once a process."""
    place = folder.absolute()
    if place not in _tidied:
        _tidied.add(place)
        remove_stale(place)


def _named(path: Path, folder: Path | None, ending: str) -> Path:
    kept = path.name if ending == REPLACED else path.name[:_NAME]
    name = f".{kept}.{_host()}-{os.getpid()}-{uuid.uuid4().hex}{ending}"
    return path.with_name(name) if folder is None else folder / name


def _link(partial: Path, path: Path) -> None:
    """Give a file its name, unless there is one; linking, unlike renaming, spares that."""
    try:
        os.link(partial, path)
    except PermissionError:  # a file system without hard links, such as FAT
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        partial.rename(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_tree(folder: Path) -> None:
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            _sync(Path(place, name))
        sync_folder(Path(place))


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def remove_all(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it is there and can be removed."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _host() -> str:
    return re.sub(r"[^\w.]", "_", socket.gethostname())


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        pass
    return True
