"""Write docs/commands.md: every command with its arguments and options, from the command line itself."""

import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from typer.main import get_command

from seqbench.cli.main import app

HEAD = """# Commands

Made from the command line by `make docs`; every command takes `--help`.

Progress and remarks go to standard error, results to standard output. On a terminal there is a bar with
rate and time left; in a pipe there are plain lines. Ctrl-C stops cleanly, and the same command goes on from
there.

| exit code | means |
|---|---|
| 0 | done |
| 1 | a bug, with a traceback: please report it |
| 2 | the input is at fault; one line names the file, line or key and the way out |
| 3 | some work failed; the rest is done and stored, and what failed is listed |
| 130 | stopped with Ctrl-C |
"""
MORE = {
    "suggest": "[From a table to an answer](suggest.md)",
    "run": "[Quick start](quick-start.md)",
    "extract": "[Extraction](extraction.md)",
    "probe": "[Probing](probing.md)",
    "probe predict": "[Trained heads](probing.md#trained-heads)",
    "report": "[Reading the report](report.md)",
    "sql": "[SQL cookbook](catalog.md)",
    "datasets": "[Your own data](data.md)",
    "datasets audit": "[Auditing and splitting data](audit.md)",
    "datasets split": "[Splits that do not leak](audit.md#splits-that-do-not-leak)",
    "datasets import fasta": "[Importing data](import.md)",
    "datasets import table": "[Importing data](import.md)",
    "datasets import bed": "[Importing data](import.md)",
    "datasets import vcf": "[Importing data](import.md)",
    "datasets import folder": "[Importing data](import.md)",
    "datasets import hub": "[Importing data](import.md)",
    "datasets make-planted": "[Planted data sets](planted.md)",
    "models": "[Your own model](models.md)",
    "models check": "[Is this model sound?](models.md#is-this-model-sound)",
    "store": "[The store](store.md)",
    "store export": "[In and out of it](store.md#in-and-out-of-it)",
    "store import": "[In and out of it](store.md#in-and-out-of-it)",
    "store prune": "[Making room, and mending](store.md#making-room-and-mending)",
    "store verify": "[Making room, and mending](store.md#making-room-and-mending)",
    "config": "[Config](config.md)",
    "config init": "[From a table to an answer](suggest.md#a-config-instead)",
    "config convert": "[Coming from the reference system](reference.md)",
    "catalog": "[SQL cookbook](catalog.md)",
    "catalog merge": "[Several machines](several-machines.md#several-catalogs-into-one)",
}
"""Where a command, or all of a group, is explained."""


FIRST = ("run", "extract", "probe", "probe predict", "report", "plan", "sql")
"""The stages in their order; the other commands follow as the command line has them."""


def commands() -> dict[str, Any]:
    """Every command by its words, such as `datasets check`; `probe CONFIG` is plain `probe`."""
    found = dict(_leaves(get_command(app)))
    return {name: found[name] for name in (*FIRST, *(name for name in found if name not in FIRST))}


def _leaves(command: Any, *words: str) -> Iterator[tuple[str, Any]]:
    """The commands below a group, which may hold groups itself."""
    if not hasattr(command, "commands"):
        yield " ".join(words), command
        return
    for name, inner in command.commands.items():
        yield from _leaves(inner, *words, *(() if name == "CONFIG" else (name,)))


def overview() -> Iterator[str]:
    """A table of all commands, each with the first line of its help."""
    yield "| command | does |\n|---|---|"
    for name, command in commands().items():
        yield f"| [`{_usage(name, command)}`](#{_anchor(name)}) | {escaped(_first_line(command.help))} |"


def section(name: str, command: Any) -> Iterator[str]:
    """One command: what it does, its arguments and its options."""
    first, _, rest = command.help.partition("\n")
    yield f"\n## seqbench {name}\n\n{first}"
    if rest.strip():
        yield f"\n{rest.strip()}"
    if more := MORE.get(name) or MORE.get(name.split()[0]):
        yield f"\nMore: {more}."
    yield f"\n```text\n{_usage(name, command)}{' [OPTIONS]' if _options(command) else ''}\n```\n"
    if rows := [*map(_argument_row, _arguments(command)), *map(_option_row, _options(command))]:
        yield '<div class="keys" markdown>\n\n| argument or option | default | meaning |\n|---|---|---|'
        yield from rows
        yield "\n</div>"


def escaped(text: str) -> str:
    """Text that can stand in a cell of a table: a bar or an angle bracket is no markup."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _anchor(name: str) -> str:
    return f"seqbench-{name}".replace(" ", "-")


def _usage(name: str, command: Any) -> str:
    return " ".join(["seqbench", name, *map(_placeholder, _arguments(command))])


def _arguments(command: Any) -> list[Any]:
    return [each for each in command.params if each.param_type_name == "argument"]


def _options(command: Any) -> list[Any]:
    return [each for each in command.params if each.param_type_name == "option" and not each.hidden]


def _placeholder(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _argument_row(argument: Any) -> str:
    default = "required" if argument.required else ""
    return f"| `{_placeholder(argument)}` | {default} | {escaped(argument.help)} |"


def _option_row(option: Any) -> str:
    """Flags stand alone; other options with what they take."""
    takes = "" if option.is_flag else f" {option.metavar or option.name.rstrip('_').upper()}"
    choices = _choices(option.type_descriptor.annotation)
    meaning = f"{escaped(option.help)} One of {', '.join(choices)}." if choices else escaped(option.help)
    return f"| `{', '.join(option.opts)}{takes}` | {_default(option)} | {meaning} |"


def _choices(annotation: Any) -> list[str]:
    """What an option can be, where its type lists it."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [f"`{each.value}`" for each in annotation]
    if get_origin(annotation) is Literal:
        return [f"`{each}`" for each in get_args(annotation)]
    return []


def _default(option: Any) -> str:
    if option.required:
        return "required"
    if option.is_flag or option.default is None:
        return ""
    return f"`{getattr(option.default, 'value', option.default)}`"


def main() -> None:
    """Print the page."""
    lines = [HEAD, *overview()]
    for name, command in commands().items():
        lines += section(name, command)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
