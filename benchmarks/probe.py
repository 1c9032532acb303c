"""How good probing is: seqbench beside the reference's training and scikit-learn, in one run.

    python benchmarks/probe.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine. Prints a table with the targets; `--out` also writes `probing.json` and
`probing.md`, whose table goes to docs/benchmarks.md. The features are embeddings of real sequences through
a trained model (`../shared`); without these it says so and stops. Contenders run in turns in one process;
ratios are taken within a round, and the median of the rounds counts.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

# As the command line sets it before torch starts its threads; it then holds for every contender.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from common import machine, results
from probing import linear, many, memory, mlp
from probing.setting import Setting, shared_is_there
from rich.console import Console

BENCHMARKS: dict[str, Callable[[Setting], list[results.Figure]]] = {
    "mlp": mlp.small,
    "wide": mlp.wide,
    "linear": linear.linear,
    "many": many.many,
    "memory": memory.memory,
}
ON_REQUEST = {"memory"}
"""Left out unless named: it writes a store of 13 GB."""


def main() -> None:
    """Run the chosen benchmarks and show what they found."""
    arguments = _arguments()
    if not shared_is_there():
        raise SystemExit(
            "the real sequences and the trained model are not here (../shared): nothing measured"
        )
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
        for name in arguments.only or [name for name in BENCHMARKS if name not in ON_REQUEST]:
            figures += BENCHMARKS[name](setting)
    results.show(figures)
    if arguments.out:
        for path in results.write(arguments.out, "probing", figures, about):
            print(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(BENCHMARKS), metavar="NAME", help=", ".join(BENCHMARKS)
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender (default: 3)")
    parser.add_argument("--out", type=Path, help="folder for probing.json and probing.md")
    parser.add_argument(
        "--folder", type=Path, help="where to put the temporary folder (default: the system's)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, 1 round: tries the code, no figures"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
