"""What may be shown and recorded: text without secrets, and without characters that steer a terminal.

Messages of other libraries quote addresses with user, password and signature, and headers with tokens.
Every error that a user sees, every remark and what a run records of its config go through here.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
"""Stands where a secret was."""

LEAST_LETTERS = 8
"""A shorter value of the environment is no key, and hiding `1` or `true` would spoil every message."""

_SECRET_NAME = re.compile(r"(KEY|KEY_ID|SECRET|TOKEN|PASSWORD|PASSWD)$", re.IGNORECASE)
"""How names of variables end that hold secrets: WANDB_API_KEY, AWS_SECRET_ACCESS_KEY, HF_TOKEN."""

_USER = re.compile(r"\b([a-z][a-z0-9+.-]*:/{1,3})[^\s/\"'<>]+@", re.IGNORECASE)
"""User and password, which may hold an `@`, of an address; one that was taken for a path has lost a slash."""

_QUERY = re.compile(r"\b([a-z][a-z0-9+.-]*:/{1,3}[^\s?\"'<>]*\?)[^\s\"'<>]+", re.IGNORECASE)
"""What an address is asked with: signatures of S3 and Google Cloud Storage stand there."""

_ASSIGNED = re.compile(r"\b([A-Z0-9_]*(?:KEY|SECRET|TOKEN|PASSWORD|PASSWD)=)[^\s,;\"']+")
"""A variable that is given a value, as in `--export=ALL,WANDB_API_KEY=…` of SLURM."""

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and those that turn the direction of writing."""


def redact(text: str) -> str:
    """Take secrets out of a text: of addresses, of assignments, and the values of secret variables."""
    for value in _secrets():
        text = text.replace(value, HIDDEN)
    text = _USER.sub(rf"\1{HIDDEN}@", text) if "@" in text else text
    text = _QUERY.sub(rf"\1{HIDDEN}", text) if "?" in text else text
    return _ASSIGNED.sub(rf"\1{HIDDEN}", text)


def redact_all(value: Any) -> Any:
    """The same for every text in lists and mappings, as JSON has them; keys stay."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: redact_all(inner) for key, inner in value.items()}
    return [redact_all(inner) for inner in value] if isinstance(value, list | tuple) else value


def legible(text: str) -> str:
    """A message as it may be shown: without secrets, and `printable`."""
    return printable(redact(text))


def printable(text: str) -> str:
    r"""A text with characters that would steer a terminal written out, as `\x1b`."""
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def _secrets() -> list[str]:
    """Values of the environment's secret variables, the longest first, as one may be part of another."""
    found = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    return sorted((value for value in found if len(value) >= LEAST_LETTERS), key=len, reverse=True)
