"""`seqbench probe CONFIG` and `seqbench probe predict`: training heads, and using them."""

from typing import Any

import typer

from seqbench.cli import predict, stages
from seqbench.cli.groups import WholeHelps

MAIN = "CONFIG"
"""What stands for the command without a name, in the list of commands too."""


class _ConfigOrCommand(WholeHelps):
    """A group that is a command itself where no other command's name comes first."""

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        first = args[0] if args else ""
        if first == "--help" or (first in self.commands and first != MAIN):
            return super().make_context(info_name, args, parent, **extra)
        return self.commands[MAIN].make_context(info_name, args, parent, **extra)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        self.commands[MAIN].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


app = typer.Typer(
    cls=_ConfigOrCommand,
    help="Train the missing probes on stored embeddings, or use a trained head: `seqbench probe predict`.",
    subcommand_metavar=MAIN,
    rich_markup_mode=None,
)
app.command(MAIN)(stages.probe)
app.command()(predict.predict)
