r"""The steps that clean a corpus, by name: what each does to a document, or which documents stay.

strip             " The cell \n"   ->  "The cell"
collapse_blanks   "a \t b"         ->  "a b"
windows=4         "ACGTACG"        ->  "ACGT", "ACG"
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from seqbench.errors import ConfigError

_BLANKS: Final = re.compile(r"\s+")


class Cleaned(NamedTuple):
    """A document on its way through the steps."""

    text: str
    group: str | None


Change = Callable[[str], Iterator[str]]
"""What becomes of a text: none, one or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step as it was asked for."""

    name: str
    value: float | None = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value:g}"

    @property
    def change(self) -> Change | None:
        """What it does to a document by itself; None for steps that compare documents."""
        make = CHANGES.get(self.name)
        return None if make is None else make(0 if self.value is None else self.value)


def _strip(value: float) -> Change:
    return lambda text: iter((text.strip(),))


def _collapse(value: float) -> Change:
    return lambda text: iter((_BLANKS.sub(" ", text),))


def _upper(value: float) -> Change:
    return lambda text: iter((text.upper(),))


def _drop_short(value: float) -> Change:
    return lambda text: iter((text,) if len(text) >= value else ())


def _windows(value: float) -> Change:
    size = int(value)
    return lambda text: windows_of(text, size) if len(text) > size else iter((text,))


def windows_of(text: str, size: int) -> Iterator[str]:
    """Cut a text into windows of at most so many letters, one after the other.

    A text with blanks is cut at the last one that fits, which is left out; a word that is longer than a
    window is cut.
    """
    start = 0
    while len(text) - start > size:
        end = start + size
        blank = end if text[end].isspace() else max(text.rfind(each, start, end) for each in " \n\t")
        if blank > start:
            yield text[start:blank]
            start = blank + 1
        else:
            yield text[start:end]
            start = end
    if start < len(text):
        yield text[start:]


CHANGES: Final[Mapping[str, Callable[[float], Change]]] = {
    "strip": _strip,
    "collapse_blanks": _collapse,
    "upper": _upper,
    "drop_short": _drop_short,
    "windows": _windows,
}
VALUES: Final[Mapping[str, tuple[float, float, str, float | None]]] = {
    "drop_short": (1, 2**31, "letters that a document must have", 1.0),
    "windows": (16, 2**31, "letters of a window", None),
    "dedupe_near": (0.5, 1.0, "least identity of a near-duplicate", 0.9),
    "hold_out": (0.0, 1.0, "share of the documents", 0.05),
}
"""Steps that take a value: smallest, largest, what it means, what it is if none is given (None: needed)."""

HELP: Final[Mapping[str, str]] = {
    "strip": "take white space from both ends of a document",
    "collapse_blanks": "write each run of white space as one space",
    "upper": "write in capitals",
    "drop_short": "leave out documents of fewer letters (drop_short=20; 1, so only empty ones, if not said)",
    "windows": "cut longer documents into windows of so many letters (windows=1000), text between words",
    "dedupe": "of equal documents keep the first",
    "dedupe_near": "of near-duplicates keep the first (dedupe_near=0.9: least identity)",
    "hold_out": "put a share of the documents, or whole groups, into a file of their own (hold_out=0.05)",
}
"""All steps, and what each does."""


def read_step(text: str) -> Step:
    """A step as it is written, such as `strip` or `windows=1000`.

    Raises:
        ConfigError: There is none of that name, or its value is missing or out of range.
    """
    name, sign, given = (part.strip() for part in text.partition("="))
    if name not in HELP:
        raise ConfigError(f"--step {text}: there is no such step (there are {', '.join(HELP)})")
    if name not in VALUES:
        if sign:
            raise ConfigError(f"--step {text}: {name} takes no value")
        return Step(name=name)
    least, most, meaning, default = VALUES[name]
    if not sign:
        if default is None:
            raise ConfigError(f"--step {name}: needs a value, the {meaning} ({name}=1000)")
        return Step(name=name, value=default)
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    whole = name in ("drop_short", "windows")
    if (
        not least <= value <= most
        or (whole and value != int(value))
        or (name == "hold_out" and value in (0, 1))
    ):
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"--step {text}: must be {kind} from {least:g} to {most:g}, the {meaning}")
    return Step(name=name, value=value)
