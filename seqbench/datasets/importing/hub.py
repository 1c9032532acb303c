"""Hugging Face data sets as a source: a local folder by pyarrow alone, a name by the `datasets` library.

No code of a data set is run: `datasets` 4 and later have no way to, and older ones are refused.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from seqbench.core.types import SplitName
from seqbench.datasets.importing.files import SplitPath
from seqbench.datasets.importing.folder import inside
from seqbench.datasets.importing.inputs import Inputs
from seqbench.datasets.importing.parquet import as_text
from seqbench.datasets.importing.record import LabelShape, Record, Skip, shorten
from seqbench.datasets.importing.rows import ColumnNames, TableSource
from seqbench.datasets.importing.splits import split_named
from seqbench.errors import DataError

_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[\w.-]{1,96})?", re.ASCII)
_SPLIT_WORD: Final = re.compile(r"(train|validation|valid|val|dev|eval|test)(?![a-z])", re.IGNORECASE)
_MAX_STATE_BYTES: Final = 10_000_000


def local_files(folder: Path) -> list[SplitPath]:
    """The Parquet or Arrow files of a folder and their splits, by what `datasets` saved or by their names.

    Raises:
        DataError: There are none, one leads out of the folder, or a file that names them is damaged.
    """
    if (folder / "dataset_dict.json").is_file():
        splits = _names(folder / "dataset_dict.json", "splits")
        return [
            SplitPath(path, split_named(split, folder / "dataset_dict.json"))
            for split in splits
            for path in _saved(_below(folder, folder, split), folder)
        ]
    if (folder / "state.json").is_file():
        return [SplitPath(path) for path in _saved(folder, folder)]
    paths = sorted(inside(path, folder) for path in folder.rglob("*.parquet"))
    if not paths:
        raise DataError(f"{folder}: holds no Parquet files, and nothing that `datasets` saved")
    return [SplitPath(path, _split_of(path.relative_to(folder))) for path in paths]


def _split_of(path: Path) -> SplitName | None:
    """The split that a file's or folder's name begins with, as in `train-00000-of-00002.parquet`."""
    for part in reversed(path.parts):
        if match := _SPLIT_WORD.match(part):
            return split_named(match[1], path)
    return None


def _saved(folder: Path, root: Path) -> list[Path]:
    """The files of one split that `save_to_disk` wrote."""
    return [_below(root, folder, name) for name in _names(folder / "state.json", "_data_files")]


def _names(path: Path, key: str) -> list[str]:
    """The names under a key of a small JSON file: a list of texts, or of objects with a `filename`."""
    try:
        if path.stat().st_size > _MAX_STATE_BYTES:
            raise ValueError("it is too large")
        names = [
            each["filename"] if isinstance(each, dict) else each
            for each in json.loads(path.read_bytes())[key]
        ]
        if not names or not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"{key} names nothing")
        return names
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{path}: is damaged: {type(error).__name__}: {error} (save the data set again)"
        ) from error


def _below(root: Path, folder: Path, name: str) -> Path:
    if name in (".", "..") or re.search(r"[/\\\0]", name):
        raise DataError(f"{folder}: names the file {shorten(name)}, which leads out of it")
    return inside(folder / name, root)


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """A data set of the Hugging Face hub by its name."""

    name: str
    config: str | None = None
    revision: str | None = None
    """Branch, tag or commit; the commit is found out and recorded."""
    columns: ColumnNames = field(default_factory=ColumnNames)
    label_separator: str | None = None
    kind: str = "hub"

    @cached_property
    def _table(self) -> TableSource:
        return TableSource(
            files=(),
            columns=self.columns,
            label_separator=self.label_separator,
            known_shape=self.shape,
        )

    @property
    def label_from(self) -> str:
        """The columns, for messages."""
        return self._table.label_from

    @cached_property
    def _commit(self) -> str | None:
        """The commit that a revision means today; None offline, where it can't be asked."""
        from huggingface_hub import HfApi

        if _offline():
            return None
        return HfApi().dataset_info(self.name, revision=self.revision).sha

    @cached_property
    def _loaded(self) -> Mapping[str, Any]:
        """The splits, opened lazily: streamed, or offline from the cache, which is memory-mapped."""
        if not _NAME.fullmatch(self.name) or ".." in self.name:
            raise DataError(
                f"{shorten(self.name)} is neither a folder nor the name of a data set (owner/name)"
            )
        try:
            import datasets
        except ImportError as error:
            raise DataError(
                f"{self.name}: the datasets library is not installed (pip install 'seqbench[hub]', or "
                "download the Parquet files and give their folder)"
            ) from error
        if int(datasets.__version__.partition(".")[0]) < 4:
            raise DataError(
                f"datasets {datasets.__version__} could run a data set's own code (pip install 'datasets>=4')"
            )
        with _one_line(self.name):
            loaded = datasets.load_dataset(
                self.name, self.config, revision=self._commit or self.revision, streaming=not _offline()
            )
            return dict(loaded)

    @cached_property
    def shape(self) -> LabelShape:
        """By the features of the first split."""
        if self.label_separator is not None:
            return "set"
        if len(self.columns.labels) > 1:
            return "columns"
        first = HubTable(next(iter(self._loaded.values())), self.name)
        return first.label_shape(self.columns.labels[0] if self.columns.labels else "label")

    @property
    def class_names(self) -> Mapping[int, str]:
        """Names of a ClassLabel."""
        return self._table.class_names

    def size(self) -> int:
        """Unknown."""
        return 0

    def settings(self) -> dict[str, object]:
        """Name, configuration and commit."""
        return {
            "name": self.name,
            "config": self.config,
            "revision": self.revision,
            "commit": self._commit,
            **self._table.settings(),
        }

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield an item a row.

        Raises:
            DataError: The data set can't be had, or a row is at fault.
        """
        for split, rows in self._loaded.items():
            where = f"{self.name} ({split})"
            named = split_named(split, self.name)
            yield from self._table.records(HubTable(rows, where), where, named)


class HubTable:
    """One split of a loaded data set as a table."""

    def __init__(self, rows: Any, where: str) -> None:
        self._rows, self._where = rows, where

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        with _one_line(self._where):
            return tuple(self._rows.column_names or self._rows._resolve_features().column_names or ())

    def class_names(self, column: str) -> Mapping[int, str]:
        """Names of a ClassLabel; {} for other columns."""
        feature = (self._rows.features or {}).get(column)
        return dict(enumerate(getattr(feature, "names", None) or ()))

    def label_shape(self, column: str) -> LabelShape:
        """Lists of text are sets, other lists columns."""
        feature = (self._rows.features or {}).get(column)
        inner = getattr(feature, "feature", None)
        if inner is None:
            return "one"
        return "set" if getattr(inner, "dtype", "") in ("string", "large_string") else "columns"

    def rows(self, columns: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the cells of these columns as text, lists as tuples of text."""
        with _one_line(self._where):
            for row in self._rows.select_columns(list(columns)):
                yield [as_text(row[name], self._where) for name in columns]


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


@contextmanager
def _one_line(where: str) -> Iterator[None]:
    """Turn whatever goes wrong in a foreign library and its network into a fault of one line."""
    try:
        yield
    except DataError:
        raise
    # datasets, huggingface_hub, httpx, fsspec and pyarrow share no base class of errors.
    except Exception as error:
        why = (str(error).strip().splitlines() or [""])[0]
        raise DataError(
            f"{where}: can't be loaded: {type(error).__name__}: {why[:300]} (check the name, the network, "
            "and HF_HUB_OFFLINE)"
        ) from error
