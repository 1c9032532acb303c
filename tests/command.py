"""The command line as a user calls it, and the catalog as a user asks it."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from seqbench.cli.main import app


def seqbench(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def rows(config: Path, query: str) -> list[dict]:
    """Ask the catalog beside a config."""
    shown = seqbench("sql", query, "--catalog", config.parent / "catalog.duckdb", "--format", "json")
    assert shown.exit_code == 0, shown.output
    found: list[dict] = json.loads(shown.stdout)
    return found
