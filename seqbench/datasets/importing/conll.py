"""CoNLL columns as a source: a letter and its label a line, a blank line between sequences.

# id = P12345
M   C
K   H
L   H
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from seqbench.datasets.importing.files import SplitPath
from seqbench.datasets.importing.inputs import Inputs, check_file
from seqbench.datasets.importing.record import ItemSource, LabelShape, Place, RawLabel, Record, shorten
from seqbench.errors import DataError

_ID: Final = re.compile(r"#\s*(?:(?:sent_id|id|name)\s*=\s*)?(\S+)\s*$")
_DOCUMENT: Final = "-DOCSTART-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConllSource(ItemSource):
    """Files of columns; a line of `# id = NAME`, or of `# NAME`, names the sequence below it."""

    files: Sequence[SplitPath]
    letter_column: int = 1
    """From 1; -1 is the last."""
    label_column: int = 2
    kind: str = "conll"
    shape: LabelShape = "letters"

    @property
    def label_from(self) -> str:
        """How labels are found, for messages."""
        return f"column {self.label_column}"

    def size(self) -> int:
        """Bytes of all files."""
        return sum(check_file(each.path) for each in self.files)

    def settings(self) -> dict[str, object]:
        """Which columns are taken."""
        return {"letter_column": self.letter_column, "label_column": self.label_column}

    def read(self, inputs: Inputs) -> Iterator[Record]:
        """Yield a record for each run of lines without a blank one.

        Raises:
            DataError: A line lacks a column, or holds more than one letter.
        """
        for file in self.files:
            begun, name, letters, labels = 0, None, list[str](), list[str]()
            for number, text in inputs.lines(file.path):
                line = text.strip()
                if line.startswith("#"):
                    found = _ID.match(line)
                    name = found[1] if found and not letters else name
                elif not line:
                    if letters:
                        yield _record(file, begun, name, letters, labels)
                        name, letters, labels = None, [], []
                elif not line.startswith(_DOCUMENT):
                    begun = begun if letters else number
                    letter, label = self._columns(line, Place(file.path, number))
                    letters.append(letter)
                    labels.append(label)
            if letters:
                yield _record(file, begun, name, letters, labels)

    def _columns(self, line: str, place: Place) -> tuple[str, str]:
        parts = line.split("\t") if "\t" in line else line.split()
        found = []
        for column in (self.letter_column, self.label_column):
            at = column - 1 if column > 0 else len(parts) + column
            if not 0 <= at < len(parts):
                raise DataError(
                    f"{place}: has {len(parts)} columns, so there is no column {column} (see --letter-column "
                    f"and --label-column): {shorten(line)}"
                )
            found.append(parts[at].strip())
        letter, label = found
        if len(letter) != 1:
            raise DataError(
                f"{place}: {shorten(letter)} is not one letter; a line is of one (see --letter-column)"
            )
        return letter, label or "."


def _record(
    file: SplitPath, begun: int, name: str | None, letters: Sequence[str], labels: Sequence[str]
) -> Record:
    raw: RawLabel = "".join(labels) if all(len(label) == 1 for label in labels) else tuple(labels)
    return Record(
        place=Place(file.path, begun),
        sequences=("".join(letters),),
        label=raw,
        id=name,
        split=file.split,
    )
