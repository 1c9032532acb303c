"""The command line: each command is one library call, and every user's error ends here in one line."""

import os
import signal
import sys
import traceback
from collections import UserDict
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_group

import seqbench
from seqbench.cli.groups import WholeHelps
from seqbench.core.collecting import keep_loaded
from seqbench.core.redaction import redact
from seqbench.core.signals import CODES, STOPPED, Terminated, install_handlers
from seqbench.errors import SeqbenchError

EXIT_BUG = 1
EXIT_USER_ERROR = 2

_HOMES = {
    "suggest": "suggest.suggest",
    "run": "stages.run",
    "adapt": "stages.adapt",
    "likelihood": "stages.likelihood",
    "extract": "stages.extract",
    "finetune": "stages.finetune",
    "perturb": "stages.perturb",
    "predict": "predict.predict",
    "report": "stages.report",
    "plan": "stages.plan",
    "status": "status.status",
    "sql": "sql.sql",
    "probe": "probe.app",
    "catalog": "catalog.app",
    "datasets": "datasets.app",
    "corpus": "corpus.app",
    "models": "models.app",
    "store": "store.app",
    "config": "config.app",
}
"""Where each command, or group of commands, is written, in the order of the help."""


class _Commands(UserDict[str, Any]):
    """The commands by name, each loaded when it is asked for: none waits for the modules of the others."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(_HOMES))

    def __getitem__(self, name: str) -> Any:
        found = self.data[name]
        if found is None:
            found = self[name] = _load(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        if name not in self:
            return default
        return self[name]


def _load(name: str) -> Any:
    module, _, attribute = _HOMES[name].partition(".")
    written = getattr(import_module(f"seqbench.cli.{module}"), attribute)
    alone = typer.Typer(rich_markup_mode=None)
    if isinstance(written, typer.Typer):
        alone.add_typer(written, name=name)
    else:
        alone.command()(written)
    return get_group(alone).commands[name]


class _OneLineErrors(WholeHelps):
    """Turns the errors that users can cause into one line and an exit code; bugs keep their traceback."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": _Commands()})

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            if type(error).__name__ != "MissingParameter":
                raise
            raise _all_missing(error) from None
        except SeqbenchError as error:
            sys.stderr.write(f"seqbench: {error}\n")
            sys.exit(EXIT_USER_ERROR)
        except KeyboardInterrupt as error:
            sys.stderr.write(f"seqbench: {STOPPED}\n")
            sys.exit(CODES[signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT])


_UsageError: Any = typer.BadParameter.__bases__[0]
"""Click's, which newer versions of typer carry within them and do not name."""


def _all_missing(error: Any) -> Exception:
    """What is to be told where a command lacks parameters: all of them, not the first alone.

    Those that were given are read first, so what has no value when one is missing was not given either.
    """
    lacking = [
        each.metavar or each.name if each.param_type_name == "argument" else each.opts[-1]
        for each in error.ctx.command.get_params(error.ctx)
        if each.required and error.ctx.params.get(each.name) in (None, (), [])
    ]
    if len(lacking) < 2:
        return error  # type: ignore[no-any-return]
    return _UsageError(f"Missing {', '.join(lacking[:-1])} and {lacking[-1]}.", ctx=error.ctx)  # type: ignore[no-any-return]


app = typer.Typer(
    cls=_OneLineErrors,
    help="Which layer of a DNA, RNA or protein foundation model knows what.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seqbench {seqbench.__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Which layer of a DNA, RNA or protein foundation model knows what."""


def main() -> None:
    """The console script `seqbench`."""
    # How long OpenMP's threads spin before they sleep; read when torch or XGBoost load it. By default it is
    # so long that beside two busy processes extraction fell to a fifth; this costs 4 % on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    install_handlers()
    keep_loaded(first=True)
    try:
        app()
    except Exception:  # a bug: its traceback may quote an address with a password
        sys.stderr.write(redact(traceback.format_exc()))
        sys.exit(EXIT_BUG)
