"""Records that were written as JSON, read back: every value is of the type that its field has, or it is told.

A file may be damaged, or written by hand or by another program. What passes here can be computed with.
"""

import json
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_T = TypeVar("_T")

_SAID = {"missing": "is missing", "unexpected_keyword_argument": "is an unknown key"}
"""Shorter than what pydantic says, by its types of errors."""

_ADAPTERS: "dict[Any, TypeAdapter[Any]]" = {}
"""Made once a type: it takes milliseconds."""


def read_record(kind: type[_T], content: object) -> _T:
    """Make a dataclass of what its JSON holds; nothing is converted but lists to tuples and text to enums.

    Args:
        kind: A dataclass, or another type that holds some.
        content: As `json.loads` gave it.

    Raises:
        ValueError: A key is missing, unknown or of another type; names the first in one line.
    """
    from pydantic import ValidationError

    hashable: Any = kind
    try:
        found: _T = _adapter(hashable).validate_json(json.dumps(content), strict=True, extra="forbid")
        return found
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = _SAID.get(first["type"], first["msg"])
        raise ValueError(f"{place[:80]}: {said}" if place else said) from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _adapter(kind: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
