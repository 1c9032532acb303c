"""How good probing is: seqbench beside the reference's training and scikit-learn, in one run.

    python benchmarks/probe.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick]

Run it on an idle machine. Prints a table with the targets; `--out` also writes `probing.json` and
`probing.md`, whose table goes to docs/benchmarks.md. The features are embeddings of real sequences through
a trained model (`../shared`); without these it says so and stops. Contenders run in turns in one process;
ratios are taken within a round, and the median of the rounds counts.
"""

import os
from collections.abc import Callable

# As the command line sets it before torch starts its threads; it then holds for every contender.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

from common import program, results
from probing import linear, many, memory, mlp
from probing.setting import Setting, shared_is_there

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
    given = program.arguments(__doc__, "probing", BENCHMARKS, rounds=3).parse_args()
    if not shared_is_there():
        raise SystemExit(
            "the real sequences and the trained model are not here (../shared): nothing measured"
        )
    program.run(given, "probing", BENCHMARKS, Setting, on_request=ON_REQUEST)


if __name__ == "__main__":
    main()
