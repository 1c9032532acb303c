"""What commands cost that find nothing to compute: processor seconds, in turns with another checkout.

    python benchmarks/idle.py demo/demo.yaml --against ../seqbench-0c7acf5

Both checkouts run under this interpreter, each on a copy of the config's folder,
where everything is done first.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COMMANDS = ("status", "plan", "extract", "probe", "report", "run")
PROGRAM = "from seqbench.cli.main import main; main()"


def main() -> None:
    """Run every command in turns and print medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, help="a config in a folder with its data")
    parser.add_argument("--against", type=Path, help="another checkout of seqbench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=COMMANDS, default=COMMANDS)
    arguments = parser.parse_args()
    checkouts = [Path(__file__).parents[1], *([arguments.against.resolve()] if arguments.against else [])]
    with tempfile.TemporaryDirectory() as scratch:
        configs = [_copy(arguments.config, Path(scratch) / str(number)) for number in range(len(checkouts))]
        for checkout, config in zip(checkouts, configs, strict=True):
            _seconds(checkout, "run", config)
        print(f"{'command':10}{'here':>20}" + ("" if len(checkouts) == 1 else f"{'there':>20}{'ratio':>8}"))
        for command in arguments.only:
            taken: list[list[float]] = [[] for _ in checkouts]
            for _ in range(arguments.rounds):
                for number, checkout in enumerate(checkouts):
                    taken[number].append(_seconds(checkout, command, configs[number]))
            print(f"{command:10}" + "".join(map(_told, taken)) + _ratio(taken))


def _copy(config: Path, folder: Path) -> Path:
    """A copy without results, which each checkout makes: an older one reads no newer catalog or store."""
    shutil.copytree(config.parent, folder, ignore=shutil.ignore_patterns("*.duckdb*", "*.zarr", "report"))
    return folder / config.name


def _seconds(checkout: Path, command: str, config: Path) -> float:
    """Processor seconds of a command and all its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(checkout), "SEQBENCH_CACHE": str(config.parent / "cache")}
    asked = [sys.executable, "-c", PROGRAM, command, str(config)]
    subprocess.run(asked, env=environment, cwd=config.parent, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def _told(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):8.2f} ({min(seconds):.2f}-{max(seconds):.2f})".rjust(20)


def _ratio(taken: list[list[float]]) -> str:
    return "" if len(taken) == 1 else f"{statistics.median(taken[0]) / statistics.median(taken[1]):8.2f}"


if __name__ == "__main__":
    main()
