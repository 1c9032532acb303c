"""A command loads its own modules and no other command's, and is found in all ways that it was."""

import subprocess
import sys

from typer.main import get_command

from seqbench.cli.main import _HOMES, app
from tests.command import seqbench


def test_one_command_does_not_load_the_modules_of_others() -> None:
    program = (
        "import sys; from seqbench.cli.main import app; app(['status', '--help'], standalone_mode=False); "
        "print(*sorted(name for name in sys.modules if name.startswith('seqbench.cli.')))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(shown.stdout.splitlines()[-1].split())
    homes = {f"seqbench.cli.{home.partition('.')[0]}" for home in _HOMES.values()}
    assert loaded & homes == {"seqbench.cli.status"}


def test_every_command_is_in_the_help_and_bears_its_name() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert [command.name for command in commands.values()] == list(_HOMES)
    assert dict(commands.items()).keys() == _HOMES.keys()
    shown = seqbench("--help").stdout
    assert all(f"  {name} " in shown for name in _HOMES)


def test_a_command_that_is_not_there_is_told_with_what_may_be_meant() -> None:
    shown = seqbench("stat")
    assert shown.exit_code == 2
    assert "No such command 'stat'. Did you mean 'status'?" in shown.output
    assert get_command(app).commands.get("stat") is None  # type: ignore[attr-defined]
