"""FASTA with labels of letters as a source: label FASTA beside it, or records of three lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqbench.datasets.importing.fasta import FastaSource, read_fasta, region_of
from seqbench.datasets.importing.files import SplitPath
from seqbench.datasets.importing.inputs import Inputs, check_file
from seqbench.datasets.importing.kinds import check_kind
from seqbench.datasets.importing.letters import check_length
from seqbench.datasets.importing.record import Place, Record, Skip, shorten
from seqbench.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFastaSource(FastaSource):
    """FASTA whose labels are strings as long as the sequences, of one character a letter."""

    letter_labels: Sequence[Path] = ()
    """FASTA files of the labels, found by id; none: records are header, sequence and labels, a line each."""

    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(check_file, [*(each.path for each in self.files), *self.letter_labels]))

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield the records of all files.

        Raises:
            DataError: A file is no FASTA, or labels are of another length than their sequence.
        """
        known = LabelFasta(self.letter_labels, inputs)
        for file in self.files:
            check_kind(file.path, "FASTA")
            for place, header, sequence, labels in self._records(file, known, inputs):
                name = (header.split() or [""])[0]
                yield Record(
                    place=place,
                    sequences=(sequence,),
                    label=labels,
                    id=name or None,
                    split=self.split_of(file, place, header),
                    region=region_of(name, len(sequence)),
                )
        known.note_unused(inputs)

    def _records(
        self, file: SplitPath, known: "LabelFasta", inputs: Inputs
    ) -> Iterator[tuple[Place, str, str, str | None]]:
        if not self.letter_labels:
            yield from read_three_lines(file.path, inputs)
            return
        for place, header, sequence in read_fasta(file.path, inputs):
            yield place, header, sequence, known.of((header.split() or [""])[0], sequence, place)


class LabelFasta:
    """The labels of a FASTA file whose records are strings of one character a letter, by id."""

    def __init__(self, paths: Sequence[Path], inputs: Inputs) -> None:
        """Read the files whole.

        Raises:
            DataError: One is no FASTA, or an id is there twice.
        """
        self._found: dict[str, tuple[Place, str]] = {}
        for path in paths:
            check_kind(path, "FASTA")
            for place, header, labels in read_fasta(path, inputs):
                name = (header.split() or [""])[0]
                if name in self._found:
                    raise DataError(
                        f"{place}: labels of {shorten(name)} are at {self._found[name][0]} already"
                    )
                self._found[name] = place, labels
        self._unused = set(self._found)

    def of(self, name: str, sequence: str, place: Place) -> str | None:
        """The labels of a sequence; None where there are none.

        Raises:
            DataError: They are of another length than the sequence.
        """
        if (found := self._found.get(name)) is None:
            return None
        self._unused.discard(name)
        check_length(found[0], found[1], len(sequence), place)
        return found[1]

    def note_unused(self, inputs: Inputs) -> None:
        """Say which labels belong to no sequence, once all of these are read."""
        if self._unused:
            first = min(self._unused)
            inputs.note(
                f"{len(self._unused):,} records of labels belong to no sequence, such as {shorten(first)} "
                f"({self._found[first][0]})"
            )


def read_three_lines(path: Path, inputs: Inputs) -> Iterator[tuple[Place, str, str, str]]:
    """Yield place, header, sequence and labels of each record: three lines, blank ones between left out.

    Raises:
        DataError: A line is missing or out of place, or labels are of another length than the sequence.
    """
    held: list[tuple[Place, str]] = []
    for number, text in inputs.lines(path):
        line = "".join(text.split()) if held else text.strip()
        if not line:
            continue
        place = Place(path, number)
        if line.startswith(">") != (not held):
            what = ("a header (>…)", "the sequence in one line", "the labels in one line")[len(held)]
            raise DataError(
                f"{place}: {what} is wanted here, of records of three lines: header, sequence, labels"
            )
        held.append((place, line))
        if len(held) == 3:
            (first, header), (_, sequence), (last, labels) = held
            check_length(last, labels, len(sequence))
            yield first, header[1:].strip(), sequence, labels
            held = []
    if held:
        raise DataError(
            f"{held[0][0]}: the last record has {len(held)} of three lines (header, sequence, labels)"
        )
