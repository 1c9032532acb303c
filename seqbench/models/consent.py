"""Whose code may run: what the files of a checkpoint ask transformers to load beside weights.

Consent is given for one model. Its `auto_map` may name another repository (`owner/name--module.Class`), whose
newest code transformers would fetch and run; its config may name an attention that is a kernel on the hub.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from seqbench.errors import ModelError

MAPS: Final = ("config.json", "tokenizer_config.json")
"""Files that may map the Auto classes of transformers to code."""

OWN_ATTENTION: Final = ("eager", "sdpa")
"""What a checkpoint may choose: these are torch's own. Every other may come from the hub as compiled code."""


def code_arguments(folder: Path, *, path: str, revision: str | None, consents: bool) -> dict[str, Any]:
    """What transformers is told about running code of a checkpoint.

    Args:
        folder: The checkpoint's files.
        path: The folder, or the hub id that they come from.
        revision: The commit of a hub id.
        consents: Whether the user lets code of this checkpoint run.

    Raises:
        ModelError: Code of another repository would run.
    """
    arguments: dict[str, Any] = {"trust_remote_code": consents}
    for name in MAPS if consents else ():
        for reference in _texts(_read(folder / name).get("auto_map")):
            repository, separator, _ = reference.rpartition("--")
            if separator and (repository != path or revision is None):
                raise ModelError(
                    f"{folder / name}: takes code from {repository}, which consent to {path} does not cover "
                    f"(copy its .py files into a folder with the model's, and take `{repository}--` out of "
                    "auto_map there)"
                )
            if separator:
                arguments["code_revision"] = revision
    return arguments


def check_attention(folder: Path) -> None:
    """See that a checkpoint's own choice of attention can't be code from elsewhere.

    Raises:
        ModelError: It may be.
    """
    for name in _attentions(_read(folder / "config.json")):
        if name not in OWN_ATTENTION:
            raise ModelError(
                f"{folder / 'config.json'}: asks for the attention {name!r}, which may be foreign code "
                "(set attn_implementation: sdpa, or which one you want)"
            )


def _read(path: Path) -> dict[str, Any]:
    """A file's keys; none where it is missing or damaged, which transformers tells."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _attentions(value: object) -> Iterator[str]:
    """Every attention that a config names, in parts of it too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("attn_implementation", "_attn_implementation"):
                yield from _texts(inner)
            else:
                yield from _attentions(inner)


def _texts(value: object) -> Iterator[str]:
    """Every text in lists and mappings."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)
