"""What went wrong when transformers loaded a folder, and the way out, in one line."""

import json
from pathlib import Path

from seqbench.errors import said

DAMAGED = "damaged? copy it again"

SIGNS = ("deserializing", "valid JSON", "PytorchStreamReader", "Invalid argument", "unexpected EOF", "pickle")
"""Parts of messages about files that are cut or changed."""

POINTER = b"version https://git-lfs"
"""How a file begins that stands for one which Git LFS has not fetched."""


def explain(error: Exception, folder: Path) -> str:
    """What an error of transformers says of a folder, and in brackets what to do.

    Args:
        error: As it came; its first line is quoted.
        folder: The checkpoint's.
    """
    import transformers

    text, config = str(error), _config(folder)
    if "trust_remote" in text:
        return f"{said(error)} (set trust_remote_code: true if you trust it)"
    if pointer := _pointer(folder):
        return f"{pointer} is a pointer of Git LFS and not the file itself (git lfs pull)"
    if "does not recognize this architecture" in text or "Unrecognized model" in text:
        return _unknown_kind(config.get("model_type"), transformers.__version__)
    if isinstance(error, ImportError):
        return f"{said(error)} (install that)"
    if "Weights only load failed" in text:
        return (
            "its weights are a pickle that holds more than tensors, which could run code (save the model as "
            "safetensors where you trust it)"
        )
    if isinstance(error, KeyError):
        (key,) = error.args or ("",)
        if any(value == key for value in config.values()):
            return f"transformers {transformers.__version__} knows no {key!r}, which its config.json asks for"
        return f"a file of it lacks the key {error} ({DAMAGED})"
    if _is_damage(error):
        return f"{said(error)} ({DAMAGED})"
    return f"{said(error)} (is its config.json one for transformers {transformers.__version__}?)"


def _is_damage(error: Exception) -> bool:
    kinds = (UnicodeDecodeError, json.JSONDecodeError, EOFError, OSError)
    named = type(error).__name__ in ("SafetensorError", "UnpicklingError")
    return named or isinstance(error, kinds) or any(sign in str(error) for sign in SIGNS)


def _unknown_kind(kind: object, version: str) -> str:
    if not isinstance(kind, str):
        return (
            "its config.json has no model_type, so transformers can't tell what model it is (copy it again)"
        )
    return (
        f"transformers {version} knows no model of type {kind!r} (set `requires` to the package that adds "
        "it, such as multimolecule, or trust_remote_code: true if its code lies beside it and you trust it)"
    )


def _config(folder: Path) -> dict[str, object]:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _pointer(folder: Path) -> str | None:
    """The first file that Git LFS has left out."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file():
            with path.open("rb") as file:
                if file.read(len(POINTER)) == POINTER:
                    return path.name
    return None
