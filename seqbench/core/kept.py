"""What was found out about files, kept in the user's cache folder; a speed-up only, never needed."""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from seqbench.core.atomic import atomic_write

SETTLED_SECONDS = 2.0
"""A file changed more recently than this is not trusted: two changes within a clock tick look alike."""

FORMAT = 1
"""Raised whenever something else is kept under the same name."""


def cache_folder() -> Path | None:
    """`$SEQBENCH_CACHE`, else `$XDG_CACHE_HOME/seqbench`, else `~/.cache/seqbench`; None without a home."""
    if own := os.environ.get("SEQBENCH_CACHE"):
        return Path(own)
    # A relative XDG_CACHE_HOME is to be ignored (XDG Base Directory Specification 0.8).
    if (shared := Path(os.environ.get("XDG_CACHE_HOME", ""))).is_absolute():
        return shared / "seqbench"
    try:
        return Path.home() / ".cache" / "seqbench"
    except RuntimeError:
        return None


def stamp(path: Path) -> list[int]:
    """What tells that a file is still the one that was read: size, times of change in ns, and inode.

    The time of the inode's last change is among them: no copy carries it over, unlike that of the content.
    """
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def is_settled(stamped: list[int]) -> bool:
    """Whether a file's last change is long enough ago for the next one to show in its stamp."""
    newest = max(stamped[1], stamped[2]) / 1e9
    return time.time() - newest >= SETTLED_SECONDS


def recall(topic: str, question: Any) -> Any:
    """What was kept as the answer to a question; None where there is none, or the cache can't be read.

    Args:
        topic: A folder of the cache.
        question: JSON; what the answer depends on, all of it.
    """
    entry = _entry(topic, question)
    try:
        kept = json.loads(entry.read_bytes()) if entry is not None else None
    except (OSError, ValueError):  # none is there, or it is damaged: the answer can be found again
        return None
    return kept["answer"] if isinstance(kept, dict) and kept.get("question") == question else None


def keep(topic: str, question: Any, answer: Any) -> None:
    """Keep an answer, both JSON; does nothing where the cache can't be written."""
    entry = _entry(topic, question)
    if entry is None:
        return
    try:
        with atomic_write(entry, synced=False) as partial:
            partial.write_text(json.dumps({"question": question, "answer": answer}), encoding="utf-8")
    except OSError:  # a full disk or a read-only home must not stop a run that only wanted to save time
        return


def _entry(topic: str, question: Any) -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    name = hashlib.sha256(json.dumps([FORMAT, question]).encode()).hexdigest()[:32]
    return folder / topic / f"{name}.json"
