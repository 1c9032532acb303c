"""How fast data sets are audited, what it takes of memory, and how many near-duplicates it finds.

    python benchmarks/audit.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine; reads /proc, so Linux. Sequences are random DNA; a twentieth each of eval and test
are copies, reverse complements, and copies with 8 % of the letters replaced. Each round is a process of its
own, timed from its start to its end, Python's and the libraries' start included. Recall is counted against
the identity of what was planted, which Hamming distance gives without any of the audit's code.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from common import program, results
from common.setting import Setting

LENGTH = 500
CHANGED = 0.08
MB = 1e6


def _size(count: int) -> Callable[[Setting], list[results.Figure]]:
    return lambda setting: _audited(setting.folder, setting.scaled(count), setting.rounds)


BENCHMARKS = {f"n{count}": _size(count) for count in (20_000, 100_000, 200_000)}
"""By the number of sequences."""


def main() -> None:
    """Run the chosen sizes and show what was found."""
    given = program.arguments(__doc__, "audit", BENCHMARKS, rounds=3).parse_args()
    program.run(given, "audit", BENCHMARKS, Setting)


def _audited(folder: Path, count: int, rounds: int) -> list[results.Figure]:
    what = f"{count:,} sequences of {LENGTH} letters"
    place = folder / f"n{count}"
    near = _write(place, count)
    seconds, processor, peaks, recalls = [], [], [], []
    for number in range(rounds):
        out = folder / f"out{count}-{number}"
        began, used = perf_counter(), _used()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(place), str(out)], capture_output=True, text=True, check=True
        )
        seconds.append(perf_counter() - began)
        processor.append(_used() - used)
        peaks.append(int(done.stdout.split()[-1]) * 1024 / MB)
        recalls.append(100 * _recall(out / place.name / "items.jsonl", near))
        print(f"{what}, round {number + 1}: {seconds[-1]:.1f} s, {peaks[-1]:.0f} MB", file=sys.stderr)
    target = 120.0 if count == 100_000 else None
    return [
        results.Figure(benchmark="audit", what=f"{what}: time", values=tuple(seconds), unit="s",
                       target=target, better="less"),
        results.Figure(benchmark="audit", what=f"{what}: processor time", values=tuple(processor), unit="s",
                       better="less", note="processor time is user and system time of all threads"),
        results.Figure(benchmark="audit", what=f"{what}: peak", values=tuple(peaks), unit="MB", better="less",
                       note="VmHWM of the whole process"),
        results.Figure(benchmark="audit", what=f"{what}: near-duplicates found", values=tuple(recalls),
                       unit="%", target=98.0),
    ]  # fmt: skip


def _used() -> float:
    """Processor time of all processes that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


CHILD = """
import sys
from seqbench.cli.main import app
try:
    app(["datasets", "audit", sys.argv[1], "--out", sys.argv[2]])
except SystemExit as ended:
    if ended.code:
        raise
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(line.split()[1])
"""


def _write(folder: Path, count: int) -> dict[str, list[int]]:
    """Make the data set; returns, by split, the rows of near-duplicates at 90 % identity or more."""
    random = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", np.uint8)
    folder.mkdir()
    train = random.integers(0, 4, (count * 8 // 10, LENGTH), dtype=np.uint8)
    near: dict[str, list[int]] = {}
    for split in ("train", "eval", "test"):
        codes, some = train, max(1, count // 200)
        if split != "train":
            codes = random.integers(0, 4, (count // 10, LENGTH), dtype=np.uint8)
            sources = train[random.integers(0, len(train), 3 * some)].copy()
            changed = random.random((some, LENGTH)) < CHANGED
            changes = random.integers(1, 4, (some, LENGTH), dtype=np.uint8)
            sources[2 * some :] = np.where(changed, (sources[2 * some :] + changes) % 4, sources[2 * some :])
            codes[: 3 * some] = sources
            codes[some : 2 * some] = 3 - sources[some : 2 * some, ::-1]
            near[split] = (2 * some + np.flatnonzero(changed.mean(axis=1) <= 0.1)).tolist()
        labels = random.integers(0, 2, len(codes)).tolist()
        with (folder / f"{split}.jsonl").open("w", encoding="ascii") as file:
            for row, label in zip(codes, labels, strict=True):
                file.write(json.dumps({"seq": letters[row].tobytes().decode(), "label": label}) + "\n")
    return near


def _recall(path: Path, near: dict[str, list[int]]) -> float:
    with path.open(encoding="ascii") as file:
        items = [json.loads(line) for line in file]
    found = {(item["split"], item["row"]) for item in items if item["near_duplicate_of"] is not None}
    planted = [(split, row) for split, rows in near.items() for row in rows]
    return sum(each in found for each in planted) / len(planted)


if __name__ == "__main__":
    main()
