"""JSONL as a table: a JSON object a line, whose keys are the columns."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from seqbench.datasets.importing.inputs import Inputs
from seqbench.datasets.importing.kinds import kind_of
from seqbench.datasets.importing.parquet import as_text
from seqbench.datasets.importing.record import LabelShape, shorten
from seqbench.errors import DataError

HEAD_LINES: Final = 1000
"""Lines whose keys are the columns: a key may be left out where it has no value."""

_ENDINGS: Final = (".jsonl", ".ndjson")


def is_jsonl(path: Path) -> bool:
    """Whether a file holds JSON objects, by its name or its first letters.

    Raises:
        DataError: It can't be read.
    """
    return path.name.lower().removesuffix(".gz").endswith(_ENDINGS) or kind_of(path) == "JSON"


class JsonlTable:
    """A JSONL file as a table of text, plain or gzip."""

    def __init__(self, path: Path, inputs: Inputs) -> None:
        self._path, self._inputs = path, inputs
        found: dict[str, None] = {}
        for _, item in zip(range(HEAD_LINES), self._items(_unrecorded(path)), strict=False):
            found.update(dict.fromkeys(item))
        if not found:
            raise DataError(f"{path}: holds no JSON object")
        self.names = tuple(found)

    def class_names(self, column: str) -> Mapping[int, str]:
        """None: JSON has no place for them."""
        return {}

    def label_shape(self, label: str | None) -> LabelShape:
        """How a key gives labels, by its first value; None: `label`, in any case."""
        usual = {name.lower(): name for name in reversed(self.names)}
        name = label or usual.get("label") or usual.get("labels")
        values = (item.get(name) for item in self._items(_unrecorded(self._path))) if name else iter(())
        first = next((value for value in values if value is not None), None)
        if not isinstance(first, list):
            return "one"
        return "set" if first and all(isinstance(each, str) for each in first) else "columns"

    def rows(self, columns: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the values of these keys as text, lists as tuples of text; a key that is not there is empty.

        Raises:
            DataError: A line is no JSON object.
        """
        for item in self._items(self._inputs):
            yield [as_text(item.get(name), self._path) for name in columns]

    def _items(self, inputs: Inputs) -> Iterator[dict[str, Any]]:
        for number, text in inputs.lines(self._path):
            if not text.strip():
                continue
            try:
                item = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{self._path}:{number}: is no JSON object on one line: {shorten(text)}"
                ) from error
            if not isinstance(item, dict):
                raise DataError(f"{self._path}:{number}: is no JSON object: {shorten(text)}")
            yield item


def _unrecorded(path: Path) -> Inputs:
    return Inputs(path.parent, lambda _: None)
