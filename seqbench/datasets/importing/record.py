"""What every source yields: one item with its place, or why there is none; and what a source is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from seqbench.core.types import SplitName
from seqbench.datasets.importing.inputs import Inputs

LabelShape = Literal["one", "columns", "set", "targets", "letters"]
"""How a source gives labels: one value, a value for each of several columns, a set of names,
a cell for each of several targets, or a text for each letter of the sequence."""

RawLabel = str | tuple[str, ...]
"""A label as it was found: text, for shapes other than `one` a tuple of texts; of letters either, a string
being a text of one character for each."""


class Place(NamedTuple):
    """Where an item was found; a million are made, so a named tuple."""

    path: Path | str
    number: int = 0
    """Line or row, from 1; 0 for a whole file."""
    rows: bool = False
    """Whether the number counts rows, as in Parquet, and not lines."""

    def __str__(self) -> str:
        if not self.number:
            return str(self.path)
        return f"{self.path}: row {self.number}" if self.rows else f"{self.path}:{self.number}"


class Region(NamedTuple):
    """Where a sequence lies on a genome, as in BED: from 0, the end exclusive; None where unknown."""

    chrom: str
    start: int | None = None
    end: int | None = None
    strand: str = "+"


class Record(NamedTuple):
    """One item as it was found."""

    place: Place
    sequences: tuple[str, ...]
    label: RawLabel | None
    """None: the source found no label, which is treated as a missing value."""
    id: str | None = None
    split: SplitName | None = None
    """None: not said by the source."""
    region: Region | None = None


class Skip(NamedTuple):
    """An item that the user's policy leaves out."""

    place: Place
    reason: str
    """One of few fixed texts, counted in the manifest."""


class ItemSource(Protocol):
    """What can be imported."""

    @property
    def kind(self) -> str:
        """The subcommand's name, for the manifest."""

    @property
    def label_from(self) -> str:
        """How labels are found, for messages."""

    @property
    def shape(self) -> LabelShape:
        """How it gives labels."""

    @property
    def class_names(self) -> Mapping[int, str]:
        """Names of numbered classes, labels or targets, where they are known; complete after `read`."""
        return {}

    def size(self) -> int:
        """Bytes that `read` will report; 0 where that is unknown."""

    def settings(self) -> dict[str, object]:
        """What decides the items, beside the files: for the manifest."""

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield the items in the order of the files.

        Raises:
            DataError: A file can't be read or an item is at fault; names file and line.
        """


def shorten(text: str, limit: int = 60) -> str:
    """Quote text of unknown length and content for a message of one line."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
