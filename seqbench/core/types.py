"""The words that every package shares: tasks, splits, and what a name may look like."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Literal

from seqbench.errors import ConfigError

SplitName = Literal["train", "eval", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "eval", "test")


Dtype = Literal["float32", "bfloat16", "float16"]
"""Floating-point type in which a model computes."""
Pooling = Literal["mean", "max", "cls", "last"]
"""How the tokens of a sequence become one vector."""
Overlong = Literal["window", "truncate", "error"]
"""What happens to a sequence of more tokens than the model takes."""
Strands = Literal["none", "mean", "concat"]
"""What is made of a sequence and its reverse complement: the first alone, their average, or side by side."""
Oversize = Literal["window", "skip"]
"""What happens to a sequence that does not fit in memory alone: cut further, or named and left out."""
Unreadable = Literal["error", "skip"]
"""What happens to a sequence that a tokenizer makes no token of, or refuses: an error, or left out."""
StoreDtype = Literal["float32", "float16"]
"""Floating-point type in which embeddings are stored."""
TableFormat = Literal["tsv", "csv", "md", "tex", "json"]
"""How a table of the report is written."""
FigureFormat = Literal["png", "svg", "pdf"]
"""How a figure of the report is written."""

Level = Literal["item", "token"]
"""What a label is of: an item, or each letter of its sequence."""

Severity = Literal["red", "yellow", "green"]
"""Of an audit's finding: red invalidates what is measured; yellow is what readers of a score must know."""


class Task(StrEnum):
    """What a data set's labels are, in the spelling of the reference's `eval_task`."""

    CLASSIFICATION = "classification"
    """One int an item: binary or multi-class."""
    LABELS = "labels"
    """A list of 0/1 ints an item: multi-label."""
    REGRESSION = "regression"
    """A list of floats an item: one or more targets."""
    PERTURBATION = "perturbation"
    """Cells that were perturbed: an item is a perturbation, what is predicted its response."""


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=@-]{0,127}")


def check_name(name: str, what: str) -> str:
    """Return `name` if it can safely be a folder of a store and a key of a catalog.

    Args:
        name: Of a model or data set.
        what: `model`, `data set` and the like, for the message.

    Raises:
        ConfigError: The name is empty, over 128 characters, starts with a dot or dash, or holds anything but
            letters, digits and `_ . + = @ -` (so no path separator).
    """
    if not _NAME.fullmatch(name):
        out = {"model": "set `name:` to another", "data set": "rename its folder"}.get(what, "rename it")
        raise ConfigError(
            f"{what} name {name!r} can't be used: start with a letter, digit or _ and go on with letters, "
            f"digits and _ . + = @ - ({out})"
        )
    return name


def check_dataset_name(name: str) -> str:
    """Return `name` if it is that of a data set, or of one of its targets: `data set/target`.

    Raises:
        ConfigError: As of `check_name`, for either part.
    """
    dataset, slash, target = name.partition("/")
    check_name(dataset, "data set")
    if slash:
        check_name(target, "target")
    return name


REMOTE_SCHEMES: dict[str, str | None] = {"s3": "s3fs", "gs": "gcsfs", "memory": None}
"""Schemes of URLs at which a store may lie, and the package that each needs beside fsspec."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)


def check_store_path(path: str | Path) -> Path | str:
    """Tell a local path from a URL of an object store.

    Args:
        path: As a user gives it. A URL that was made a `Path` on its way, and so lost a slash, is mended.

    Returns:
        A `Path` for a place on this machine, `file://` taken off; else the URL without a slash at its end.

    Raises:
        ConfigError: The scheme is not one of `REMOTE_SCHEMES`, the URL names no bucket, or it carries
            credentials or options, which would end up in messages and in the catalog.
    """
    parts = _URL.fullmatch(str(path))
    if parts is None or ("://" not in str(path) and parts[1] not in (*REMOTE_SCHEMES, "file")):
        return Path(path)
    scheme, rest = parts[1].lower(), parts[2].rstrip("/")
    if scheme == "file":
        return Path("/", rest)
    if scheme not in REMOTE_SCHEMES:
        known = ", ".join(f"{name}://" for name in REMOTE_SCHEMES)
        raise ConfigError(f"{scheme}:// can't hold a store: give a local path, or a URL with {known}")
    if re.search("[@:]", rest.partition("/")[0]) or re.search("[?#]", rest):
        raise ConfigError(
            f"a {scheme}:// URL must hold no credentials or options: give those in the environment "
            "(S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL) or in the provider's own files"
        )
    if not rest:
        raise ConfigError(f"{scheme}:// names no bucket: write {scheme}://bucket/folder")
    return f"{scheme}://{rest}"
