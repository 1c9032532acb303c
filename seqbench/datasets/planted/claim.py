"""The claim beside a planted data set, `planted.json`: how it was made and the best attainable score."""

import json
import reprlib
from collections.abc import Mapping
from pathlib import Path

from seqbench.core.types import SplitName

CLAIM = "planted.json"
FORMAT = 1


def read_ceiling(
    folder: Path, sha256: Mapping[SplitName, str]
) -> tuple[Mapping[str, float] | None, tuple[str, ...]]:
    """Read the best attainable score on test, by metric, if the files are still the ones it was computed for.

    Args:
        folder: The data set's folder, with or without a claim.
        sha256: The hash of each split in use.

    Returns:
        The ceiling or None, and why a claim that is there is not believed.
    """
    path = folder / CLAIM
    try:
        claim = json.loads(path.read_bytes())
        if claim["format"] != FORMAT:
            found = reprlib.repr(claim["format"])
            return None, (f"{path}: is of format {found}, not {FORMAT}; no ceiling is shown",)
        ceiling = {str(metric): float(value) for metric, value in claim["ceiling"].items()}
        changed = [split for split, found in sha256.items() if claim["sha256"][split] != found]
    except FileNotFoundError:
        return None, ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, (f"{path}: is damaged; no ceiling is shown (make the planted data sets again)",)
    if changed:
        return None, (f"{path}: was written for other contents of {', '.join(changed)}; no ceiling is shown",)
    return ceiling, ()
