"""Whether two commits compute the same, to the last bit: stored arrays, scores and predictions.

    python benchmarks/same_numbers.py OLD [NEW] [--config FILE --set KEY=VALUE ...] [--expect PLACE=ROWS ...]

Runs the demo (or a config) with the code of both commits and the packages of this interpreter, in temporary
folders and one after the other. Prints what differs; what was named before by `--expect`, and is so in
exactly that many rows, is shown as expected. Exits with 1 where anything else differs, or where something
expected is not so.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from same.commits import checked_out
from same.comparing import Difference, differences


def judged(found: Sequence[Difference], expected: dict[str, int]) -> tuple[list[str], bool]:
    """Lines that tell each difference, and whether all of them, and nothing less, was expected."""
    lines, places = [], {difference.place: difference.rows for difference in found}
    for difference in found:
        known = expected.get(difference.place) == difference.rows
        told = "as expected" if known else "DIFFERS"
        lines.append(f"{told}: {difference.place}: {difference.rows} × {difference.said}")
    missing = [
        f"EXPECTED, but not so: {place}={rows}" for place, rows in expected.items() if place not in places
    ]
    return lines + missing, places == expected


def expectation(text: str) -> tuple[str, int]:
    """`PLACE=ROWS` as a pair."""
    place, _, rows = text.rpartition("=")
    if not place or not rows.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not PLACE=ROWS, such as best_layers.test_low=19")
    return place, int(rows)


def main() -> None:
    """Run both commits and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", help="a commit")
    parser.add_argument("new", nargs="?", default="HEAD", help="another (default: HEAD)")
    parser.add_argument("--config", type=Path, help="a config to run instead of the demo")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the config")
    parser.add_argument("--expect", action="append", default=[], type=expectation, metavar="PLACE=ROWS")
    parser.add_argument("--folder", type=Path, help="where to put the temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seqbench-same-", dir=given.folder) as folder:
        outs = []
        for side, name in (("old", given.old), ("new", given.new)):
            within = Path(folder) / side
            within.mkdir()
            with checked_out(name, within) as commit:
                config = given.config and given.config.absolute()
                outs.append(commit.run(config, given.set) if config else commit.run_demo())
        found = differences(*outs)
    lines, same = judged(found, dict(given.expect))
    print("\n".join(lines) or "all the same")
    sys.exit(not same)


if __name__ == "__main__":
    main()
