"""The first pass of an import: items checked and kept in a scratch file, while their labels are surveyed."""

import functools
import hashlib
import json
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SPLITS, SplitName
from seqbench.datasets.importing.inputs import MAX_LINE_BYTES
from seqbench.datasets.importing.labels import Survey, is_missing
from seqbench.datasets.importing.record import Place, RawLabel, Record, Skip
from seqbench.datasets.importing.splits import SplitRule
from seqbench.errors import DataError

Case = Literal["keep", "upper"]

_FIT: Final = re.compile(r"[A-Za-z.*-]*")


def odd_letter(sequence: str) -> tuple[int, str] | None:
    """Find the first character that is no ASCII letter and none of `- . *`: its position, from 1, and it."""
    if sequence.isascii() and sequence.isalpha():
        return None
    match = _FIT.match(sequence)
    end = match.end() if match else 0
    return None if end == len(sequence) else (end + 1, sequence[end])


Policy = Literal["error", "skip"]
Duplicates = Literal["keep", "first", "error"]

SHORT_LABEL: Final = 256
"""Bytes of a label up to which it is kept, since many items may have it: not those of letters."""

NAMED_SKIPS: Final = 10
"""Places of skipped items that the manifest lists, for each reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRule:
    """What is done to items of any source."""

    case: Case = "keep"
    """Whether letters are written as they are or upper-cased."""
    missing: Policy = "error"
    """For items without a label."""
    empty: Policy = "error"
    """For items with an empty sequence."""
    duplicate_ids: Duplicates = "keep"


@dataclass(slots=True)
class Skipped:
    """Items that were left out for one reason."""

    count: int = 0
    places: list[str] = field(default_factory=list)
    """The first ones."""

    def add(self, place: Place) -> None:
        """Count one."""
        self.count += 1
        if len(self.places) < NAMED_SKIPS:
            self.places.append(str(place))


class Kept(NamedTuple):
    """One item, read back from the scratch file."""

    where: bytes
    """The place as JSON; few are ever read."""
    split: SplitName | None
    label: RawLabel
    sequences: bytes
    """JSON keys and values of the sequences."""
    rest: bytes
    """JSON keys and values of id and region; may be empty."""

    @property
    def place(self) -> str:
        """Where the item was found."""
        return str(json.loads(self.where))


_SPLITS: Final[dict[bytes, SplitName | None]] = {b"": None, **{name.encode(): name for name in SPLITS}}


class ItemSpool:
    """The scratch file, and what was learned while it was written."""

    def __init__(self, path: Path, items: ItemRule, splits: SplitRule) -> None:
        self.path = path
        self.skipped: dict[str, Skipped] = {}
        self.n_items = 0
        self.n_seqs = 0
        self.unsplit: Place | None = None
        """The first item whose split is not known."""
        self._items, self._splits = items, splits
        self._label_from = ""
        self._ids = array("Q")

    def fill(self, records: Iterable[Record | Skip], survey: Survey, label_from: str) -> None:
        """Check and keep every item, and survey the labels.

        Raises:
            DataError: An item is at fault; names its place.
        """
        self._label_from = label_from
        with self.path.open("wb", buffering=1 << 20) as file:
            for record in records:
                reason = record.reason if isinstance(record, Skip) else self._reason(record, survey)
                if reason is not None:
                    self.skipped.setdefault(reason, Skipped()).add(record.place)
                elif isinstance(record, Record):
                    file.write(self._line(record, survey))

    def read(self) -> Iterator[Kept]:
        """Yield the kept items in their order."""
        with self.path.open("rb", buffering=1 << 20) as file:
            for line in file:
                where, split, label, sequences, rest = line[:-1].split(b"\t")
                read = _label if len(label) <= SHORT_LABEL else _label.__wrapped__
                yield Kept(where, _SPLITS[split], read(label), sequences, rest)

    def repeated(self) -> NDArray[np.int64]:
        """Positions of items whose id an earlier one has, ascending; by 64-bit hashes of ids."""
        ids = np.frombuffer(self._ids, dtype=np.uint64)
        order = np.argsort(ids, kind="stable")
        same = np.zeros(len(ids), dtype=bool)
        same[order[1:]] = (ids[order[1:]] == ids[order[:-1]]) & (ids[order[1:]] != 0)
        return np.flatnonzero(same)

    def _reason(self, record: Record, survey: Survey) -> str | None:
        """Why the policies leave an item out, or None."""
        if not all(record.sequences):
            if self._items.empty == "error":
                raise DataError(f"{record.place}: has an empty sequence (--empty skip leaves such items out)")
            return "empty sequence"
        if survey.shape == "letters":
            lacks = record.label is None
        else:
            lacks = is_missing(record.label, survey.rule, several=survey.shape == "targets")
        if lacks:
            if self._items.missing == "error":
                raise DataError(
                    f"{record.place}: has no label by {self._label_from} (--missing skip leaves it out)"
                )
            return "no label"
        return None

    def _line(self, record: Record, survey: Survey) -> bytes:
        split = self._splits.of(record)
        if split is None and self.unsplit is None:
            self.unsplit = record.place
        assert record.label is not None
        survey.add(split, record.label, record.place)
        self.n_items += 1
        self._ids.append(_hash(record.id))
        parts = (
            json.dumps(str(record.place)),
            split or "",
            json.dumps(record.label),
            self._sequences(record),
            _rest(record),
        )
        return ("\t".join(parts) + "\n").encode("ascii")

    def _sequences(self, record: Record) -> str:
        count = len(record.sequences)
        if count != (self.n_seqs or count):
            raise DataError(f"{record.place}: has {count} sequences, the first item has {self.n_seqs}")
        self.n_seqs = count
        for sequence in record.sequences:
            if (odd := odd_letter(sequence)) is not None:
                raise DataError(
                    f"{record.place}: the sequence holds {odd[1]!r} at {odd[0]:,}; sequences are letters, "
                    "- . and * (check the column or the file)"
                )
            if len(sequence) > MAX_LINE_BYTES:
                raise DataError(f"{record.place}: the sequence is longer than 256 Mbp (cut it into windows)")
        keys = ("seq",) if count == 1 else tuple(f"seq{number}" for number in range(1, count + 1))
        # Checked letters need no escaping.
        texts = record.sequences if self._items.case == "keep" else map(str.upper, record.sequences)
        return ", ".join(f'"{key}": "{text}"' for key, text in zip(keys, texts, strict=True))


@functools.lru_cache(maxsize=1024)
def _label(written: bytes) -> RawLabel:
    """Read a label back; most data sets have few different ones."""
    raw = json.loads(written)
    return raw if isinstance(raw, str) else tuple(raw)


def _rest(record: Record) -> str:
    parts = [] if record.id is None else [f'"id": {json.dumps(record.id)}']
    if (region := record.region) is not None:
        parts.append(f'"chrom": {json.dumps(region.chrom)}')
        if region.start is not None:
            parts.append(f'"start": {region.start}, "end": {region.end}, "strand": "{region.strand}"')
    return ", ".join(parts)


def _hash(text: str | None) -> int:
    """64 bits of a hash, never 0, which stands for no id."""
    if text is None:
        return 0
    # Python's own hash differs between runs, and a duplicate must not depend on that.
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 1
