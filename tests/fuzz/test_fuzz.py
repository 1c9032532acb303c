"""Whatever a file holds: success or one line that names it, in bounded time and memory, and nothing changed.

`SEQBENCH_FUZZ=2000 pytest tests/fuzz` tries that many damages of each kind of file.
"""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.checking import check
from tests.fuzz.damaging import damaged
from tests.fuzz.subjects import SUBJECTS, copy_of

EXAMPLES = int(os.environ.get("SEQBENCH_FUZZ", "0"))
NUMBERS = st.integers(0, 65_535)
EDITS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=3)
SLOW = (
    "plan", "anndata", "store metadata, probe", "store chunks, run", "catalog tables", "model json",
    "model weights", "adapter config", "adapter weights",
)  # fmt: skip
"""Take a second or so each, so the default suite leaves them out."""


def subjects() -> list[object]:
    return [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in SUBJECTS]


@pytest.mark.parametrize("name", subjects())
def test_a_damaged_file_is_read_or_told_in_one_line(name: str, world: Path) -> None:
    subject = SUBJECTS[name]
    budget = EXAMPLES or (10 if name in SLOW else 6)

    @settings(max_examples=budget, derandomize=not EXAMPLES, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(which=NUMBERS, edits=EDITS, structured=st.booleans())
    def holds(which: int, edits: list[tuple[int, int, int]], structured: bool) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            names = copy_of(world, subject, folder)
            path = folder / names[which % len(names)]
            path.write_bytes(damaged(path.read_bytes(), subject.form, edits, structured=structured))
            if subject.own_process:
                assert _in_own_process(name, folder, str(path.relative_to(folder))) == 0
            else:
                check(subject, folder, str(path.relative_to(folder)))

    holds()


@pytest.mark.parametrize("name", list(SUBJECTS))
def test_what_is_not_damaged_is_read(name: str, world: Path, tmp_path: Path) -> None:
    names = copy_of(world, SUBJECTS[name], tmp_path)
    assert names
    told = check(SUBJECTS[name], tmp_path, names[0])
    assert told is None or "planted.json" in told or "d: the shortest sequence" in told


def _in_own_process(name: str, folder: Path, damaged_file: str) -> int:
    """Check in a child, so that a library which brings its process down is a finding and not the end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            check(SUBJECTS[name], folder, damaged_file)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_edits_change_files_and_values(world: Path) -> None:
    content = (world / "my.yaml").read_bytes()
    assert len({damaged(content, "yaml", [(kind, 9, 4)], structured=False) for kind in range(10)}) > 7
    record = json.dumps({"a": [1, {"b": 2}]}).encode()
    assert len({damaged(record, "json", [(kind, 1, 1)], structured=True) for kind in range(7)}) > 4
