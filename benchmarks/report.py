"""How long reports and the queries behind them take, in one run.

    python benchmarks/report.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine. Prints a table with the targets; `--out` also writes `reporting.json` and
`reporting.md`, whose table goes to docs/benchmarks.md. The catalogs are made up, as if 4 models had been
probed on 23 data sets and 33 layers. What is compared runs in turns in one process; the median counts.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from common import machine, results
from reporting import page, queries, whole
from reporting.setting import Setting
from rich.console import Console

BENCHMARKS: dict[str, Callable[[Setting], list[results.Figure]]] = {
    "queries": queries.queries,
    "bulk": queries.bulk,
    "whole": whole.whole,
    "page": lambda setting: page.measure(setting.rounds, setting.console),
}


def main() -> None:
    """Run the chosen benchmarks and show what they found."""
    arguments = _arguments()
    about = machine.about()
    figures: list[results.Figure] = []
    with tempfile.TemporaryDirectory(prefix="seqbench-bench-", dir=arguments.folder) as folder:
        os.environ["SEQBENCH_CACHE"] = str(Path(folder) / "cache")
        setting = Setting(
            folder=Path(folder),
            rounds=1 if arguments.quick else arguments.rounds,
            quick=arguments.quick,
            console=Console(stderr=True),
        )
        for name in arguments.only or BENCHMARKS:
            figures += BENCHMARKS[name](setting)
    results.show(figures)
    if arguments.out:
        for path in results.write(arguments.out, "reporting", figures, about):
            print(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(BENCHMARKS), metavar="NAME", help=", ".join(BENCHMARKS)
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender (default: 5)")
    parser.add_argument("--out", type=Path, help="folder for reporting.json and reporting.md")
    parser.add_argument(
        "--folder", type=Path, help="where to put the temporary folder (default: the system's)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, 1 round: tries the code, no figures"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
