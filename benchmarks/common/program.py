"""A program of benchmarks: its arguments, its temporary folder, its table and its files."""

import argparse
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from common import machine, results
from common.setting import Setting

S = TypeVar("S", bound=Setting)


def arguments(
    about: str | None, name: str, benchmarks: Collection[str], *, rounds: int
) -> argparse.ArgumentParser:
    """What every program takes; a program may add its own.

    Args:
        about: The program's docstring.
        name: Of the files that `--out` gets.
        benchmarks: What `--only` may name.
        rounds: By default.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=list(benchmarks), metavar="NAME", help=", ".join(benchmarks)
    )
    parser.add_argument(
        "--rounds", type=int, default=rounds, help=f"turns of each contender (default: {rounds})"
    )
    parser.add_argument("--out", type=Path, help=f"folder for {name}.json and {name}.md")
    parser.add_argument(
        "--folder", type=Path, help="where to put the temporary folder (default: the system's)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, few rounds: tries the code, no figures"
    )
    return parser


def run(
    given: argparse.Namespace,
    name: str,
    benchmarks: Mapping[str, Callable[[S], list[results.Figure]]],
    make: Callable[..., S],
    *,
    on_request: Collection[str] = (),
    apart: bool = False,
    quick_rounds: int = 1,
    **more: Any,
) -> None:
    """Run the chosen benchmarks and show what they found.

    Args:
        given: What `arguments` parsed.
        name: Of the files that `--out` gets.
        benchmarks: By name.
        make: The kind of setting that they take.
        on_request: Left out unless named.
        apart: Whether each works in a folder of its own, because it minds what another left.
        quick_rounds: Rounds of a quick run.
        **more: Of the setting, besides what all have.
    """
    about = machine.about()
    figures: list[results.Figure] = []
    with _folder(given.folder) as folder:
        setting = make(
            folder=folder,
            rounds=quick_rounds if given.quick else given.rounds,
            quick=given.quick,
            console=Console(stderr=True),
            **more,
        )
        for each in given.only or [each for each in benchmarks if each not in on_request]:
            mine = folder / each if apart else folder
            mine.mkdir(exist_ok=True)
            figures += benchmarks[each](replace(setting, folder=mine))
    results.show(figures)
    if given.out:
        for path in results.write(given.out, name, figures, about):
            print(path)


@contextmanager
def _folder(within: Path | None) -> Iterator[Path]:
    """A temporary folder that holds the cache as well, so that no run profits from an earlier one."""
    with tempfile.TemporaryDirectory(prefix="seqbench-bench-", dir=within) as folder:
        os.environ["SEQBENCH_CACHE"] = str(Path(folder) / "cache")
        yield Path(folder)
