"""Errors that users can cause: each is one line that names the place and the way out.

The command line prints a `SeqbenchError` without a traceback and exits with 2; anything else is a bug.
Each class is also the builtin that generic code would expect.
"""

import os
import re

from seqbench.core.redaction import legible


class SeqbenchError(Exception):
    """The user's input is at fault; the message says what, where and what to do.

    Its text holds no secrets, though it may quote what a library said of an address or a header.
    """

    def __str__(self) -> str:
        return legible(super().__str__())


class ConfigError(SeqbenchError, ValueError):
    """A config file, a key in it, or an override is wrong."""


class DataError(SeqbenchError, ValueError):
    """A data set or one of its lines is wrong."""


class ModelError(SeqbenchError, ValueError):
    """A model can't be loaded or can't be used as asked."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """There is no model where the config says."""


class NotApplicableError(SeqbenchError):
    """This model can't embed this data set by its nature; the pair is skipped, which is no failure."""


class StoreError(SeqbenchError):
    """The embedding store is damaged, of another format, or used wrongly."""


class StoreNotFoundError(StoreError, FileNotFoundError):
    """There is no store, or nothing of that name in it."""


class StoreMismatchError(StoreError):
    """The store holds embeddings of this name made from other weights, data or settings."""


class CatalogError(SeqbenchError):
    """The catalog is damaged, of a newer version, locked, or a query is wrong."""


class CatalogNotFoundError(CatalogError, FileNotFoundError):
    """There is no catalog at that path."""


class TrainingError(SeqbenchError, ValueError):
    """A network can't be trained with what it was given, or its state can't be written."""


class ProbeError(SeqbenchError, ValueError):
    """A probe can't be trained on what it was given."""


_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


def disk_error(error: BaseException) -> OSError | None:
    """What the system said, of an error that a library made while it heard it; None for other errors.

    torch.save ends with a RuntimeError of its own where a disk is full. safetensors and other libraries in
    Rust quote the system in theirs, with its number.
    """
    known: BaseException | None = error
    while known is not None and not isinstance(known, OSError):
        known = known.__cause__ or known.__context__
    if known is None and (quoted_number := _SYSTEM_ERROR.search(str(error))):
        number = int(quoted_number[1])
        return OSError(number, os.strerror(number))
    return known


LONGEST_SAID = 200
"""Letters that a message quotes of what a library says: some repeat the whole of a damaged value."""


def said(error: BaseException) -> str:
    """What an error says, for the end of another message: its first line, shortened, or else its type."""
    return _shortened((str(error).strip().splitlines() or [type(error).__name__])[0])


def quoted(value: object) -> str:
    """A recorded value for a message: on one line and shortened, since what was recorded may be damaged."""
    text = str(value)
    return _shortened(text if text.isprintable() else ascii(text))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SAID else f"{text[: LONGEST_SAID - 1]}…"
