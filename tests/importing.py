"""Imports as a user makes them, and what they left behind."""

import json
from pathlib import Path

from tests.command import seqbench


def do_import(kind: str, *arguments: object, out: Path) -> dict[str, list[dict]]:
    """Import, check the result as `datasets check` does, and return the items by split."""
    done = seqbench("datasets", "import", kind, *arguments, "--out", out)
    assert done.exit_code == 0, (done.output, done.exception)
    checked = seqbench("datasets", "check", out.parent, out.name, "--info", out.parent / "datasets_info.yaml")
    assert checked.exit_code == 0, checked.output
    return items(out)


def items(out: Path) -> dict[str, list[dict]]:
    """The items of an imported data set by split."""
    return {
        path.stem: [json.loads(line) for line in path.read_text().splitlines()]
        for path in sorted(out.glob("*.jsonl"))
    }


def manifest(out: Path) -> dict:
    """What an import wrote down of itself."""
    found: dict = json.loads((out / "import.json").read_text())
    return found


def refusal(kind: str, *arguments: object, out: Path) -> str:
    """Import what is at fault: one line, exit 2, and nothing left behind; returns the line."""
    before = sorted(out.parent.rglob("*")) if out.parent.exists() else None
    done = seqbench("datasets", "import", kind, *arguments, "--out", out)
    assert done.exit_code == 2, (done.exit_code, done.output, done.exception)
    lines = [line for line in done.stderr.splitlines() if line.startswith("seqbench: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.output
    assert (sorted(out.parent.rglob("*")) if out.parent.exists() else None) == before
    return lines[0].removeprefix("seqbench: ")
