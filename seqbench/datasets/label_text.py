"""Labels that are written as text: lists as pandas saves them, numbers in quotes, decimal commas."""

import ast
import re
from collections.abc import Iterable
from typing import Final

WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,5})?")
_COMMA: Final = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]{1,5})?")

LONGEST_LIST: Final = 1_000_000
"""Characters beyond which a text is not tried as a list: no row of labels is that long, and parsing one takes
many times its size in memory."""


def list_in_text(text: str) -> list[object] | None:
    """Read a list of numbers or names that was saved as text; None where the text is none.

    `[0, 1]` and `['a', 'b']` are what pandas writes for lists, `[0 1]` and `[0. 1.]` what it writes for NumPy
    arrays.
    """
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")) or len(text) > LONGEST_LIST:
        return None
    parts = text[1:-1].split()
    if all(NUMBER.fullmatch(part) for part in parts):
        return [int(part) if WHOLE.fullmatch(part) else float(part) for part in parts]
    try:
        found = ast.literal_eval(text.replace("null", "None").replace("nan", "None"))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    fits = isinstance(found, list) and all(isinstance(each, int | float | str | None) for each in found)
    return found if fits else None


def decimal_comma(texts: Iterable[str]) -> str | None:
    """The first number with a decimal comma, if all texts are numbers and at least one has such a comma."""
    first = None
    for text in texts:
        if _COMMA.fullmatch(text):
            first = first or text
        elif not NUMBER.fullmatch(text):
            return None
    return first
