"""What the JSON in a trained head's file says, written and read back."""

import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet
from seqbench.core.combining import COMBINES
from seqbench.core.identity import ModelIdentity
from seqbench.core.json_records import read_record
from seqbench.core.types import StoreDtype, Task
from seqbench.errors import ProbeError
from seqbench.probe.head_check import HeadCheck
from seqbench.probe.heads.base import HeadState
from seqbench.probe.saved_head import Origin, SavedHead

FORMAT = 2
"""Raised when an older seqbench could not use what is written. 2: added are the writer and predictions."""

MOST = 10_000_000
"""No head has more outputs, nor an embedding more columns; a larger number comes from damage."""

TEXT = "text:"
"""Starts the name of a tensor that holds a text as UTF-8 bytes: a file's metadata ends at 100 MB, which the
JSON of a large booster may be over."""

CHECK = "check:"
"""Starts the names of the two tensors of a `HeadCheck`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What a file's JSON says: a `SavedHead` without tensors and long texts."""

    format: int
    kind: str
    facts: dict[str, Any]
    task: Task
    n_outputs: int
    classes: tuple[int, ...]
    thresholds: tuple[float, ...] | None
    origin: Origin
    head: str
    seed: int
    fold: int | None
    spec_hash: str
    spec: dict[str, Any]
    class_names: tuple[str, ...] = ()
    writer: dict[str, str] = field(default_factory=dict)


def record_of(head: SavedHead, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a file's JSON says; `facts` are those of the head without long texts."""
    return asdict(
        _Record(
            format=FORMAT,
            kind=head.state.kind,
            facts=dict(facts),
            task=head.task,
            n_outputs=head.n_outputs,
            classes=head.classes,
            class_names=head.class_names,
            thresholds=head.thresholds,
            origin=head.origin,
            head=head.head,
            seed=head.seed,
            fold=head.fold,
            spec_hash=head.spec_hash,
            spec=dict(head.spec),
            writer=dict(head.writer),
        )
    )


def head_of(record: dict[str, Any], tensors: dict[str, NDArray[Any]], path: Path) -> SavedHead:
    """Read back what `record_of` gave.

    Raises:
        ProbeError: It was made by a newer seqbench.
        ValueError: A key is missing, unknown, of another type or out of range.
    """
    if read_record(int, record["format"]) > FORMAT:
        raise ProbeError(f"{path}: was made by a newer seqbench (format {record['format']}): upgrade it")
    texts = {
        name.removeprefix(TEXT): values.tobytes().decode()
        for name, values in tensors.items()
        if name.startswith(TEXT)
    }
    told = read_record(_Record, record)
    ModelIdentity.from_json(record["origin"]["model"])
    head = SavedHead(
        state=HeadState(
            kind=told.kind,
            tensors={name: values for name, values in tensors.items() if not name.startswith((TEXT, CHECK))},
            facts={**told.facts, **texts},
        ),
        task=told.task,
        n_outputs=told.n_outputs,
        classes=told.classes,
        class_names=told.class_names,
        thresholds=told.thresholds,
        origin=told.origin,
        head=told.head,
        seed=told.seed,
        fold=told.fold,
        spec_hash=told.spec_hash,
        spec=told.spec,
        writer=told.writer,
        check=_check_of(tensors),
    )
    _check(head)
    return head


def check_tensors(check: HeadCheck | None) -> dict[str, NDArray[Any]]:
    """What a file holds of a head's predictions."""
    if check is None:
        return {}
    tensors: dict[str, NDArray[Any]] = {
        f"{CHECK}features": check.features_ND,
        f"{CHECK}predictions": check.predictions_NK,
    }
    return tensors if check.lengths_Q is None else {**tensors, f"{CHECK}lengths": check.lengths_Q}


def _check_of(tensors: Mapping[str, NDArray[Any]]) -> HeadCheck | None:
    found = {name.removeprefix(CHECK): values for name, values in tensors.items() if name.startswith(CHECK)}
    if not found:
        return None
    features, predictions = found.pop("features"), found.pop("predictions")
    lengths = found.pop("lengths", None)
    if lengths is None:
        fit = len(predictions) == len(features)
    else:
        whole = lengths.dtype == np.int64 and lengths.ndim == 1 and not (lengths < 0).any()
        fit = whole and int(lengths.sum()) == len(features)
    if (
        found
        or not fit
        or any(each.dtype != np.float32 or each.ndim != 2 for each in (features, predictions))
    ):
        raise ValueError("the predictions to check it by are none")
    return HeadCheck(features_ND=features, predictions_NK=predictions, lengths_Q=lengths)


def _check(head: SavedHead) -> None:
    """See that what a head's record says goes together.

    Raises:
        ValueError: It does not.
    """
    origin = head.origin
    counts = {"n_outputs": head.n_outputs, "n_seqs": origin.n_seqs, "hidden": origin.hidden}
    for name, count in counts.items():
        if not 0 < count <= MOST:
            raise ValueError(f"{name}: is {count}")
    if head.task is Task.CLASSIFICATION and len(head.classes) != head.n_outputs:
        raise ValueError(f"classes: are {len(head.classes)}, outputs {head.n_outputs}")
    if head.class_names and len(head.class_names) != head.n_outputs:
        raise ValueError(f"class_names: are {len(head.class_names)}, outputs {head.n_outputs}")
    wanted = head.n_outputs if head.task is Task.LABELS else 1
    if head.thresholds is not None and len(head.thresholds) != wanted:
        raise ValueError(f"thresholds: are {len(head.thresholds)}, not {wanted}")
    if not 0 <= origin.layer < origin.model.n_layers:
        raise ValueError(f"origin.layer: is {origin.layer}")
    for name, word, words in (
        ("alphabet", origin.alphabet, (None, *get_args(Alphabet))),
        ("stored", origin.stored, get_args(StoreDtype)),
        ("combine", origin.combine, COMBINES),
    ):
        if word not in words:
            raise ValueError(f"origin.{name}: is {reprlib.repr(word)}")
