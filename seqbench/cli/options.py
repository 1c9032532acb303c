"""Arguments that several commands share, and what they print the same way."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.core.collecting import keep_loaded

if TYPE_CHECKING:
    from rich.console import Console

    from seqbench.config import Config, LoadedConfig
    from seqbench.core.progress import Reporter

EXIT_PARTIAL = 3
"""Some work failed; the rest is done and stored, and what failed is listed."""

DATA_ENDINGS = {".csv", ".tsv", ".txt", ".parquet", ".arrow", ".jsonl", ".ndjson",
                ".fa", ".fasta", ".faa", ".fna", ".ffn", ".fas"}  # fmt: skip
"""Of files that people have their data in, where a config or a folder is meant."""

ConfigPath = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="A config file (YAML).", show_default=False)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key of the config: models.0.dtype=float32 (entry 0 of a list), or, quoted for the "
        "shell, 'probe.seeds=[1,2]'. Repeatable.",
    ),
]


def console(*, stderr: bool = False) -> "Console":
    """A Rich console for a terminal of any width; a pipe gets no colours and 120 columns."""
    from rich.console import Console

    found = Console(stderr=stderr, soft_wrap=False)
    return found if found.is_terminal else Console(stderr=stderr, width=120)


def reporter() -> "Reporter":
    """Progress and remarks, on standard error."""
    from seqbench.core.progress import ConsoleReporter

    return ConsoleReporter(console(stderr=True))


def load(path: Path, overrides: Sequence[str] | None, to: "Reporter") -> "Config":
    """Load a config and tell its warnings; see `load_whole`."""
    return load_whole(path, overrides, to).config


def load_whole(path: Path, overrides: Sequence[str] | None, to: "Reporter") -> "LoadedConfig":
    """Load a config with what is to be known about its file, and tell its warnings.

    Raises:
        ConfigError: The file, a key or an override is wrong.
        DataError: It is a file of data; names the command that takes it.
    """
    from seqbench.config import load_config

    keep_loaded()
    refuse_data(path)
    _refuse_folder(path)
    loaded = load_config(path, overrides or ())
    for warning in loaded.warnings:
        to.note(f"warning: {warning}")
    return loaded


def _refuse_folder(path: Path) -> None:
    """See that a config is no folder; names the config that lies in it."""
    if not path.is_dir():
        return
    from seqbench.errors import ConfigError

    inside = [each for each in sorted(path.glob("*.y*ml")) if each.name != "datasets_info.yaml"]
    hint = f"; did you mean {inside[0]}?" if inside else " (a config is a YAML file)"
    raise ConfigError(f"{path}: is a folder{hint}")


def refuse_data(path: Path) -> None:
    """See that a file given as a config or a folder is no table, FASTA or JSONL.

    Raises:
        DataError: It is; names the commands that take it.
    """
    endings = {ending.lower() for ending in path.suffixes}
    if not endings & DATA_ENDINGS or not path.is_file():
        return
    from seqbench.datasets.importing.kinds import import_command
    from seqbench.errors import DataError

    raise DataError(
        f"{path}: is a file of data: {import_command(path)} makes a data set of it, and "
        f"`seqbench suggest {path} MODEL` tells which layer of a model knows what is in it"
    )


def names_of(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """Names as options give them: several to a text with commas between, each once, in their order."""
    texts = (given,) if isinstance(given, str) else given or ()
    names = (name.strip() for text in texts for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def relative(path: Path | str) -> Path | str:
    """A path as short as it can be typed from here; a URL as it is."""
    if isinstance(path, str):
        return path
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
