"""Indexes of splits, kept in the user's cache folder so that a 30 GB file is scanned once."""

import hashlib
import json
import os
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np

from seqbench.core.atomic import atomic_write
from seqbench.core.kept import is_settled, stamp
from seqbench.core.texts import PackedTexts
from seqbench.core.types import Task
from seqbench.datasets.index import Reading, SplitIndex
from seqbench.datasets.letters import LetterLabels

FORMAT = 6
"""Raised whenever a scan checks or keeps something else; older caches are then scanned anew."""

SMALLEST_BYTES = 30_000
"""Smaller files are not cached: scanning 1 MB takes 3 ms (1 Mbp lines) to 55 (23 letters), loading 1."""

_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
_ARRAYS = ("offsets", "lines", "lengths", "labels", "letters")


class IndexCache:
    """Indexes of splits by what was asked of them; a speed-up only, so trouble with it means a new scan."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "index"

    def load(self, path: Path, reading: Reading) -> SplitIndex | None:
        """The index that a scan of `path` with this reading would give, or None if it isn't cached."""
        try:
            stamped = stamp(path)
            with np.load(self._entry(path, reading), allow_pickle=False) as stored:
                about = json.loads(str(stored["about"]))
                if about["file"] != stamped:
                    return None
                arrays = {name: stored[name] for name in _ARRAYS}
                ids = None
                if about["has_ids"]:
                    ids = PackedTexts(utf8=stored["ids_utf8"], ends=stored["ids_ends"])
                letter_labels = None
                if reading.level == "token":
                    letter_labels = LetterLabels(
                        task=Task(about["task"]),
                        values=stored["letter_values"],
                        offsets=stored["letter_offsets"],
                        names=tuple(about["class_names"]),
                    )
                groups = stored["groups"] if reading.group_key is not None else None
            return SplitIndex(
                path=path,
                task=Task(about["task"]),
                seq_keys=tuple(about["seq_keys"]),
                label_key=reading.label_key,
                sha256=about["sha256"],
                class_names=tuple(about["class_names"]),
                remarks=tuple(about["remarks"]),
                white_space=about["white_space"],
                ids=ids,
                groups=groups,
                letter_labels=letter_labels,
                size=stamped[0],
                mtime_ns=stamped[1],
                **arrays,
            )
        # A cache may be damaged, half gone or unreadable; the data set is still there to be scanned.
        except _DAMAGE:
            return None

    def save(self, index: SplitIndex, reading: Reading) -> None:
        """Keep an index under what was asked for; does nothing for small files and unwritable folders."""
        if index.size < SMALLEST_BYTES:
            return
        entry = self._entry(index.path, reading)
        # A full disk or a read-only home must not stop a run that only wanted to save time.
        try:
            stamped = stamp(index.path)
            if stamped[:2] != [index.size, index.mtime_ns] or not is_settled(stamped):
                return
            about = {
                "file": stamped,
                "task": index.task.value,
                "seq_keys": index.seq_keys,
                "sha256": index.sha256,
                "class_names": index.class_names,
                "remarks": index.remarks,
                "white_space": index.white_space,
                "has_ids": index.ids is not None,
            }
            arrays = {name: getattr(index, name) for name in _ARRAYS}
            if index.ids is not None:
                arrays |= {"ids_utf8": index.ids.utf8, "ids_ends": index.ids.ends}
            if (letters := index.letter_labels) is not None:
                arrays |= {"letter_values": letters.values, "letter_offsets": letters.offsets}
            if index.groups is not None:
                arrays["groups"] = index.groups
            with atomic_write(entry, synced=False) as partial, partial.open("wb") as file:
                np.savez(file, about=np.array(json.dumps(about)), **arrays)
        except OSError:
            return

    def _entry(self, path: Path, reading: Reading) -> Path:
        text = json.dumps([FORMAT, os.path.realpath(path), asdict(reading)])
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
