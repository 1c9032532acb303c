"""How fast responses of cells are trained, what that takes of memory, and whether planted ones are found.

    python benchmarks/perturb.py [--only NAME ...] [--rounds N] [--out FOLDER] [--quick] [--arc-python FILE]

Run it on an idle machine; reads /proc, so Linux. Cells are synthetic. arc-state is measured where
`--arc-python` names the Python of an environment that has it, as its dependencies are not seqbench's:
`python -m venv arc && arc/bin/pip install arc-state==0.11.1`, then `--arc-python arc/bin/python`. The other
contender is the same network in a plain torch loop with a DataLoader. Ratios are taken within a round, and
the median of the rounds counts.
"""

from collections.abc import Callable
from pathlib import Path

from common import program, results
from perturbing import distances, memory, planted, training
from perturbing.setting import Setting

BENCHMARKS: dict[str, Callable[[Setting], list[results.Figure]]] = {
    "training": training.training,
    "energy": distances.energy,
    "planted": planted.planted,
    "memory": memory.memory,
}
ON_REQUEST = {"memory"}
"""Left out unless named: it writes files of 9 GB."""


def main() -> None:
    """Run the chosen benchmarks and show what they found."""
    parser = program.arguments(__doc__, "perturb", BENCHMARKS, rounds=5)
    parser.add_argument("--arc-python", type=Path, help="Python of an environment that has arc-state")
    given = parser.parse_args()
    program.run(given, "perturb", BENCHMARKS, Setting, on_request=ON_REQUEST, arc_python=given.arc_python)


if __name__ == "__main__":
    main()
