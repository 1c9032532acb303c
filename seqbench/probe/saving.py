"""Trained heads as files that can be used again: one safetensors file a head, nothing pickled.

`<root>/<model>/<data set>/<layer>/<head>-<12 digits of the spec's hash>.safetensors` holds the tensors of the
head, and as JSON in the metadata all that it takes to embed new sequences as those of train were embedded.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.core.atomic import write_atomically
from seqbench.core.types import check_dataset_name, check_name
from seqbench.errors import ProbeError, said
from seqbench.probe.head_check import check_head, make_check, some_features, writer
from seqbench.probe.head_record import TEXT, check_tensors, head_of, record_of
from seqbench.probe.heads.base import FittedHead, HeadState, Problem
from seqbench.probe.outcome import Keep
from seqbench.probe.saved_head import SavedHead, origin_of
from seqbench.probe.wanted import Wanted
from seqbench.store import Embeddings

HASH_DIGITS = 12
"""Digits of a spec's hash in a file's name."""

KEY = "seqbench_head"
"""Of the file's metadata that holds the JSON."""

HASH_KEY = "sha256"
"""Of the metadata that holds the hash of JSON and tensors: safetensors itself has no checksum."""

LONG_TEXT = 4096
"""Letters from which on a text of a head's facts becomes such a tensor."""

_HASH = re.compile(r"[0-9a-f]{12,64}")


def keeper(root: Path, entry: Embeddings, parameters: Mapping[str, Any]) -> Keep:
    """What saves the heads of one model on one data set.

    Args:
        root: The folder of heads, `probe.save_heads`.
        entry: The embeddings that the heads are trained on.
        parameters: The model's entry in the config.
    """
    features = lru_cache(maxsize=1)(partial(some_features, entry))

    def keep(
        probe: Wanted, outcome: FittedHead, problem: Problem, thresholds: Sequence[float] | None = None
    ) -> str | None:
        if outcome.state is None:
            return None
        spec = probe.spec
        head = SavedHead(
            state=outcome.state,
            task=problem.task,
            n_outputs=problem.n_outputs,
            classes=entry.facts.classes,
            class_names=entry.facts.class_names,
            thresholds=None if thresholds is None else tuple(map(float, thresholds)),
            origin=origin_of(entry, probe.layer, spec["combine"], parameters),
            head=spec["head"],
            seed=spec["seed"],
            fold=spec["fold"],
            spec_hash=probe.hash,
            spec=spec,
            writer=writer(),
            check=make_check(outcome.state, features(probe.layer, spec["combine"], spec["head"])),
        )
        return save(root, head)

    return keep


def is_kept(root: Path, entry: Embeddings, probe: Wanted) -> bool:
    """Whether the head of a probe is in the folder of heads."""
    place = path_of(
        model=entry.model.name,
        dataset=entry.dataset,
        layer=probe.layer,
        head=probe.spec["head"],
        spec_hash=probe.hash,
    )
    return (root / place).is_file()


def path_of(*, model: str, dataset: str, layer: int, head: str, spec_hash: str) -> str:
    """Where the head of a probe lies in the folder of heads.

    Raises:
        ConfigError: A name can't be that of a folder.
        ProbeError: The layer or the hash is none.
    """
    if layer < 0 or not _HASH.fullmatch(spec_hash):
        raise ProbeError(f"layer {layer} and hash {spec_hash!r} name no probe")
    parts = (check_name(model, "model"), check_dataset_name(dataset), str(layer))
    return "/".join((*parts, f"{check_name(head, 'head')}-{spec_hash[:HASH_DIGITS]}.safetensors"))


def save(root: Path, head: SavedHead) -> str:
    """Write a head, whole or not at all; a file of its name is replaced.

    Returns:
        Its place in `root`.

    Raises:
        ProbeError: The folder can't be written.
    """
    from safetensors.numpy import save as packed

    origin = head.origin
    place = path_of(
        model=origin.model.name,
        dataset=origin.dataset,
        layer=origin.layer,
        head=head.head,
        spec_hash=head.spec_hash,
    )
    path = root / place
    tensors, facts = _split(head.state)
    tensors |= check_tensors(head.check)
    text = json.dumps(record_of(head, facts), sort_keys=True, allow_nan=False)
    try:
        # The library's own way to a file leaves one of a name that tells nothing where the process is killed.
        write_atomically(path, packed(tensors, {KEY: text, HASH_KEY: _digest(text, tensors)}))
    except OSError as error:
        raise ProbeError(f"{path}: can't be written: {error.strerror} (see probe.save_heads)") from error
    return place


def load(path: Path) -> SavedHead:
    """Read a head back, and see that it predicts here what it predicted where it was written.

    Raises:
        ProbeError: There is no such file, it is no head, damaged, made by a newer seqbench, or predicts
        otherwise.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            names = file.keys() if KEY in metadata else ()
            tensors = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise ProbeError(
            f"{path}: there is no such file (heads are kept where probe.save_heads says)"
        ) from error
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise ProbeError(
            f"{path}: can't be read as a safetensors file: {said(error)} (cut short? copy it again)"
        ) from error
    if KEY not in metadata:
        raise ProbeError(f"{path}: holds no head of seqbench (give a file that probe.save_heads left)")
    if metadata.get(HASH_KEY) != _digest(metadata[KEY], tensors):
        raise ProbeError(f"{path}: is damaged: it is not what was written (train the probe again)")
    try:
        head = head_of(json.loads(metadata[KEY]), tensors, path)
    except ProbeError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProbeError(f"{path}: is damaged: {said(error)} (train the probe again)") from error
    if head.check is not None:
        check_head(head.state, head.check, head.writer, path)
    return head


def _split(state: HeadState) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors of a file and the facts of its JSON; long texts are among the tensors."""
    tensors = {name: np.asarray(values, order="C") for name, values in state.tensors.items()}
    facts = dict(state.facts)
    for name, value in state.facts.items():
        if isinstance(value, str) and len(value) >= LONG_TEXT:
            tensors[TEXT + name] = np.frombuffer(value.encode(), dtype=np.uint8)
            del facts[name]
    return tensors, facts


def _digest(text: str, tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over the JSON and the tensors' names, types, shapes and contents."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        values = tensors[name]
        digest.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
