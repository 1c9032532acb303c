"""Write docs/fault-messages.md: what users can do wrong, and the line that each fault gives."""

import os
import sys
import tempfile
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

HEAD = """# Messages

What can be wrong, and the line that says so. Made by `make docs`: each fault is made in a folder, the command
is run there, and the line that it prints is taken down. A line of a file is named as `file:line`, a key with
dots, the way out in brackets. The exit code is 2 where nothing was done, and 3 where some work failed or
something was found, and the rest is done.
"""


def main() -> None:
    """Print the page."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from tests.faults.running import faults, tell
    from tests.fuzz.world import make_world

    lines = [HEAD]
    with tempfile.TemporaryDirectory() as name:
        os.environ["SEQBENCH_CACHE"] = f"{name}/cache"
        world = make_world(Path(name) / "world")
        for group, cases in groupby(faults(), key=lambda fault: fault.group):
            lines.append(f"## {group}\n")
            for fault in cases:
                told = tell(fault, world)
                lines.append(f"### {fault.about[0].upper()}{fault.about[1:]}\n")
                lines.append(f"```text\n$ seqbench {fault.run}\n{told.line}\n```\n")
                lines.append(f"Exit code {told.exit_code}.\n")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
