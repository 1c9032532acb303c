"""Where a store lies: a folder on this machine, or a prefix of an object store; the rest need not know which.

Object stores are reached through fsspec and zarr's FsspecStore. zarr's other way, ObjectStore on obstore,
brings its own configuration and no `memory://`; fsspec finds the user's credentials and endpoint as other
tools do.
"""

import os
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.core.atomic import atomic_write
from seqbench.core.locks import locked
from seqbench.core.types import REMOTE_SCHEMES, check_store_path
from seqbench.errors import SeqbenchError, StoreError

if TYPE_CHECKING:
    from zarr.abc.store import Store as ZarrStore


LOCK = ".lock"
"""File that is there while someone holds the store, in its folder."""
_NO_CACHE = {"use_listings_cache": False}
"""Another process may have written since; fsspec would remember old listings."""

_CLIENT_FAULTS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("aiohttp", "ClientError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("gcsfs.retry", "HttpError"),
)
"""What clients of object stores raise beside OSError."""


class Location(ABC):
    """A folder that a store, or a part of it, lies in. Its text is what may be shown to anyone."""

    @abstractmethod
    def __truediv__(self, name: str) -> "Location":
        """The folder or file of that name in it; `name` may hold slashes."""

    @abstractmethod
    def names(self) -> list[str]:
        """Names of all folders and files in it, sorted; none where there is no such folder."""

    @abstractmethod
    def folders(self) -> list[str]:
        """Names of the folders in it, sorted."""

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Bytes of every file in it at any depth, by its path from here."""

    @abstractmethod
    def is_file(self) -> bool:
        """Whether this is a file."""

    @abstractmethod
    def create(self, name: str, content: bytes) -> None:
        """Write a file in one step, with the folders above it; one of that name that is there already stays.

        Of any number of processes that do so at once exactly one succeeds, on local disks as on object
        stores.
        """

    @abstractmethod
    def remove(self) -> None:
        """Delete it with all that is in it; nothing happens where there is nothing."""

    @abstractmethod
    def zarr_store(self, *, read_only: bool) -> "ZarrStore":
        """What zarr reads and writes through."""


@dataclass(frozen=True, slots=True)
class LocalFolder(Location):
    """A folder on this machine."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def __fspath__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str) -> "LocalFolder":
        return LocalFolder(self.path / name)

    def names(self) -> list[str]:
        """See `Location.names`."""
        with faults(self, "read"):
            return sorted(child.name for child in self.path.iterdir()) if self.path.is_dir() else []

    def folders(self) -> list[str]:
        """See `Location.folders`."""
        return [name for name in self.names() if (self.path / name).is_dir()]

    def sizes(self) -> dict[str, int]:
        """See `Location.sizes`."""
        found = {}
        for folder, _, files in os.walk(self.path):
            for file in files:
                with suppress(FileNotFoundError):  # a partial file that was renamed in between
                    path = os.path.join(folder, file)
                    found[Path(path).relative_to(self.path).as_posix()] = os.path.getsize(path)
        return found

    def is_file(self) -> bool:
        """See `Location.is_file`."""
        with faults(self, "read"):
            return self.path.is_file()

    def create(self, name: str, content: bytes) -> None:
        """See `Location.create`."""
        target = self.path / name
        with (
            faults(self, "written"),
            suppress(FileExistsError),
            atomic_write(target, exclusive=True) as partial,
        ):
            partial.write_bytes(content)

    def remove(self) -> None:
        """See `Location.remove`."""
        with faults(self, "deleted"), suppress(FileNotFoundError):
            if self.path.is_dir():
                shutil.rmtree(self.path)
            else:
                self.path.unlink()

    def zarr_store(self, *, read_only: bool) -> "ZarrStore":
        """See `Location.zarr_store`."""
        from seqbench.store.whole_files import WholeFiles

        return WholeFiles(self.path, read_only=read_only)


@dataclass(frozen=True, slots=True)
class RemoteFolder(Location):
    """A prefix of an object store."""

    url: str
    """Without credentials; see `check_store_path`."""

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> "RemoteFolder":
        return RemoteFolder(f"{self.url}/{name}")

    def names(self) -> list[str]:
        """See `Location.names`."""
        return sorted(_last(child["name"]) for child in self._children())

    def folders(self) -> list[str]:
        """See `Location.folders`."""
        return sorted(_last(child["name"]) for child in self._children() if child["type"] == "directory")

    def _children(self) -> list[dict[str, Any]]:
        with faults(self, "read"):
            try:
                found: list[dict[str, Any]] = self._filesystem.ls(self.url, detail=True)
            except FileNotFoundError:
                return []
        own = self._filesystem._strip_protocol(self.url)
        return [child for child in found if child["name"].rstrip("/") != own.rstrip("/")]

    def sizes(self) -> dict[str, int]:
        """See `Location.sizes`."""
        own = self._filesystem._strip_protocol(self.url).rstrip("/") + "/"
        with faults(self, "read"):
            found = self._filesystem.find(self.url, detail=True)
        return {path.removeprefix(own): int(each["size"] or 0) for path, each in found.items()}

    def is_file(self) -> bool:
        """See `Location.is_file`."""
        with faults(self, "read"):
            return bool(self._filesystem.isfile(self.url))

    def create(self, name: str, content: bytes) -> None:
        """See `Location.create`; S3 and Google Cloud Storage do so by a condition on the request."""
        with faults(self, "written"), suppress(FileExistsError):
            self._filesystem.pipe_file(f"{self.url}/{name}", content, mode="create")

    def remove(self) -> None:
        """See `Location.remove`."""
        with faults(self, "deleted"), suppress(FileNotFoundError):
            self._filesystem.rm(self.url, recursive=True)

    def zarr_store(self, *, read_only: bool) -> "ZarrStore":
        """See `Location.zarr_store`."""
        from zarr.storage import FsspecStore

        _ = self._filesystem  # says which package is missing
        return FsspecStore.from_url(self.url, storage_options=dict(_NO_CACHE), read_only=read_only)

    @property
    def _filesystem(self) -> Any:
        scheme = self.url.partition("://")[0]
        try:
            return import_module("fsspec").filesystem(scheme, **_NO_CACHE)
        except ImportError as error:
            raise StoreError(
                f"{self}: needs {REMOTE_SCHEMES[scheme] or 'fsspec'} (pip install 'seqbench[remote]')"
            ) from error


def locate(path: str | Path | Location) -> Location:
    """The location that a user's path or URL means.

    Raises:
        ConfigError: It is a URL that can't hold a store.
    """
    if isinstance(path, Location):
        return path
    checked = check_store_path(path)
    return LocalFolder(checked) if isinstance(checked, Path) else RemoteFolder(checked)


def location_of(store: "ZarrStore") -> Location:
    """Where a zarr store lies that `Location.zarr_store` made."""
    from zarr.storage import FsspecStore, LocalStore

    if isinstance(store, LocalStore):
        return LocalFolder(store.root)
    if isinstance(store, FsspecStore):
        return locate(store.fs.unstrip_protocol(store.path))
    raise TypeError(f"{store} is no store of seqbench's")


@contextmanager
def faults(where: object, doing: str) -> Iterator[None]:
    """Turn what disks and networks raise into one line.

    Args:
        where: Names the place.
        doing: What can't be done: read, written, deleted.

    Raises:
        StoreError: A disk is full, permission is lacking, a server does not answer or does not know the user.
    """
    try:
        yield
    except SeqbenchError:
        raise
    except _known_faults() as error:
        remote = "://" in str(where)
        out = "check address, network and credentials" if remote else "make room or mend permissions"
        raise StoreError(
            f"{where}: can't be {doing}: {_reason(error)} ({out}; the same command goes on from there)"
        ) from error


def _known_faults() -> tuple[type[Exception], ...]:
    """OSError, and what those clients raise that are loaded; none of them need be installed."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _CLIENT_FAULTS)
    return (OSError, *(each for each in found if each is not None))


def _reason(error: BaseException) -> str:
    """The first line of what a client says."""
    said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return said.strip().splitlines()[0]


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


@contextmanager
def exclusive(store: Location) -> Iterator[None]:
    """Hold a store for a moment, for what is read, changed and written back; others wait. Not re-entrant.

    Object stores, and file systems without locks, have none: there only what is made in one step is safe (see
    `Location.create`), and of two changes to one object the later stands.

    Raises:
        StoreError: The store's folder can't be written.
    """
    with ExitStack() as held:
        if isinstance(store, LocalFolder):
            with faults(store, "written"):
                held.enter_context(locked(store.path / LOCK))
        yield
