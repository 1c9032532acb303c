"""Files that are being written: names that tell whose they are, so that what killed processes left can go."""

import os
import re
import shutil
import socket
import uuid
from contextlib import suppress
from pathlib import Path

PARTIAL = ".partial"
"""How the names of such files end."""

_NAME = 100
"""Letters of the file's own name in it: file systems allow 255 in all."""


def partial_of(path: Path, folder: Path | None = None) -> Path:
    """A new name for a file on its way, which tells the machine and the process.

    Args:
        path: Where the file goes when it is whole.
        folder: Where it is written, on the same file system; beside its place by default.
    """
    name = f".{path.name[:_NAME]}.{_host()}-{os.getpid()}-{uuid.uuid4().hex}{PARTIAL}"
    return path.with_name(name) if folder is None else folder / name


def remove_stale(root: Path, depth: int = 0) -> None:
    """Remove what processes of this machine that are no more left unfinished; files of others stay.

    Args:
        root: A folder; it need not be there.
        depth: How many levels below it are looked through as well.
    """
    own = re.compile(rf"\..*\.{re.escape(_host())}-(\d+)-[0-9a-f]{{32}}{re.escape(PARTIAL)}(\.wal)?")
    for level in range(depth + 1):
        with suppress(OSError):  # what can't be tidied harms nobody; writing there will tell
            for path in root.glob("*/" * level + f".*{PARTIAL}*"):
                found = own.fullmatch(path.name)
                if found and not _is_alive(int(found[1])):
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
