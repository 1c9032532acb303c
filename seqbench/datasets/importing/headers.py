"""What headers of FASTA say: pairs of keys and values, fields, and the label among them."""

import re
from collections.abc import Callable
from typing import Final

from seqbench.datasets.importing.record import shorten
from seqbench.errors import DataError

HeaderLabel = Callable[[str], str | None]
"""Gives the label that a header holds, or None."""

_KEY: Final = re.compile(r"(?:^|[\s|;,=]|(\[))([^\s|;,=\[\]]+)=")
_NUMBER: Final = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?(?=\s)")


def header_pairs(header: str) -> dict[str, str]:
    """The `key=value` pairs of a header; of a key that stands there twice, the last.

    A value reaches to the next pair, or to `|` or `;`, so it may hold blanks and commas, as those of UniProt
    do: `OS=Escherichia coli (strain K12) OX=83333` (pyteomics 5.0.1 reads them so, too). A number ends at a
    blank, and `[organism=Homo sapiens]`, as NCBI writes it, at its bracket.
    """
    found = {}
    keys = list(_KEY.finditer(header))
    for number, match in enumerate(keys):
        end = keys[number + 1].start() if number + 1 < len(keys) else len(header)
        value = re.split(r"\]" if match[1] else r"[|;]", header[match.end() : end], maxsplit=1)[0]
        value = value.strip().rstrip(",").rstrip()
        found[match[2]] = number_match[0] if (number_match := _NUMBER.match(value)) else value
    return found


def header_label(
    key: str | None, number: int | None, separator: str, regex: str | None
) -> HeaderLabel | None:
    """The way to a header's label that was chosen, or None.

    Raises:
        DataError: It is wrong in itself.
    """
    if key is not None:
        return label_by_key(key)
    if number is not None:
        return label_by_field(number, separator)
    return None if regex is None else label_by_regex(regex)


def label_by_key(key: str) -> HeaderLabel:
    """Headers such as `>id label=promoter`, read as `header_pairs` reads them."""
    return lambda header: header_pairs(header).get(key)


def label_by_field(number: int, separator: str) -> HeaderLabel:
    """Headers such as `>id|chr1|1`, fields counted from 1, from -1 backwards.

    Raises:
        DataError: The number is 0, or there is no separator.
    """
    if number == 0:
        raise DataError("--label-field counts from 1 (or from -1 backwards)")
    if not separator:
        raise DataError("--field-separator must be some text, such as |")

    def label(header: str) -> str | None:
        fields = header.split(separator)
        position = number - 1 if number > 0 else len(fields) + number
        return fields[position].strip() if 0 <= position < len(fields) else None

    return label


def label_by_regex(text: str) -> HeaderLabel:
    """Headers in which a regular expression finds the label: its group `label`, else its first group.

    Raises:
        DataError: It is no regular expression or has no group.
    """
    try:
        pattern = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise DataError(f"--label-regex {shorten(text)} is no regular expression: {error}") from error
    if not pattern.groups:
        raise DataError(
            f"--label-regex {shorten(text)} has no group (put the label in brackets, such as 'class=(.+)')"
        )
    group: int | str = "label" if "label" in pattern.groupindex else 1

    def label(header: str) -> str | None:
        match = pattern.search(header)
        return None if match is None else match[group]

    return label
