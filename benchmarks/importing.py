"""How fast imports are and how much memory they take: a million records, a hundred thousand windows.

    python benchmarks/importing.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine. Each import is a process of its own; memory is its peak resident size, with that
of an import of 1,000 items (the libraries' own) beside it. Reads /proc, so Linux.
"""

import gzip
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import program, results
from common.setting import Setting

LETTERS = np.frombuffer(b"ACGT", dtype=np.uint8)


def fasta(path: Path, items: int) -> list[str]:
    """Records of 100 letters on two lines, labels in the headers."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        for start in range(0, items, 10_000):
            texts = LETTERS[rng.integers(0, 4, (min(10_000, items - start), 100))]
            for number, row in enumerate(texts, start=start):
                text = row.tobytes().decode()
                file.write(f">s{number} label={'ab'[number % 2]}\n{text[:60]}\n{text[60:]}\n")
    return ["fasta", str(path), "--label-key", "label"]


def table(path: Path, items: int) -> list[str]:
    """Rows of an id, 100 letters and a class."""
    rng = np.random.default_rng(1)
    with path.open("w") as file:
        file.write("id,sequence,label\n")
        for start in range(0, items, 10_000):
            texts = LETTERS[rng.integers(0, 4, (min(10_000, items - start), 100))]
            for number, row in enumerate(texts, start=start):
                file.write(f"s{number},{row.tobytes().decode()},{number % 3}\n")
    return ["table", str(path)]


def bed(path: Path, items: int) -> list[str]:
    """Windows of 500 letters of a gzipped genome of 100 Mbp."""
    rng = np.random.default_rng(2)
    genome = path.with_name("genome.fa.gz")
    if not genome.exists():
        with gzip.open(genome, "wb", compresslevel=1) as file:
            for number in range(10):
                lines = np.full((200_000, 51), ord("\n"), dtype=np.uint8)
                lines[:, :50] = LETTERS[rng.integers(0, 4, (200_000, 50))]
                file.write(f">chr{number}\n".encode() + lines.tobytes())
    with path.open("w") as file:
        for number, start in enumerate(rng.integers(1000, 9_990_000, items).tolist()):
            file.write(f"chr{number % 10}\t{start}\t{start + 200}\tp{number}\t{'ab'[number % 2]}\t+\n")
    return ["bed", str(path), "--genome", str(genome), "--window", "500", "--label-column", "5"]


def measure(arguments: list[str], out: Path) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak MB of an import in a process of its own."""
    call = "from seqbench.cli.main import main; main()"
    command = [
        sys.executable,
        "-c",
        call,
        "datasets",
        "import",
        *arguments,
        "--split",
        "8/1/1",
        "--out",
        str(out),
    ]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            text = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, int(text.partition("VmHWM:")[2].split()[0]))
        except (OSError, IndexError):
            pass
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        time.monotonic() - began,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak * 1024 / 1e6,
    )


Maker = Callable[[Path, int], list[str]]
"""Writes an input of so many items, and says how it is imported."""


def _imported(make: Maker, count: int) -> Callable[[Setting], list[results.Figure]]:
    def work(setting: Setting) -> list[results.Figure]:
        items, name = setting.scaled(count), make.__name__
        measured = []
        for number in range(setting.rounds):
            _, _, least = measure(make(setting.folder / "small", 1000), setting.folder / f"small{number}")
            found = measure(make(setting.folder / "big", items), setting.folder / f"out{number}")
            measured.append((*found, least))
            setting.console.print(f"{name}, round {number + 1}/{setting.rounds}: {found[0]:.1f} s")
        seconds, busy, peak, least = (tuple(each) for each in zip(*measured, strict=True))
        what = f"{name}, {items:,} items"
        return [
            results.Figure(benchmark=name, what=f"{what}: time", values=seconds, unit="s", better="less"),
            results.Figure(
                benchmark=name, what=f"{what}: processor time", values=busy, unit="s", better="less"
            ),
            results.Figure(benchmark=name, what=f"{what}: peak", values=peak, unit="MB", better="less"),
            results.Figure(benchmark=name, what="1,000 items: peak", values=least, unit="MB", better="less"),
        ]

    return work


BENCHMARKS = {
    "fasta": _imported(fasta, 1_000_000),
    "table": _imported(table, 1_000_000),
    "bed": _imported(bed, 100_000),
}


def main() -> None:
    """Make inputs, import them, and show what it took."""
    given = program.arguments(__doc__, "importing", BENCHMARKS, rounds=1).parse_args()
    program.run(given, "importing", BENCHMARKS, Setting, apart=True)


if __name__ == "__main__":
    main()
