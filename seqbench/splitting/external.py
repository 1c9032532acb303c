"""Clustering by MMseqs2 or CD-HIT, where one is installed."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import plain, stretches_of
from seqbench.core.alphabets import Alphabet, is_nucleic
from seqbench.core.atomic import scratch_folder
from seqbench.datasets.dataset import Dataset
from seqbench.errors import DataError
from seqbench.splitting.settings import Clusterer
from seqbench.stratification.shares import Atoms

COVERAGE: Final = 0.8
"""Least share of both sequences that MMseqs2 must align."""
_ODD: Final = re.compile("[^A-Z]")
_PROTEIN_WORDS: Final = ((0.7, 5), (0.6, 4), (0.0, 3))
_NUCLEOTIDE_WORDS: Final = ((0.95, 10), (0.9, 8), (0.88, 7), (0.85, 6), (0.8, 5), (0.0, 4))
"""CD-HIT's own advice on the word length, by least identity (its user's guide, `-n`)."""
_LOWEST: Final = {"cd-hit": 0.5, "cd-hit-est": 0.75}
_SHORTEST: Final = {
    ("mmseqs", True): 14,
    ("mmseqs", False): 23,
    ("cd-hit", True): 11,
    ("cd-hit-est", False): 11,
}
"""Shortest sequence that each compares, of proteins (True) or not.

MMseqs2 names 14 residues itself where no sequence holds one of its k-mers, and then fails; of bases, 14-7e284
fails below 23, the span of its 15-mer. CD-HIT throws away up to 10 unless it is told otherwise (`-l`).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program that was found."""

    name: str
    """`mmseqs`, `cd-hit` or `cd-hit-est`."""
    path: str
    version: str


def find_tool(wanted: Clusterer, alphabet: Alphabet) -> Tool | None:
    """Look for a program on the PATH; None where the clustering is to be seqbench's own.

    Raises:
        DataError: The one that is asked for is not installed.
    """
    if wanted == "builtin" or (wanted == "auto" and alphabet == "text"):
        return None
    if alphabet == "text":
        raise DataError(f"{wanted} compares no text (take --clusterer builtin)")
    cd_hit = "cd-hit-est" if is_nucleic(alphabet) else "cd-hit"
    for name in {"auto": ("mmseqs", cd_hit), "mmseqs": ("mmseqs",), "cd-hit": (cd_hit,)}[wanted]:
        path = shutil.which(name)
        if path is not None:
            return Tool(name=name, path=path, version=_version(path, name))
        if wanted != "auto":
            raise DataError(f"--clusterer: {name} is not on the PATH (install it, or take builtin)")
    return None


def unfit(tool: Tool, dataset: Dataset, identity: float) -> str | None:
    """Why a program can't compare all sequences of a data set; None where it can."""
    if identity < _LOWEST.get(tool.name, 0.0):
        return f"{tool.name} goes down to an identity of {_LOWEST[tool.name]}, not {identity:g}"
    shortest = _SHORTEST[tool.name, not is_nucleic(dataset.alphabet)]
    short = sum(int((split.lengths < shortest).sum()) for split in dataset.splits.values())
    if short:
        unit = "bases" if is_nucleic(dataset.alphabet) else "residues"
        return f"{tool.name} compares sequences from {shortest} {unit}, and {short:,} are shorter"
    return None


def cluster(dataset: Dataset, tool: Tool, identity: float, threads: int) -> Atoms:
    """Cluster all sequences; items stay together whose sequences, one by one, share their clusters.

    Args:
        dataset: Its splits in order.
        tool: What does it.
        identity: Least identity, as the tool counts it.
        threads: How many it may use.

    Returns:
        The cluster of each item of all splits, (N,).

    Raises:
        DataError: The tool fails, or its output lacks sequences.
    """
    if identity < _LOWEST.get(tool.name, 0.0):
        raise DataError(f"--identity: {unfit(tool, dataset, identity)}")
    n_items = sum(len(split) for split in dataset.splits.values())
    run = _mmseqs if tool.name == "mmseqs" else _cd_hit
    with scratch_folder("seqbench-cluster") as folder:
        fasta = folder / "in.fasta"
        _write_fasta(dataset, fasta)
        cluster_M = np.full(n_items * dataset.n_seqs, -1, dtype=np.int64)
        for number, member in _checked(run(tool, fasta, dataset.alphabet, identity, threads), len(cluster_M)):
            cluster_M[member] = number
    if (missing := np.flatnonzero(cluster_M < 0)).size:
        raise DataError(f"{tool.name} left out {missing.size} sequences")
    return numbered(cluster_M.reshape(n_items, -1))


_Members = Iterator[tuple[int, int]]
"""Number of a cluster and of a sequence."""
_Run = Callable[[Tool, Path, Alphabet, float, int], _Members]


def _mmseqs(tool: Tool, fasta: Path, alphabet: Alphabet, identity: float, threads: int) -> _Members:
    out = fasta.with_name("out")
    kind = "2" if is_nucleic(alphabet) else "1"
    _call(
        tool, "easy-cluster", str(fasta), str(out), str(fasta.with_name("tmp")),
        "--min-seq-id", f"{identity:g}", "-c", f"{COVERAGE:g}", "--cov-mode", "0",
        "--dbtype", kind, "--threads", str(threads), "-v", "1",
    )  # fmt: skip
    for line in _lines(tool, out.with_name("out_cluster.tsv")):
        representative, _, member = line.strip().partition("\t")
        yield _number(tool, representative), _number(tool, member)


def _cd_hit(tool: Tool, fasta: Path, alphabet: Alphabet, identity: float, threads: int) -> _Members:
    out = fasta.with_name("out")
    words = _NUCLEOTIDE_WORDS if is_nucleic(alphabet) else _PROTEIN_WORDS
    word = next(length for least, length in words if identity >= least)
    strands = ("-r", "1") if is_nucleic(alphabet) else ()
    _call(
        tool, "-i", str(fasta), "-o", str(out), "-c", f"{identity:g}", "-n", str(word),
        "-d", "0", "-M", "0", "-l", str(word), "-g", "1", "-T", str(threads), *strands,
    )  # fmt: skip
    number = -1
    for line in _lines(tool, out.with_name("out.clstr")):
        if line.startswith(">"):
            number += 1
        elif (found := re.search(r">(\d+)\.\.\.", line)) is not None:
            yield number, int(found[1])


def _write_fasta(dataset: Dataset, path: Path) -> None:
    """Sequences by number; what is no letter becomes X or N, so that no line is taken for a header."""
    unknown, number = ("N" if is_nucleic(dataset.alphabet) else "X"), 0
    with path.open("w", encoding="ascii") as file:
        for split in dataset.splits.values():
            for start, stop in stretches_of(split):
                for item in split.sequences(start, stop):
                    for sequence in item:
                        file.write(f">{number}\n{_ODD.sub(unknown, plain(sequence, dataset.alphabet))}\n")
                        number += 1


def _call(tool: Tool, *arguments: str) -> None:
    try:
        done = subprocess.run([tool.path, *arguments], capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise DataError(f"{tool.path}: can't be run: {error.strerror}") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise DataError(f"{tool.name} ended with {done.returncode}: {last}")


def _lines(tool: Tool, path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            yield from file
    except OSError as error:
        raise DataError(f"{tool.name} wrote no {path.name}") from error


def _number(tool: Tool, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise DataError(f"{tool.name} wrote {text[:40]!r} where a sequence's number belongs")
    return int(text)


def _checked(members: _Members, n_sequences: int) -> _Members:
    for number, member in members:
        if not 0 <= member < n_sequences:
            raise DataError(f"the clusters name sequence {member}, but there are {n_sequences}")
        yield number, member


def _version(path: str, name: str) -> str:
    arguments = ["version"] if name == "mmseqs" else ["-h"]
    try:
        done = subprocess.run(
            [path, *arguments], capture_output=True, text=True, errors="replace", timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    first = (done.stdout.strip().splitlines() or ["unknown"])[0]
    return first.strip("= \t")[:80]


def numbered(values: NDArray[np.generic]) -> Atoms:
    """Values, or rows of values, as numbers from 0, equal for equal ones."""
    numbers = np.unique(values, axis=0, return_inverse=True)[1]
    return np.asarray(numbers, dtype=np.int64).reshape(-1)
