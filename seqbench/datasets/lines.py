"""One line of a JSONL split as an object, and what stands under its keys."""

import hashlib
import json
import reprlib

from seqbench.datasets.labels import LineError


def parse_object(raw: bytes) -> dict[str, object]:
    """A line of JSONL.

    Raises:
        LineError: It is no object, or no JSON or UTF-8 text.
    """
    # RecursionError: thousands of nested brackets; ValueError also covers numbers of over 4,300 digits.
    try:
        item = json.loads(raw.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise LineError(f"not JSON: {error.msg}, at character {error.pos + 1} of the line") from error
    except UnicodeDecodeError as error:
        raise LineError(f"not UTF-8 text, at byte {error.start + 1} of the line") from error
    except (ValueError, RecursionError) as error:
        raise LineError(f"not usable JSON: {error}") from error
    if not isinstance(item, dict):
        raise LineError(f'must be an object like {{"seq": "ACGT", "label": 0}}, got {reprlib.repr(item)}')
    return item


def id_text(value: object) -> str | None:
    """What stands under a key of ids as text; None where it can't be an id."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def group_hash(key: str, item: dict[str, object]) -> int:
    """A hash of the group that an item is in: the same for equal groups of any file."""
    value = item.get(key)
    if not isinstance(value, str | int) or isinstance(value, bool):
        said = f"got {reprlib.repr(value)}" if key in item else no_key(key, item)
        raise LineError(f"{key!r} must be a text or whole number, {said} (see group_key)")
    digest = hashlib.blake2b(str(value).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def infer_keys(item: dict[str, object]) -> tuple[str, ...]:
    """The keys of an item's sequences: `seq`, else `seq1` … `seqN`.

    Raises:
        LineError: It has none of them.
    """
    keys = ("seq",) if "seq" in item else numbered_keys(item)
    if not keys:
        raise LineError(f"{no_key('seq', item)}, nor seq1, seq2 … (set seq_key in datasets_info.yaml)")
    return keys


def numbered_keys(item: dict[str, object]) -> tuple[str, ...]:
    """Those of `seq1`, `seq2` … that an item has, up to the first that it lacks."""
    count = 0
    while f"seq{count + 1}" in item:
        count += 1
    return tuple(f"seq{number}" for number in range(1, count + 1))


def without_white_space(sequence: str) -> str:
    """A sequence without spaces, line ends and the like."""
    return "".join(sequence.split())


def sequence_of(item: dict[str, object], key: str) -> str:
    """The sequence under a key.

    Raises:
        LineError: There is none, or it is no text or empty.
    """
    if key not in item:
        raise LineError(f"{no_key(key, item)} (set seq_key in datasets_info.yaml)")
    sequence = item[key]
    if not isinstance(sequence, str):
        raise LineError(f"{key!r} must be a string, got {reprlib.repr(sequence)}")
    if not sequence:
        raise LineError(f"{key!r} is an empty sequence (drop the item)")
    return sequence


def no_key(key: str, item: dict[str, object]) -> str:
    """Says that an item lacks a key, and which it has."""
    return f"no key {key!r}, only {reprlib.repr(list(item))}"
