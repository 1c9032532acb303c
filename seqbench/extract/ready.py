"""What happens once before the first batch of a model on a data set: budget, certificate, precision."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from seqbench.datasets.dataset import Dataset
from seqbench.extract.near_pairs import measure, near_pairs, warning
from seqbench.models.base import Embedder, told
from seqbench.store import Embeddings

SAMPLE = 64
"""Items of train that the certificate looks at."""
PRECISION = "near_pairs"
"""The note of what half precision keeps of near pairs, as `near_pairs.measure` gives it."""


def get_ready(
    embedder: Embedder,
    dataset: Dataset,
    entries: Sequence[Embeddings],
    layers: Sequence[int],
    note: Callable[[str], None],
) -> None:
    """Choose the size of batches and check the model on the data set, once for an entry of the store.

    Both are noted beside the embeddings; an extraction that goes on where another stopped takes them over.

    Args:
        embedder: The loaded model.
        dataset: The opened data set.
        entries: Where its embeddings go; those of one forward pass share the notes.
        layers: Wanted layers.
        note: Told what the checks found wrong.
    """
    known = next((entry.facts.notes for entry in entries if entry.facts.notes), {})
    train = dataset.splits["train"]
    items = train.sequences(0, min(SAMPLE, len(train)))
    sample = [sequence for item in items for sequence in item]
    notes = embedder.tune(known, sample)
    if "left_out" in notes.keys() - known.keys():
        note(f"warning: {entries[0].name}: left out, as it can't be pooled: {told(notes['left_out'])}")
    if "certificate" not in known:
        for check in notes.get("certificate", {}).get("checks", ()):
            if check["verdict"] == "fail":
                note(f"warning: {entries[0].name}: {check['name']}: {check['says']}")
    if _settle(entries[0], notes, found=notes.keys() - known.keys()):
        notes = embedder.tune(entries[0].facts.notes, sample)
    if PRECISION not in known:
        measured = measure(embedder, near_pairs(items), entries[0].poolable(layers), entries[0].facts.dtype)
        if measured:
            notes = {**notes, PRECISION: measured}
            _settle(entries[0], notes, found={PRECISION})
            _tell(entries[0], measured, embedder, note)
    for entry in entries[1:]:
        _settle(entry, notes)


def _tell(
    entry: Embeddings, measured: dict[str, Any], embedder: Embedder, note: Callable[[str], None]
) -> None:
    """Warn where differences of near pairs are lost."""
    computed_in = str(embedder.settings.get("dtype", "float32"))
    if text := warning(measured, computed_in=computed_in, stored_as=entry.facts.dtype):
        note(f"warning: {entry.name}: {text}")


def _settle(entry: Embeddings, notes: dict[str, Any], found: Collection[str] = ()) -> bool:
    """Record notes; where another worker found some of them first, its findings hold for all shards.

    Returns:
        Whether that is so.
    """
    if any(entry.facts.notes.get(key) != value for key, value in notes.items()):
        entry.add_notes(keep=found, **notes)
    return any(entry.facts.notes[key] != notes[key] for key in found)
