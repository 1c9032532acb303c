"""Sequences without labels: what is embedded for its own sake, such as the proteins of perturbed genes.

FASTA or JSONL in, a data set of one split out:
    >STAT1          ->  {"seq": "MSQWYELQQL", "label": 0, "id": "STAT1"}
    MSQWYELQQL
It has names and no labels; the label that the format of data sets asks for is 0 throughout, and nothing
reads it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seqbench.core.atomic import write_atomically
from seqbench.core.types import Task
from seqbench.datasets.dataset import Dataset, Split
from seqbench.datasets.facts import alphabet_of, sum_letters
from seqbench.datasets.index import Reading, scan_split
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import DataError

NAME_KEYS = ("perturbation", "gene", "id", "name")
"""Keys under which a record's name is looked for in JSONL, the first that it has."""
SEQUENCE_KEYS = ("seq", "sequence")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSequence:
    """One record of a file."""

    name: str
    sequence: str


def read_named_sequences(path: Path) -> list[NamedSequence]:
    """Read FASTA (the name is the first word of a header) or JSONL, told by the first character.

    Raises:
        DataError: The file can't be read, holds no record, or a record has no name or sequence, or a name is
            there twice with different sequences.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no text (FASTA or JSONL is wanted)") from error
    records = _fasta(path, text) if text.lstrip().startswith(">") else _jsonl(path, text)
    found: dict[str, NamedSequence] = {}
    for line, record in records:
        if not record.name or not record.sequence:
            raise DataError(f"{path}:{line}: a record without a {'name' if not record.name else 'sequence'}")
        if found.setdefault(record.name, record) != record:
            raise DataError(f"{path}:{line}: {record.name} is there twice, with different sequences")
    if not found:
        raise DataError(f"{path}: holds no sequence (FASTA or JSONL is wanted)")
    return list(found.values())


def _fasta(path: Path, text: str) -> Iterator[tuple[int, NamedSequence]]:
    first, name, parts = 0, "", list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(">"):
            if first:
                yield first, NamedSequence(name=name, sequence="".join(parts))
            first, name, parts = number, (line[1:].split() or [""])[0], []
        elif line.strip():
            parts.append(line.strip())
    if first:
        yield first, NamedSequence(name=name, sequence="".join(parts))


def _jsonl(path: Path, text: str) -> Iterator[tuple[int, NamedSequence]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: is no JSON ({error})") from error
        name, sequence = _value(content, NAME_KEYS), _value(content, SEQUENCE_KEYS)
        if name is None or sequence is None:
            raise DataError(
                f"{path}:{number}: a record needs a name ({', '.join(NAME_KEYS)}) and a sequence "
                f"({', '.join(SEQUENCE_KEYS)})"
            )
        yield number, NamedSequence(name=name, sequence=sequence)


def _value(content: object, keys: tuple[str, ...]) -> str | None:
    if not isinstance(content, dict):
        return None
    found = next((content[key] for key in keys if key in content), None)
    return found if isinstance(found, str) else None


def open_sequences(name: str, path: Path, folder: Path) -> Dataset:
    """Make a data set of one split, train, of a file of sequences.

    Args:
        name: Of the data set.
        path: FASTA or JSONL.
        folder: Where the data set is kept; a subfolder is named by the content.

    Raises:
        DataError: As of `read_named_sequences`, or the folder can't be written.
    """
    lines = [
        json.dumps({"seq": each.sequence, "label": 0, "id": each.name}) for each in read_named_sequences(path)
    ]
    content = "".join(f"{line}\n" for line in lines)
    spec = DatasetSpec(
        name=name,
        folder=folder / hashlib.sha256(content.encode()).hexdigest()[:16],
        task=Task.CLASSIFICATION,
        seq_keys=("seq",),
        id_key="id",
    )
    file = spec.folder / "train.jsonl"
    if not file.is_file():
        try:
            write_atomically(file, content)
        except OSError as error:
            raise DataError(f"{spec.folder}: can't be written: {error.strerror}") from error
    index = scan_split(file, Reading(task=spec.task, seq_keys=spec.seq_keys, id_key=spec.id_key))
    return Dataset(
        spec=spec,
        task=Task.CLASSIFICATION,
        seq_keys=index.seq_keys,
        splits={"train": Split(name="train", index=index, targets=index.labels)},
        classes=(0,),
        class_names=(),
        n_targets=1,
        alphabet=alphabet_of(sum_letters({"train": index})),
        sha256=hashlib.sha256(f"train {index.sha256}\n".encode()).hexdigest(),
        ceiling=None,
        warnings=(),
    )
