"""The named faults of `cases.yaml`: each makes its fault in a folder and runs a command there."""

import contextlib
import shlex
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.command import seqbench

CASES = Path(__file__).with_name("cases.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault and the command that meets it."""

    group: str
    about: str
    """What is wrong, in few words; unique."""
    run: str
    """The command without `seqbench`, run in the folder."""
    takes: tuple[str, ...] = ()
    """Files and folders of the valid world that are copied into the folder first."""
    files: dict[str, str] = field(default_factory=dict)
    """Texts that are written."""
    cut: dict[str, int] = field(default_factory=dict)
    """How many bytes of a file stay."""
    change: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What in a text file is replaced, and by what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a user sees of a fault."""

    exit_code: int
    line: str


def faults() -> list[Fault]:
    """All cases, in the order of the file."""
    content = yaml.safe_load(CASES.read_text(encoding="utf-8"))
    return [Fault(group=group, **case) for group, cases in content.items() for case in cases]


def tell(fault: Fault, world: Path) -> Told:
    """Make the fault in a fresh folder and run its command there."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = Path(name).resolve()
        _make(fault, world, folder)
        done = seqbench(*shlex.split(fault.run))
        assert done.exception is None or isinstance(done.exception, SystemExit), (fault.about, done.exception)
        lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        signs = (
            ("seqbench: ",) if done.exit_code == 2 else ("failed: ", "can't be worked on: ", "warning: ", "")
        )
        found = [line for sign in signs for line in lines if line.startswith(sign) and line.strip()]
        assert found, (fault.about, done.exit_code, done.output)
        line = found[0]
        return Told(exit_code=done.exit_code, line=line.replace(f"{folder}/", "").replace(str(folder), "."))


def _make(fault: Fault, world: Path, folder: Path) -> None:
    for name in fault.takes:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (world / name).is_dir():
            shutil.copytree(world / name, folder / name)
        else:
            shutil.copy(world / name, folder / name)
    for name, text in fault.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for name, size in fault.cut.items():
        (path,) = folder.glob(name)
        path.write_bytes(path.read_bytes()[:size])
    for name, (old, new) in fault.change.items():
        (path,) = folder.glob(name)
        text = path.read_text(encoding="utf-8")
        assert old in text, (fault.about, text)
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
