"""How good single tokens are: keeping them, and training a head on them, in one run.

    python benchmarks/tokens.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine. Prints a table with the targets; `--out` also writes `tokens.json` and `tokens.md`.
Reads /proc, so Linux.
"""

import os
from collections.abc import Callable

os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import torch
from common import program, results
from extraction.setting import Setting
from tokenwise import extraction, letters, training

BENCHMARKS: dict[str, Callable[[Setting], list[results.Figure]]] = {
    "convolution": letters.convolution,
    "extraction": extraction.extraction,
    "linear": letters.linear,
    "memory": training.memory,
    "training": training.speed,
}


def main() -> None:
    """Run the chosen benchmarks and show what they found."""
    given = program.arguments(__doc__, "tokens", BENCHMARKS, rounds=3).parse_args()
    program.run(
        given,
        "tokens",
        BENCHMARKS,
        Setting,
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        dtypes=("bfloat16",),
        sequences=None,
    )


if __name__ == "__main__":
    main()
