"""Parquet and Arrow files as streams of rows of text, read in batches of the columns that are needed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from seqbench.datasets.importing.inputs import check_file
from seqbench.datasets.importing.record import LabelShape, shorten
from seqbench.errors import DataError

BATCH_ROWS: Final = 1024
"""Rows decoded at once: 1 GB of sequences of 1 Mbp."""


class ParquetTable(Protocol):
    """Rows with named columns."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""

    def class_names(self, column: str) -> Mapping[int, str]:
        """Names of a column's numbered classes, where the file gives them."""

    def rows(self, columns: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the cells of these columns as text, lists as tuples of text."""


def is_parquet(path: Path) -> bool:
    """Whether a file's first bytes are those of Parquet.

    Raises:
        DataError: It can't be read.
    """
    return _starts(path, b"PAR1")


def open_table(path: Path) -> "ArrowTable":
    """Open a Parquet file, or a stream or file of Arrow such as `datasets` saves.

    Raises:
        DataError: It is none, is damaged, or pyarrow is not installed.
    """
    check_file(path)
    with damage(path):
        return ArrowTable(path, parquet=is_parquet(path))


def label_shape(path: Path, labels: Sequence[str]) -> LabelShape:
    """How a column of labels gives them: lists of text are sets, lists of numbers columns.

    Raises:
        DataError: As `open_table`.
    """
    table = open_table(path)
    with damage(path):
        return table.label_shape(labels[0] if labels else None)


class ArrowTable:
    """A Parquet or Arrow file."""

    def __init__(self, path: Path, *, parquet: bool) -> None:
        self._path, self._parquet = path, parquet
        if parquet:
            from pyarrow.parquet import ParquetFile

            with ParquetFile(path) as file:
                self._schema = file.schema_arrow
        else:
            with self._reader() as reader:
                self._schema = reader.schema
        # Now, while damage is being watched for: they may be no text.
        self._names = tuple(self._schema.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return self._names

    def label_shape(self, label: str | None) -> LabelShape:
        """How a column gives labels; None: `label`, in any case."""
        import pyarrow as pa

        usual = {name.lower(): name for name in reversed(self.names)}
        name = label or usual.get("label") or usual.get("labels")
        if name is None or self.names.count(name) != 1:
            return "one"
        kind = self._schema.field(name).type
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
            return "one"
        texts = pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
        return "set" if texts else "columns"

    def class_names(self, column: str) -> Mapping[int, str]:
        """Names of classes as `datasets` writes them into the schema; {} where they can't be read."""
        try:
            about = json.loads((self._schema.metadata or {})[b"huggingface"])
            feature = about["info"]["features"][column]
            names = feature["names"] if feature["_type"] == "ClassLabel" else []
            return dict(enumerate(map(str, names)))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            return {}

    def rows(self, columns: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the cells of these columns as text, lists as tuples of text.

        Raises:
            DataError: The file is damaged, or a column holds what is no text, number or list of these.
        """
        with damage(self._path):
            for batch in self._batches(columns):
                # Damaged offsets are not checked when a batch is read, and following them ends the process.
                batch.validate(full=True)
                cells = [batch.column(batch.schema.get_field_index(name)).to_pylist() for name in columns]
                for row in zip(*cells, strict=True):
                    yield [as_text(cell, self._path) for cell in row]

    def _batches(self, columns: Sequence[str]) -> Iterator[Any]:
        if self._parquet:
            from pyarrow.parquet import ParquetFile

            with ParquetFile(self._path, pre_buffer=False) as file:
                yield from file.iter_batches(batch_size=BATCH_ROWS, columns=list(columns))
            return
        with self._reader() as reader:
            for batch in reader:
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.select(list(columns)).slice(start, BATCH_ROWS)

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        import pyarrow as pa

        with pa.memory_map(str(self._path)) as mapped:
            if not _starts(self._path, b"ARROW1"):
                yield pa.ipc.open_stream(mapped)
                return
            file = pa.ipc.open_file(mapped)
            yield _Batches(file)


class _Batches:
    """A file of Arrow batches as if it were a stream of them."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.schema = file.schema

    def __iter__(self) -> Iterator[Any]:
        return (self._file.get_batch(number) for number in range(self._file.num_record_batches))


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn pyarrow's errors into faults of one line.

    Raises:
        DataError: The file is damaged, or pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise DataError(
            f"{path}: pyarrow, which reads Parquet, is not installed (pip install 'seqbench[export]')"
        ) from error
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, KeyError, UnicodeDecodeError, OverflowError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: is damaged or no Parquet or Arrow file: {why}") from error


def _starts(path: Path, magic: bytes) -> bool:
    check_file(path)
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error


def as_text(cell: Any, path: Path | str) -> str | tuple[str, ...]:
    """A cell as text; true and false are 1 and 0, nothing is empty."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, list):
        return tuple(str(as_text(each, path)) for each in cell)
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, dict):
        raise DataError(f"{path}: a column holds records, no text or numbers: {shorten(str(cell))}")
    return str(cell)
