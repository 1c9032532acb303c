"""Damage to valid files: edits of bytes, of lines, and of the values in JSON and YAML.

An edit is three numbers, so Hypothesis can make it smaller and a byte string can stand for it.
"""

import copy
import json
from collections.abc import Callable, Iterable
from typing import Any

Edit = tuple[int, int, int]
"""Which kind of damage, where, and with what; any numbers from 0."""

TOKENS = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\r",
    b"\n",
    b"\n\n",
    b"\t",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 25,
    b"9" * 5000,
    b"-1",
    b"0",
    b"null",
    b"true",
    b'"\\ud800"',
    "é漢".encode(),
    "é".encode("latin-1"),
    "ACGT".encode("utf-16"),
    b"[" * 3000,
    b"{" * 50,
    b"A" * 100_000,
    b'"',
    b"'",
    b"\\",
    b"/../",
    b"{",
    b"]",
    b":",
    b",",
    b"#",
    b">",
    b"&a [*a]",
    b"!!python/name:os.system",
    b"<<: 1",
    b"%s{0}",
    b"\x1b[31m",
)
"""What is inserted: control characters, broken text, numbers out of range, nesting, parts of syntax."""

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    3,
    2**31,
    2**63,
    2**70,
    -(2**70),
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\x00",
    "\ud800",
    "../../x",
    "a\nb",
    "é",
    "x" * 5000,
    [],
    {},
    [None],
    [[]],
    {"a": 1},
    ["x", 1],
    [0, 0, 0],
    "1",
)
"""What takes the place of a value."""


def damage(content: bytes, edits: Iterable[Edit]) -> bytes:
    """Apply edits of bytes to a file's content, one after the other."""
    for kind, at, what in edits:
        content = _BYTES[kind % len(_BYTES)](content, at % (len(content) + 1), what)
    return content


def _flip(content: bytes, at: int, what: int) -> bytes:
    return content[:at] + bytes(byte ^ (what % 255 + 1) for byte in content[at : at + 1]) + content[at + 1 :]


def _cut(content: bytes, at: int, what: int) -> bytes:
    return content[:at]


def _remove(content: bytes, at: int, what: int) -> bytes:
    return content[:at] + content[at + what % 40 + 1 :]


def _insert(content: bytes, at: int, what: int) -> bytes:
    return content[:at] + TOKENS[what % len(TOKENS)] + content[at:]


def _overwrite(content: bytes, at: int, what: int) -> bytes:
    token = TOKENS[what % len(TOKENS)][:40]
    return content[:at] + token + content[at + len(token) :]


def _repeat(content: bytes, at: int, what: int) -> bytes:
    return content[:at] + content[at : at + what % 200 + 1] * 2 + content[at + what % 200 + 1 :]


def _swap_lines(content: bytes, at: int, what: int) -> bytes:
    lines = content.splitlines(keepends=True)
    if len(lines) > 1:
        one, other = at % len(lines), what % len(lines)
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _repeat_line(content: bytes, at: int, what: int) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    return b"".join([*lines[: at % len(lines)], *[lines[at % len(lines)]] * 2, *lines[at % len(lines) + 1 :]])


def _encode(content: bytes, at: int, what: int) -> bytes:
    return content.decode("latin-1").encode(("utf-16", "utf-32", "utf-8-sig", "utf-8", "cp500")[what % 5])


def _zeros(content: bytes, at: int, what: int) -> bytes:
    count = 4 ** (what % 6)
    return content[:at] + bytes(count) + content[at + count :]


_BYTES: tuple[Callable[[bytes, int, int], bytes], ...] = (
    _flip, _insert, _overwrite, _cut, _remove, _repeat, _swap_lines, _repeat_line, _encode, _zeros,
)  # fmt: skip


def distort(value: Any, edits: Iterable[Edit]) -> Any:
    """Apply edits to a value of JSON or YAML: replace, drop, rename, repeat or exchange what it holds."""
    value = json.loads(json.dumps(value))
    for kind, at, what in edits:
        places = list(_places(value))
        if not places:
            return copy.deepcopy(VALUES[what % len(VALUES)])
        holder, key = places[at % len(places)]
        other = places[what % len(places)]
        _VALUES[kind % len(_VALUES)](holder, key, what, other)
    return value


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    """Every key of every mapping and every position of every list."""
    keys = list(value) if isinstance(value, dict) else []
    for key in keys or range(len(value) if isinstance(value, list) else 0):
        yield value, key
        yield from _places(value[key])


def _replace(holder: Any, key: Any, what: int, other: tuple[Any, Any]) -> None:
    holder[key] = copy.deepcopy(VALUES[what % len(VALUES)])


def _drop(holder: Any, key: Any, what: int, other: tuple[Any, Any]) -> None:
    del holder[key]


def _rename(holder: Any, key: Any, what: int, other: tuple[Any, Any]) -> None:
    if isinstance(holder, dict):
        holder[("", "x", "../x", key.upper(), f"{key}s", "é", "0")[what % 7]] = holder.pop(key)
    else:
        holder.append(holder[key])


def _exchange(holder: Any, key: Any, what: int, other: tuple[Any, Any]) -> None:
    holder[key] = json.loads(json.dumps(other[0][other[1]]))


def _wrap(holder: Any, key: Any, what: int, other: tuple[Any, Any]) -> None:
    holder[key] = [holder[key]] if what % 2 else {"x": holder[key]}


def _scale(holder: Any, key: Any, what: int, other: tuple[Any, Any]) -> None:
    if isinstance(holder[key], int | float):
        number = holder[key]
        holder[key] = (-number, number * 10, number + 1, number * 10**12, float(number))[what % 5]
    else:
        holder[key] = str(holder[key])


_VALUES: tuple[Callable[[Any, Any, int, tuple[Any, Any]], None], ...] = (
    _replace, _replace, _drop, _rename, _exchange, _wrap, _scale,
)  # fmt: skip


def as_json(value: Any) -> bytes:
    """A value as JSON, with NaN, Infinity and lone surrogates as they are."""
    return json.dumps(value).encode()
