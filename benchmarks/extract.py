"""How good extraction is: seqbench beside the reference loop and sentence-transformers, in one run.

    python benchmarks/extract.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine: with one other busy process on 2 cores every figure falls several fold. Prints a
table with the targets; `--out` also writes `extraction.json` and `extraction.md`, whose table goes to
docs/benchmarks.md. Needs sentence-transformers beside seqbench; reads /proc, so Linux.

Contenders of one benchmark run in turns in one process, loaded before they are timed, with the same model,
dtype and sequences; ratios are taken within a round, and the median of the rounds counts. seqbench's time is
that of a whole `extract`: reading the JSONL, tokenising, computing all layers, pooling, writing the store.
"""

import os
from collections.abc import Callable

# As the command line sets it before torch starts its threads; it then holds for every contender.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import torch
from common import program, results
from extraction import against_peers, gpu, memory, within
from extraction.setting import Setting

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
    parser = program.arguments(__doc__, "extraction", BENCHMARKS, rounds=5)
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
    given = parser.parse_args()
    program.run(
        given,
        "extraction",
        BENCHMARKS,
        Setting,
        on_request=ON_REQUEST,
        quick_rounds=2,
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        dtypes=tuple(given.dtypes),
        sequences=given.sequences,
    )


if __name__ == "__main__":
    main()
