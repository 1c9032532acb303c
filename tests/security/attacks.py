"""Attacks that leave a trace: a pickle that makes a folder when it is read, code that does when it runs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Payload:
    """Pickles to a call that makes a file, as a hostile pickle would call anything."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def code(trace: Path) -> str:
    """Python that makes a file when it is imported."""
    return f"import os\nos.mkdir({str(trace)!r})\n"


def change_json(path: Path, **changes: object) -> None:
    """Set keys of a JSON file."""
    content: Mapping[str, object] = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**content, **changes}))
