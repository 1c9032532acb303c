"""How good scheduling is: what it costs beside the work, in this process and on workers.

    python benchmarks/schedule.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine of two cores, with OMP_NUM_THREADS=1. Prints a table with the targets; `--out` also
writes `scheduling.json` and `scheduling.md`, whose table goes to docs/benchmarks.md.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

# As the command line sets it before torch starts its threads; it then holds for every contender.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from common import machine, results
from rich.console import Console
from scheduling import planning, running
from scheduling.setting import Setting

BENCHMARKS: dict[str, Callable[[Setting], list[results.Figure]]] = {
    "planning": planning.planning,
    "gpus": planning.gpus,
    "overhead": running.overhead,
    "in-process": running.in_process,
    "workers": running.workers,
}


def main() -> None:
    """Run the chosen benchmarks and show what they found."""
    arguments = _arguments()
    about = machine.about()
    figures: list[results.Figure] = []
    for name in arguments.only or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="seqbench-bench-", dir=arguments.folder) as folder:
            os.environ["SEQBENCH_CACHE"] = str(Path(folder) / "cache")
            setting = Setting(
                folder=Path(folder),
                rounds=1 if arguments.quick else arguments.rounds,
                quick=arguments.quick,
                console=Console(stderr=True),
            )
            figures += BENCHMARKS[name](setting)
    results.show(figures)
    if arguments.out:
        for path in results.write(arguments.out, "scheduling", figures, about):
            print(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(BENCHMARKS), metavar="NAME", help=", ".join(BENCHMARKS)
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender (default: 5)")
    parser.add_argument("--out", type=Path, help="folder for scheduling.json and scheduling.md")
    parser.add_argument(
        "--folder", type=Path, help="where to put the temporary folder (default: the system's)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, one round: tries the code, no figures"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
