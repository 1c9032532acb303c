"""Boosters as the JSON text that is kept of them, and which XGBoost reads whose.

Checked with XGBoost 3.0.5, 3.1.3 and 3.2.0, each reading what each wrote: 3.0 takes models of 3.1 and 3.2
with an intercept of 0.5 and says nothing; 3.2 crashes on trees of several outputs of 3.0 and 3.1; all else
agrees.
"""

import json
import re

from seqbench.errors import ProbeError

_VERSION = re.compile(r'"version":\s*\[(\d+),\s*(\d+),\s*(\d+)\]\}\]?\s*$')
_VECTOR_LEAVES = re.compile(r'"size_leaf_vector":\s*"(?![01]")')
_NEW_VECTOR_LEAVES = (3, 2)
"""From this XGBoost on trees of several outputs are written otherwise."""
_END = 200
"""Letters at the end of a text in which the version stands."""


def parted(text: str) -> list[str]:
    """The models of a JSON list, each as text again."""
    return [json.dumps(model) for model in json.loads(text)]


def check_version(text: str, here: str) -> None:
    """See that a booster can be read, before XGBoost is given it.

    Args:
        text: The JSON of a booster, or a list of such.
        here: Version of the XGBoost that is to read it.

    Raises:
        ProbeError: It was written by a newer XGBoost, or by one whose form this one crashes on.
    """
    found = _VERSION.search(text[-_END:])
    reader = re.match(r"(\d+)\.(\d+)", here)
    if found is None or reader is None:
        return  # what is no booster, XGBoost refuses
    wrote, version = tuple(map(int, found.groups()[:2])), ".".join(found.groups())
    reads = tuple(map(int, reader.groups()))
    if wrote > reads:
        raise ProbeError(
            f"was trained with XGBoost {version}, newer than {here} here, which may read it wrongly "
            f"(pip install 'xgboost>={version}', or train the probe again)"
        )
    if wrote < _NEW_VECTOR_LEAVES <= reads and _VECTOR_LEAVES.search(text):
        raise ProbeError(
            f"was trained with XGBoost {version}, whose trees of several outputs {here} can't read "
            "(train the probe again)"
        )
