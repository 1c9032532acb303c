"""What an adaptation was, kept beside each model that it made: in `seqbench_adaptation.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from seqbench.core.json_records import read_record
from seqbench.errors import ModelError

FILE: Final = "seqbench_adaptation.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A look at the losses, in nats a target token."""

    step: int
    tokens: int
    """Seen until then, without padding."""
    train_loss: float | None
    """Mean since the last point; None at the beginning."""
    eval_loss: float | None
    """On held-out documents; None where nothing is held out."""
    eval_losses: Mapping[str, float]
    """The same of each corpus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """One model that an adaptation made, and what it took."""

    fingerprint: str
    """Of everything that the weights depend on, but for the step."""
    name: str
    step: int
    base: str
    """Name of the model it began with."""
    objective: str
    masking: str
    """Of causal language modelling: none."""
    dtype: str
    """What products were computed in."""
    loss_by: str
    """Whether the head was applied to targets alone."""
    windows: int
    """Seen until this step."""
    tokens: int
    """Seen until this step, without padding."""
    epochs: Mapping[str, float]
    """How often each corpus was gone through."""
    seconds: float
    """Of training and evaluating, all resumed parts together."""
    peak_memory_bytes: int
    device: str
    trained_parameters: int
    total_parameters: int
    weights: str
    """Fingerprint of the model, as the store keeps it."""
    health: str
    """What the curve tells so far."""
    curve: tuple[CurvePoint, ...]

    def write(self, folder: Path) -> None:
        """Write it into the model's folder."""
        text = json.dumps(asdict(self), indent=1, allow_nan=False)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read_adapted(folder: Path) -> Adapted | None:
    """What was kept beside a model; None where there is no folder.

    Raises:
        ModelError: There is a folder, but no adaptation wrote it.
    """
    if not folder.is_dir():
        return None
    try:
        return read_record(Adapted, json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder}: is no folder that an adaptation wrote ({error}); move it, or set `out` or `name`"
        ) from error


def check_same(found: Adapted, fingerprint: str, folder: Path) -> None:
    """See that a model that is there is the one that is wanted.

    Raises:
        ModelError: It was trained from another model, on other corpora or with other settings.
    """
    if found.fingerprint != fingerprint:
        raise ModelError(
            f"{folder}: holds {found.name} trained from another model, on other corpora or with other "
            "settings than the config has now (give the entry another `name`, or remove the folder)"
        )
