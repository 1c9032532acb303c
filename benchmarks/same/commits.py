"""Runs of a config by the code of a commit."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MAIN = "from seqbench.cli.main import main; main()"
SAME = ("--set", "extract.tokens_per_batch=4096")
"""A measured budget depends on the moment, and an embedding's last bit on who shares its batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The code of a commit, checked out, and a folder for what it computes."""

    code: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which the running interpreter finds this commit's code, with a cache of its own."""
        return os.environ | {"PYTHONPATH": str(self.code), "SEQBENCH_CACHE": str(self.folder / "cache")}

    def seqbench(self, *arguments: str) -> None:
        """Run a command of this commit's seqbench with the packages of the running interpreter."""
        command = [sys.executable, "-c", MAIN, *arguments]
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def places(self) -> list[str]:
        """Overrides of a config that put its store, catalog and report into this commit's folder."""
        places = {"store.path": "embeddings.zarr", "catalog": "catalog.duckdb", "report.out": "report"}
        return [
            part for key, name in places.items() for part in ("--set", f"{key}={self.folder / 'out' / name}")
        ]

    def run(self, config: Path, settings: Sequence[str]) -> Path:
        """Run a config, report included.

        Returns:
            The folder of its store and catalog.
        """
        asked = [part for setting in settings for part in ("--set", setting)]
        self.seqbench("run", str(config), *self.places(), *SAME, *asked)
        return self.folder / "out"

    def demo(self) -> Path:
        """Write this commit's demo.

        Returns:
            Its config.
        """
        self.seqbench("config", "init", str(self.folder / "demo"))
        return self.folder / "demo" / "demo.yaml"

    def run_demo(self) -> Path:
        """Write this commit's demo and run it."""
        return self.run(self.demo(), ())


@contextmanager
def checked_out(name: str, within: Path) -> Iterator[Commit]:
    """Check a commit out into a folder, as long as it is needed.

    Args:
        name: Whatever git takes for a commit.
        within: An existing folder; the commit gets two folders in it.
    """
    git = ["git", "-C", str(REPOSITORY)]
    spoken = subprocess.run(
        [*git, "rev-parse", "--short", f"{name}^{{commit}}"], capture_output=True, text=True
    )
    if spoken.returncode:
        sys.exit(f"{name}: no commit of {REPOSITORY}")
    place = within / spoken.stdout.strip()
    (place / "out").mkdir(parents=True)
    code = place / "code"
    subprocess.run([*git, "worktree", "add", "--quiet", "--detach", str(code), name], check=True)
    try:
        yield Commit(code=code, folder=place)
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(code)], check=True)
