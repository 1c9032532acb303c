"""The folder form of Genomic Benchmarks as a source: `split/class/*.txt`, or interval lists with genomes.

An interval list is `split/class.csv` or `.csv.gz` with the columns id, region, start, end and strand, counted
as in BED; its sequence is the genome's, reverse-complemented on the minus strand (as `loc2seq` of the
genomic_benchmarks package does).
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seqbench.core.types import SplitName
from seqbench.datasets.importing.bed import WindowRule, cut, interval_of
from seqbench.datasets.importing.files import label_of_name
from seqbench.datasets.importing.genome import Genome, open_genome
from seqbench.datasets.importing.inputs import MAX_LINE_BYTES, Inputs, SourceFile, check_file
from seqbench.datasets.importing.kinds import import_command
from seqbench.datasets.importing.record import ItemSource, LabelShape, Place, Record, Skip
from seqbench.datasets.importing.splits import split_named
from seqbench.datasets.importing.table import TableRows
from seqbench.errors import DataError

_LISTS: Final = (".csv", ".csv.gz")
_COLUMNS: Final = ("region", "start", "end", "strand")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSource(ItemSource):
    """A folder of splits of classes."""

    folder: Path
    genomes: Mapping[str, Path] = field(default_factory=dict)
    """For interval lists, by class; the key "" stands for all other classes."""
    rule: WindowRule = field(default_factory=WindowRule)
    kind: str = "folder"
    shape: LabelShape = "one"
    label_from: str = "the name of the class's folder"

    def size(self) -> int:
        """Bytes of all files and of the genomes of its interval lists."""
        total = 0
        used = set()
        for _, path in self._classes():
            if path.is_dir():
                total += sum(check_file(each) for each in _texts(path, self.folder))
            else:
                total += check_file(path)
                used.add(self._genome_path(path))
        return total + sum(map(check_file, used))

    def settings(self) -> dict[str, object]:
        """Where it lies, and how windows are cut."""
        return {"folder": str(self.folder), **self.rule.settings()}

    def read(self, inputs: Inputs) -> Iterator[Record | Skip]:
        """Yield the items class by class.

        Raises:
            DataError: There is no split, a file leads out of the folder, or an interval or text is at fault.
        """
        genomes: dict[Path, Genome] = {}
        with ExitStack() as stack:
            for split, path in self._classes():
                if path.is_dir():
                    yield from _read_texts(path, self.folder, split, inputs)
                    continue
                where = self._genome_path(path)
                if where not in genomes:
                    genomes[where] = stack.enter_context(open_genome(where, inputs))
                yield from self._read_list(path, split, genomes[where], inputs)

    def _genome_path(self, path: Path) -> Path:
        label = label_of_name(path)
        found = self.genomes.get(label, self.genomes.get(""))
        if found is None:
            raise DataError(
                f"{path}: is a list of intervals, so its genome is needed (--genome FASTA, or --genome "
                f"{label}=FASTA)"
            )
        return found

    def _read_list(
        self, path: Path, split: SplitName, genome: Genome, inputs: Inputs
    ) -> Iterator[Record | Skip]:
        rows = TableRows(path, inputs, None, _COLUMNS)
        at = [rows.columns.position(name, "of an interval list") for name in _COLUMNS]
        id_at = rows.columns.names.index("id") if "id" in rows.columns.names else None
        for place, row in rows:
            chrom, start, end, strand = (row[index] for index in at)
            interval = interval_of(chrom.strip(), start, end, strand.strip(), place, self.rule)
            found = cut(genome, interval, self.rule, place)
            if isinstance(found, Skip):
                yield found
                continue
            name = None if id_at is None else row[id_at]
            yield Record(place, (found[0],), label_of_name(path), name, split, found[1])

    def _classes(self) -> Iterator[tuple[SplitName, Path]]:
        """Splits and their classes, each a folder or an interval list, in the order of names."""
        if self.folder.is_file():
            raise DataError(f"{self.folder}: is a file, no folder ({import_command(self.folder)})")
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: there is no such folder")
        count = 0
        for folder in _entries(self.folder, self.folder):
            if not folder.is_dir():
                continue
            split = split_named(folder.name, folder)
            for path in _entries(folder, self.folder):
                if path.is_dir() or path.name.endswith(_LISTS):
                    count += 1
                    yield split, path
        if not count:
            raise DataError(f"{self.folder}: holds no split/class folders or split/class.csv.gz lists")


def inside(path: Path, root: Path) -> Path:
    """Return a path found under a root if it does not lead out of it.

    Raises:
        DataError: It is a link to another place, which a data set from elsewhere has no business with.
    """
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        raise DataError(f"{path}: is a link that leads out of {root} (copy what it points to)")
    return path


def _entries(folder: Path, root: Path) -> list[Path]:
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: can't be read: {error.strerror}") from error
    return [inside(folder / name, root) for name in names]


def _texts(folder: Path, root: Path) -> list[Path]:
    return [path for path in _entries(folder, root) if path.name.endswith(".txt")]


def _read_texts(folder: Path, root: Path, split: SplitName, inputs: Inputs) -> Iterator[Record]:
    """One sequence a file; recorded as one source, as there can be a million."""
    digest, total = hashlib.sha256(), 0
    for path in _texts(folder, root):
        if check_file(path) > MAX_LINE_BYTES:
            raise DataError(f"{path}: is longer than 256 MB, and a file holds one sequence")
        try:
            raw = path.read_bytes()
            text = raw.decode("utf-8-sig")
        except OSError as error:
            raise DataError(f"{path}: can't be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8 text, at byte {error.start + 1}") from error
        digest.update(os.fsencode(path.name) + b"\0" + hashlib.sha256(raw).digest())
        total += len(raw)
        inputs.advance(len(raw))
        yield Record(Place(path), ("".join(text.split()),), folder.name, path.stem, split)
    inputs.files.append(SourceFile(path=str(folder), bytes=total, sha256=digest.hexdigest()))
