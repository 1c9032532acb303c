"""Groups of a store: what lies at a path, and its attributes; zarr is loaded where arrays are wanted.

A command that finds nothing to do asks for hundreds of groups and for no array. On a local disk their
zarr.json is read here; what is not exactly a group as zarr writes it, zarr itself reads and judges.
"""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seqbench.store.location import LocalFolder, Location

if TYPE_CHECKING:
    import zarr
    from zarr.abc.store import Store as ZarrStore

_KEYS = {"attributes", "zarr_format", "node_type"}
"""Of the zarr.json of a group."""


class Opened:
    """A store that is open, and what zarr reaches it through once arrays are wanted."""

    def __init__(self, location: Location, *, writable: bool) -> None:
        self.location = location
        self.writable = writable

    @cached_property
    def zarr_store(self) -> "ZarrStore":
        """What zarr reads and writes through."""
        return self.location.zarr_store(read_only=not self.writable)

    def plain(self, path: str) -> "StoreGroup | None":
        """The group at a path; None where there is none on a local disk, or where zarr has to say what is."""
        if not isinstance(self.location, LocalFolder):
            return None
        attrs = plain_attrs(self.location / path)
        return None if attrs is None else StoreGroup(self, path, attrs)

    def lacks(self, path: str) -> bool:
        """Whether there is certainly nothing at a path: its folder on a local disk has no zarr.json."""
        location = self.location
        if not isinstance(location, LocalFolder):
            return False
        try:
            (location.path / path / "zarr.json").lstat()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return False


class StoreGroup:
    """A group of a store, with its attributes as they were when it was looked up."""

    def __init__(self, opened: Opened, path: str, attrs: dict[str, Any]) -> None:
        self.opened = opened
        self.path = path
        self.attrs = attrs

    @property
    def basename(self) -> str:
        """Its own name."""
        return self.path.rpartition("/")[2]

    @property
    def store(self) -> Location:
        """The whole store."""
        return self.opened.location

    @cached_property
    def as_zarr(self) -> "zarr.Group":
        """The group as zarr knows it."""
        import zarr
        from zarr.core.group import GroupMetadata
        from zarr.storage import StorePath

        metadata = GroupMetadata(attributes=dict(self.attrs), zarr_format=3)
        place = StorePath(self.opened.zarr_store, self.path)
        return zarr.Group(zarr.AsyncGroup(metadata=metadata, store_path=place))


def plain_attrs(folder: LocalFolder) -> dict[str, Any] | None:
    """Attributes of a group in a local folder; None where there is none or zarr has to read it."""
    try:
        found = json.loads((folder.path / "zarr.json").read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or found.keys() != _KEYS:
        return None
    attrs = found["attributes"]
    is_group = found["node_type"] == "group" and found["zarr_format"] == 3
    return attrs if is_group and isinstance(attrs, dict) else None
