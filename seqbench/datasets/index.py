"""One streaming scan of a JSONL split: where each line starts, how long its sequences are, what its label is.

Shape letters: N items, S sequences an item.
"""

import hashlib
import os
import reprlib
from array import array
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.missing import labelled
from seqbench.core.progress import Advance
from seqbench.core.texts import PackedTexts, TextsBuilder
from seqbench.core.types import Level, Task
from seqbench.datasets.labels import FoundLabels, LabelColumn, Labels, LineError
from seqbench.datasets.letter_column import LetterColumn
from seqbench.datasets.letters import LetterLabels, no_item_labels
from seqbench.datasets.lines import (
    group_hash,
    id_text,
    infer_keys,
    no_key,
    numbered_keys,
    parse_object,
    sequence_of,
    without_white_space,
)
from seqbench.errors import DataError

READ_BYTES = 1 << 20
"""Bytes read at once, and letters counted at once."""

ADVANCE_BYTES = 1 << 23
"""Bytes between two reports of progress."""

ID_KEYS = ("id", "name")
"""Keys that are looked for where no entry says under which one an item's id stands."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SplitIndex:
    """What a scan keeps of a split: a few numbers an item, never a sequence."""

    path: Path
    task: Task
    seq_keys: tuple[str, ...]
    label_key: str
    offsets: NDArray[np.int64]
    """(N + 1,) byte at which each item's line starts; the last is the end of the file."""
    lines: NDArray[np.int64]
    """(N,) number of each item's line, from 1; blank lines are skipped but counted."""
    lengths: NDArray[np.int64]
    """(N, S) characters of each sequence, without what is left out."""
    labels: Labels
    """As in the file: (N,) int64, (N, labels) int8, or (N, targets) float64; for what is not known see
    `seqbench.core.missing`."""
    letters: NDArray[np.int64]
    """(256,) how often each byte value occurs in the sequences."""
    sha256: str
    """Of the file's bytes, hexadecimal."""
    class_names: tuple[str, ...] = ()
    """Classification by text: what the labels, which are positions here, stand for, sorted. Else empty."""
    remarks: tuple[str, ...] = ()
    """What the form of the labels alone decided; see `FoundLabels`."""
    ids: PackedTexts | None = None
    """(N,) the items' own ids, empty for an item without one; None where the first line has none."""
    groups: NDArray[np.int64] | None = None
    """(N,) a hash of the group that each item is in; None where no key of groups was given."""
    letter_labels: LetterLabels | None = None
    """Where labels are of letters (level token): these. `labels` then says that no item has one."""
    white_space: int | None = None
    """Characters of white space in the sequences that were left out; None where it is part of them."""
    size: int
    """Bytes of the file when it was scanned."""
    mtime_ns: int
    """Its time of change when it was scanned."""

    @property
    def n_items(self) -> int:
        """Items in the split."""
        return len(self.lines)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(N,) which items have a label."""
        return labelled(self.labels)

    @property
    def level(self) -> Level:
        """What labels are of."""
        return "item" if self.letter_labels is None else "token"

    @property
    def counted(self) -> str:
        """What has labels, in plural, for messages."""
        return "items" if self.letter_labels is None else "letters"

    @property
    def scored(self) -> Labels:
        """What counts in scores, a row each: labels of items, or of letters."""
        return self.labels if self.letter_labels is None else self.letter_labels.values

    @property
    def known_labels(self) -> Labels:
        """Those of `scored` that are known at all."""
        return self.scored[labelled(self.scored)]

    def with_scored(self, values: Labels, names: tuple[str, ...]) -> "SplitIndex":
        """The same with other labels in the place of `scored`, of classes of these names."""
        if self.letter_labels is None:
            return replace(self, labels=values, class_names=names)
        letters = replace(self.letter_labels, values=values, names=names)
        return replace(self, letter_labels=letters, class_names=names)

    def place(self, row: int) -> str:
        """`file:line` of one row of `scored`, for messages; of a letter with its number from 1."""
        if self.letter_labels is None:
            return f"{self.path}:{self.lines[row]}"
        item, at = self.letter_labels.item_of(row)
        return f"{self.path}:{self.lines[item]}: letter {at + 1}"

    @property
    def n_seqs(self) -> int:
        """Sequences an item."""
        return len(self.seq_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the lines of a file are to be read."""

    task: Task | None = None
    """What the labels must be; None infers it from all labels of the file."""
    seq_keys: tuple[str, ...] | None = None
    """Keys of an item's sequences; None: `seq`, else `seq1` … `seqN` as on the first line."""
    label_key: str = "label"
    level: Level = "item"
    """Whether a label is of the item, or has an entry for each letter of its one sequence."""
    classes: tuple[str, ...] | None = None
    """Labels of letters: the texts that they may be; None: any."""
    id_key: str | None = None
    """Key of an item's id, a text or number that each must have; None: that of `ID_KEYS` which the first line
    has."""
    group_key: str | None = None
    """Key of the group that an item is in, a text or whole number that each must have; None: of none."""
    white_space: Literal["keep", "leave out"] = "keep"
    """What becomes of spaces, line ends and the like in sequences."""
    any_character: bool = False
    """Whether sequences may hold more than ASCII, as text does."""


AS_THEY_ARE: Final = Reading()
"""Nothing is said of the lines."""


def scan_split(path: Path, reading: Reading = AS_THEY_ARE, *, advance: Advance | None = None) -> SplitIndex:
    """Read a split once, line by line, and check every line.

    Memory is one line plus about 50 bytes and the id of an item, whatever the size of the file. Blank lines
    are skipped.

    Args:
        path: A JSONL file, one object a line.
        reading: How its lines are to be read.
        advance: Told the bytes read, every few MB.

    Raises:
        DataError: The file is missing or empty, or a line is at fault (named as `path:line`).
    """
    scan = _Scan(path, reading)
    try:
        with path.open("rb", buffering=READ_BYTES) as file:
            before = os.fstat(file.fileno())
            reported = 0
            for number, raw in enumerate(file, start=1):
                scan.read(number, raw)
                if advance is not None and scan.offset - reported >= ADVANCE_BYTES:
                    advance(scan.offset - reported)
                    reported = scan.offset
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file (each split is one JSONL file)") from error
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error
    if advance is not None:
        advance(scan.offset - reported)
    return scan.finish(before)


class _Scan:
    """The growing index of one file."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self.offset = 0
        self._path = path
        self._labels = LabelColumn(reading.task, reading.label_key)
        self._letter_labels: LetterColumn | None = None
        if reading.level == "token":
            self._letter_labels = LetterColumn(reading.task, reading.label_key, reading.classes)
        self._seq_keys = reading.seq_keys
        self._numbered = False
        self._label_key = reading.label_key
        self._id_key, self._needs_id = reading.id_key, reading.id_key is not None
        self._ids = TextsBuilder()
        self._group_key, self._groups = reading.group_key, array("q")
        self._encoding = "utf-8" if reading.any_character else "ascii"
        self._white_space = 0 if reading.white_space == "leave out" else None
        self._offsets = array("q")
        self._lines = array("q")
        self._lengths = array("q")
        self._letters = np.zeros(256, dtype=np.int64)
        self._uncounted = bytearray()
        self._hash = hashlib.sha256()

    def read(self, number: int, raw: bytes) -> None:
        """Take in line `number` with its line end."""
        self._hash.update(raw)
        if not raw.isspace():
            try:
                self._item(parse_object(raw))
            except LineError as error:
                raise DataError(f"{self._path}:{number}: {error}") from error
            self._offsets.append(self.offset)
            self._lines.append(number)
        self.offset += len(raw)

    def finish(self, stat: os.stat_result) -> SplitIndex:
        """Close the index of a file that had `stat` when it was opened."""
        if self._seq_keys is None or not self._lines:
            raise DataError(f"{self._path}: holds no items (remove the file, or fill it)")
        self._count_letters()
        letter_labels = None
        try:
            if self._letter_labels is None:
                found = self._labels.finish()
            else:
                letter_labels = self._letter_labels.finish()
                found = FoundLabels(
                    task=letter_labels.task, labels=no_item_labels(letter_labels), names=letter_labels.names
                )
        except LineError as error:
            line = self._lines[error.item or 0]
            raise DataError(f"{self._path}:{line}: {error}") from error
        self._offsets.append(self.offset)
        return SplitIndex(
            path=self._path,
            task=found.task,
            seq_keys=self._seq_keys,
            label_key=self._label_key,
            offsets=_as_int64(self._offsets),
            lines=_as_int64(self._lines),
            lengths=_as_int64(self._lengths).reshape(-1, len(self._seq_keys)),
            labels=found.labels,
            letters=self._letters,
            sha256=self._hash.hexdigest(),
            class_names=found.names,
            remarks=found.remarks,
            letter_labels=letter_labels,
            white_space=self._white_space,
            ids=None if self._id_key is None else self._ids.finish(),
            groups=None if self._group_key is None else _as_int64(self._groups),
            size=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
        )

    def _item(self, item: dict[str, object]) -> None:
        if not self._lines and self._id_key is None:
            self._id_key = next((key for key in ID_KEYS if id_text(item.get(key)) is not None), None)
        if self._seq_keys is None:
            self._seq_keys = infer_keys(item)
            self._numbered = self._seq_keys != ("seq",)
        elif self._numbered and (count := len(numbered_keys(item))) != len(self._seq_keys):
            raise LineError(f"item has {count} sequences (seq1 …), on the first line {len(self._seq_keys)}")
        sequences = [self._sequence(item, key) for key in self._seq_keys]
        if self._label_key not in item:
            raise LineError(f"{no_key(self._label_key, item)} (set label_key in datasets_info.yaml)")
        label = item[self._label_key]
        if self._letter_labels is None:
            self._labels.add(label)
        elif len(sequences) > 1:
            raise LineError(f"labels of letters (level: token) go with one sequence, got {len(sequences)}")
        else:
            self._letter_labels.add(label, len(sequences[0]))
        if self._id_key is not None:
            self._ids.append(self._id(self._id_key, item))
        if self._group_key is not None:
            self._groups.append(group_hash(self._group_key, item))
        for sequence in sequences:
            self._lengths.append(len(sequence))
            self._uncounted += sequence.encode(self._encoding)
        if len(self._uncounted) >= READ_BYTES:
            self._count_letters()

    def _sequence(self, item: dict[str, object], key: str) -> str:
        sequence = sequence_of(item, key)
        try:
            if not sequence.isascii():
                sequence.encode(self._encoding)
        except UnicodeEncodeError as error:
            raise LineError(
                f"{key!r} holds {sequence[error.start]!r} at {error.start + 1}; sequences are ASCII letters "
                "(of text, set alphabet: text in datasets_info.yaml)"
            ) from error
        if self._white_space is None:
            return sequence
        kept = without_white_space(sequence)
        self._white_space += len(sequence) - len(kept)
        if not kept:
            raise LineError(f"{key!r} holds white space alone (drop the item)")
        return kept

    def _id(self, key: str, item: dict[str, object]) -> str:
        """An item's id; empty where it has none and the key was only looked for."""
        text = id_text(item.get(key))
        if text is None and self._needs_id:
            raise LineError(
                f"{key!r} must be a text or number, got {reprlib.repr(item.get(key))} (see id_key)"
            )
        return text or ""

    def _count_letters(self) -> None:
        # bincount widens to 8 bytes a letter, so a chunk is counted in slices.
        for start in range(0, len(self._uncounted), READ_BYTES):
            chunk = self._uncounted[start : start + READ_BYTES]
            self._letters += np.bincount(np.frombuffer(chunk, dtype=np.uint8), minlength=256)
        self._uncounted = bytearray()


def _as_int64(numbers: "array[int]") -> NDArray[np.int64]:
    return np.frombuffer(numbers, dtype=np.int64)
