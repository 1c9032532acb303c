"""Files that are split, and splits as they are read back."""

import json
from pathlib import Path
from typing import Any

from tests.audit.making import write


def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted(folder.glob("*.jsonl"))
    }


def one_file(folder: Path, items: list[dict[str, Any]]) -> Path:
    return write(folder, {"all": items}) / "all.jsonl"
