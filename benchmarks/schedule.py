"""How good scheduling is: what it costs beside the work, in this process and on workers.

    python benchmarks/schedule.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine of two cores, with OMP_NUM_THREADS=1. Prints a table with the targets; `--out` also
writes `scheduling.json` and `scheduling.md`, whose table goes to docs/benchmarks.md.
"""

import os
from collections.abc import Callable

# As the command line sets it before torch starts its threads; it then holds for every contender.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from common import program, results
from common.setting import Setting
from scheduling import planning, running

BENCHMARKS: dict[str, Callable[[Setting], list[results.Figure]]] = {
    "planning": planning.planning,
    "gpus": planning.gpus,
    "overhead": running.overhead,
    "in-process": running.in_process,
    "workers": running.workers,
}


def main() -> None:
    """Run the chosen benchmarks and show what they found."""
    given = program.arguments(__doc__, "scheduling", BENCHMARKS, rounds=5).parse_args()
    program.run(given, "scheduling", BENCHMARKS, Setting, apart=True)


if __name__ == "__main__":
    main()
