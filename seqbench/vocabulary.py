"""The words that every package shares: tasks, splits, and what a name may look like."""

import re
from enum import StrEnum
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


class Task(StrEnum):
    """What a data set's labels are, in the spelling of the reference's `eval_task`."""

    CLASSIFICATION = "classification"
    """One int an item: binary or multi-class."""
    LABELS = "labels"
    """A list of 0/1 ints an item: multi-label."""
    REGRESSION = "regression"
    """A list of floats an item: one or more targets."""


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=@-]{0,127}")


def check_name(name: str, what: str) -> str:
    """Return `name` if it can safely be a folder of a store and a key of a catalog.

    Args:
        name: Of a model or data set.
        what: `model` or `data set`, for the message.

    Raises:
        ConfigError: The name is empty, over 128 characters, starts with a dot or dash, or holds anything but
            letters, digits and `_ . + = @ -` (so no path separator).
    """
    if not _NAME.fullmatch(name):
        out = "set `name:` to another" if what == "model" else "rename its folder"
        raise ConfigError(
            f"{what} name {name!r} can't be used: start with a letter, digit or _ and go on with letters, "
            f"digits and _ . + = @ - ({out})"
        )
    return name
