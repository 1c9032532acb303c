"""The documentation says what the code does: the config reference is current, commands and links exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from seqbench.cli.main import app
from seqbench.config import METRIC_NAMES
from seqbench.metrics import METRICS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_config_reference_is_what_the_schema_says() -> None:
    script = ROOT / "scripts" / "config_reference.py"
    made = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert made.stdout == (ROOT / "docs" / "config.md").read_text(encoding="utf-8"), "run `make docs`"


def test_config_and_metrics_know_the_same_metrics() -> None:
    assert set(METRIC_NAMES) == {name for names in METRICS.values() for name in names}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def commands() -> dict[str, object]:
    """Every command by its words, such as `datasets check`."""
    found: dict[str, object] = {}
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        for inner, leaf in getattr(command, "commands", {"": command}).items():
            found[f"{name} {inner}".strip()] = leaf
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_documentation_exist(page: Path) -> None:
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    for line in re.findall(r"^seqbench ([a-z-]+(?: [a-z-]+)?)", blocks, re.MULTILINE):
        words = line.split()
        assert " ".join(words[:2]) in commands() or words[0] in commands(), line


def test_every_command_is_documented() -> None:
    everything = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = [name for name in commands() if f"seqbench {name}" not in everything]
    assert missing == []


def test_every_command_says_what_it_does() -> None:
    assert all(command.help for command in commands().values())  # type: ignore[attr-defined]
    assert isinstance(app, typer.Typer)
