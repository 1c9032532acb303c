"""The program that tries one AnnData file; see `trial`."""

import resource
import sys
from pathlib import Path

from seqbench.errors import StoreError
from seqbench.store.exchange.h5ad import try_file

SPARE_BYTES = 2 << 30
"""Memory that a try may take beside a file's size; what is compressed is larger when it is read."""


def limit_memory(path: Path) -> None:
    """Let this process take so much more memory and no more, where the system tells what it has."""
    if (pages := Path("/proc/self/statm")).is_file():
        used = int(pages.read_text().split()[0]) * resource.getpagesize()
        most = used + SPARE_BYTES + path.stat().st_size
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def main(path: Path) -> int:
    """Try one file; print why it can't be read. Exit code 2 is for that, 0 for a sound file."""
    limit_memory(path)
    try:
        try_file(path)
    except StoreError as error:
        sys.stdout.write(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
