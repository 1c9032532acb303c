"""How good extraction is: seqbench beside the reference loop and sentence-transformers, in one run.

    python benchmarks/extract.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine: with one other busy process on 2 cores every figure falls several fold. Prints a
table with the targets; `--out` also writes `extraction.json` and `extraction.md`, whose table goes to
docs/benchmarks.md. Needs sentence-transformers beside seqbench; reads /proc, so Linux.

Contenders of one benchmark run in turns in one process, loaded before they are timed, with the same model,
dtype and sequences; ratios are taken within a round, and the median of the rounds counts. seqbench's time is
that of a whole `extract`: reading the JSONL, tokenising, computing all layers, pooling, writing the store.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

# As the command line sets it before torch starts its threads; it then holds for every contender.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import torch
from common import machine, results
from extraction import against_peers, gpu, memory, within
from extraction.setting import Setting
from rich.console import Console

BENCHMARKS: dict[str, Callable[[Setting], list[results.Figure]]] = {
    "throughput": against_peers.throughput,
    "peak": against_peers.peak,
    "layers": within.layers,
    "repeats": within.repeats,
    "memory": memory.memory,
    "items": memory.items,
    "store": within.store,
    "gpu": gpu.gpu,
    "long": memory.long,
}
ON_REQUEST = {"long"}
"""Left out unless named: an hour on 2 cores."""


def main() -> None:
    """Run the chosen benchmarks and show what they found."""
    arguments = _arguments()
    about = machine.about()
    figures: list[results.Figure] = []
    with tempfile.TemporaryDirectory(prefix="seqbench-bench-", dir=arguments.folder) as folder:
        os.environ["SEQBENCH_CACHE"] = str(Path(folder) / "cache")
        setting = Setting(
            folder=Path(folder),
            rounds=2 if arguments.quick else arguments.rounds,
            quick=arguments.quick,
            device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
            console=Console(stderr=True),
            dtypes=tuple(arguments.dtypes),
            sequences=arguments.sequences,
        )
        for name in arguments.only or [name for name in BENCHMARKS if name not in ON_REQUEST]:
            figures += BENCHMARKS[name](setting)
    results.show(figures)
    if arguments.out:
        for path in results.write(arguments.out, "extraction", figures, about):
            print(path)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(BENCHMARKS), metavar="NAME", help=", ".join(BENCHMARKS)
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender (default: 5)")
    parser.add_argument(
        "--dtypes",
        nargs="+",
        choices=list(against_peers.COUNTS),
        default=list(against_peers.COUNTS),
        help="for throughput and peak (default: both)",
    )
    parser.add_argument(
        "--sequences", type=int, help="for throughput and peak, where the default takes too long"
    )
    parser.add_argument("--out", type=Path, help="folder for extraction.json and extraction.md")
    parser.add_argument(
        "--folder", type=Path, help="where to put the temporary folder (default: the system's)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, 2 rounds: tries the code, no figures"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
