"""What a first run costs by the code of two commits: wall time and peak memory of each command, in turns.

    python benchmarks/commits.py OLD [NEW] [--config FILE --set KEY=VALUE ...] [--rounds N]

Each round plans, extracts and probes a config (default: the demo) from nothing, once by each commit, with the
packages of this interpreter; which commit begins alternates. Run it on an idle machine. The memory is that of
the largest process of a command. Ratios are old to new for time, new to old for memory: 0.98 at least and
1.02 at most is what a change of structure may cost.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from same.commits import SAME, Commit, checked_out

COMMANDS = ("plan", "extract", "probe")


def measured(commit: Commit, command: str, config: Path, settings: list[str]) -> tuple[float, float]:
    """Seconds and peak megabytes of a command by a commit's code."""
    code = (
        f"import resource, sys; sys.argv = {['seqbench', command, str(config), *settings]!r}\n"
        "from seqbench.cli.main import main\n"
        "try:\n    main()\nfinally:\n"
        "    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)\n"
        "    peak = max(resource.getrusage(kind).ru_maxrss for kind in kinds)\n"
        "    open('peak', 'w').write(str(peak))\n"
    )
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=commit.folder,
        env=commit.environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began, int((commit.folder / "peak").read_text()) / 1024


def main() -> None:
    """Measure both commits and print medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", help="a commit")
    parser.add_argument("new", nargs="?", default="HEAD", help="another (default: HEAD)")
    parser.add_argument("--config", type=Path, help="a config to run instead of the demo")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the config")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    asked = [*SAME, *(part for setting in given.set for part in ("--set", setting))]
    with tempfile.TemporaryDirectory(prefix="seqbench-commits-") as folder:
        sides = [Path(folder) / side for side in ("old", "new")]
        for side in sides:
            side.mkdir()
        with checked_out(given.old, sides[0]) as old, checked_out(given.new, sides[1]) as new:
            taken = rounds((old, new), given.config, asked, given.rounds)
    print(
        f"{'command':10}{'old, s':>20}{'new, s':>20}{'speed':>8}{'old, MB':>10}{'new, MB':>10}{'memory':>8}"
    )
    for command in COMMANDS:
        (old_s, old_mb), (new_s, new_mb) = (zip(*taken[command, side], strict=True) for side in (0, 1))
        speed = statistics.median(a / b for a, b in zip(old_s, new_s, strict=True))
        old_peak, new_peak = statistics.median(old_mb), statistics.median(new_mb)
        print(
            f"{command:10}{told(old_s):>20}{told(new_s):>20}{speed:8.2f}"
            f"{old_peak:10.0f}{new_peak:10.0f}{new_peak / old_peak:8.2f}"
        )


def rounds(
    commits: tuple[Commit, Commit], config: Path | None, asked: list[str], count: int
) -> dict[tuple[str, int], list[tuple[float, float]]]:
    """Seconds and megabytes of each command and commit, a pair a round, after one that is thrown away."""
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {
        (command, side): [] for command in COMMANDS for side in (0, 1)
    }
    configs = [config.absolute() if config else commit.demo() for commit in commits]
    for number in range(count + 1):
        for commit in commits:
            shutil.rmtree(commit.folder / "out")
            (commit.folder / "out").mkdir()
        for command in COMMANDS:
            for side in ((0, 1), (1, 0))[number % 2]:
                commit = commits[side]
                cost = measured(commit, command, configs[side], [*commit.places(), *asked])
                if number:
                    taken[command, side].append(cost)
                    told_side = ("old", "new")[side]
                    print(
                        f"{number}. {command}, {told_side}: {cost[0]:.2f} s, {cost[1]:.0f} MB",
                        file=sys.stderr,
                    )
    return taken


def told(values: tuple[float, ...]) -> str:
    """The median and the range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


if __name__ == "__main__":
    main()
