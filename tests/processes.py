"""Command lines as processes of their own, found again by a mark in their environment."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Marked:
    """A process, and all that it starts."""

    def __init__(self, *command: object, cwd: Path | None = None) -> None:
        self._mark = f"SEQBENCH_TEST_MARK={uuid.uuid4().hex}"
        name, value = self._mark.split("=")
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env=os.environ | {name: value, "PYTHONPATH": path},
            start_new_session=True,  # a terminal's Ctrl-C is for this group alone
        )

    def members(self) -> dict[int, str]:
        """Processes that carry the mark, with their command lines."""
        found = {}
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and self._mark.encode() in (folder / "environ").read_bytes():
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if command:  # zombies have none
                        found[int(folder.name)] = command
            except OSError:
                continue
        return found

    def workers(self) -> list[int]:
        """Worker processes of a cluster that it started."""
        return sorted(pid for pid, command in self.members().items() if "spawn_main" in command)

    def signal_group(self, number: int) -> None:
        """What a terminal does at Ctrl-C."""
        os.killpg(self.process.pid, number)

    def ends(self, seconds: float = 120) -> tuple[int, str]:
        """Wait for it: exit code and output."""
        out, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, out

    def clean_up(self) -> None:
        """End what is left."""
        for pid in self.members():
            os.kill(pid, 9)
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def seqbench_process(*arguments: object) -> Marked:
    """A `seqbench` command as a process."""
    return Marked(sys.executable, "-m", "tests.main", *arguments, cwd=ROOT)


def until(true: Callable[[], object], seconds: float = 120) -> bool:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False
