"""Writing the report's files: whole or not at all."""

from pathlib import Path

from seqbench.core.atomic import write_atomically
from seqbench.errors import ConfigError


def write_file(path: Path, content: str | bytes) -> Path:
    """Write a file beside its place and then rename it, so that a reader never sees half of it.

    Text is written as UTF-8 with line ends as they are. The folder is made if need be. A file that holds just
    this already is left alone, so that its time tells when it changed.

    Raises:
        ConfigError: It can't be written there.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return path
        write_atomically(path, data)
    except OSError as error:
        raise ConfigError(
            f"{path}: the report can't be written: {error.strerror} (name another place as `report.out`)"
        ) from error
    return path
