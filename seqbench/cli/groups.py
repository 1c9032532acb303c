"""Groups of commands whose help shows the first sentence of each whole, at any width of the terminal."""

from typing import Any

from typer.core import TyperGroup


class WholeHelps(TyperGroup):
    """A group that wraps the helps of its commands where click would cut them at the end of the line."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a row for each command that is not hidden."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, (command.help or "").partition("\n")[0])
            for name, command in found
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
