"""How long reports and the queries behind them take, in one run.

    python benchmarks/report.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine. Prints a table with the targets; `--out` also writes `reporting.json` and
`reporting.md`, whose table goes to docs/benchmarks.md. The catalogs are made up, as if 4 models had been
probed on 23 data sets and 33 layers. What is compared runs in turns in one process; the median counts.
"""

from collections.abc import Callable

from common import program, results
from common.setting import Setting
from reporting import page, queries, whole

BENCHMARKS: dict[str, Callable[[Setting], list[results.Figure]]] = {
    "queries": queries.queries,
    "bulk": queries.bulk,
    "whole": whole.whole,
    "page": lambda setting: page.measure(setting.rounds, setting.console),
}


def main() -> None:
    """Run the chosen benchmarks and show what they found."""
    given = program.arguments(__doc__, "reporting", BENCHMARKS, rounds=5).parse_args()
    program.run(given, "reporting", BENCHMARKS, Setting)


if __name__ == "__main__":
    main()
