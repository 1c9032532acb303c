"""Whether half precision leaves anything of the difference between the two sequences of an item.

    [("ACGT…A…", "ACGT…G…"), …]  →  {"pairs": 8, "stored": {"layer": 5, "correlation": 0.61}}

The embeddings of a sequence and of its variant agree in their leading digits, and half precision keeps three
of them (float16) or two (bfloat16): a head on the difference then learns from rounding.

Shape letters: P pairs, L layers, H hidden width.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import SeqbenchError
from seqbench.models.base import Embedder
from seqbench.models.joining import embed

FEW = 3
"""Letters in which a pair may differ: a codon's worth."""
PAIRS = 8
"""Pairs that are tried: of thousands of values, a correlation is known to a hundredth."""
LETTERS = 20_000
"""Letters after which no further pair is taken."""
KEPT = 0.95
"""Correlation below which is warned: a tenth of the variance is noise, as 0.95² is 0.9."""


def near_pairs(items: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    """The pairs of equal length that differ in one to three letters, upper and lower case being alike.

    Args:
        items: The sequences of each; the first is held against each other one.
    """
    found: list[tuple[str, str]] = []
    n_letters = 0
    for first, *others in items:
        for other in others:
            if len(first) != len(other):
                continue
            ones, twos = (np.frombuffer(each.upper().encode(), np.uint8) for each in (first, other))
            if len(ones) == len(twos) and 0 < np.count_nonzero(ones != twos) <= FEW:
                found.append((first, other))
                n_letters += 2 * len(first)
            if len(found) == PAIRS or n_letters >= LETTERS:
                return found
    return found


def measure(
    embedder: Embedder, pairs: Sequence[tuple[str, str]], layers: Sequence[int], stored_as: str
) -> dict[str, Any]:
    """Hold differences in half precision against those in float32.

    Args:
        embedder: The model, ready for the data set.
        pairs: Of `near_pairs`.
        layers: Wanted layers that can be pooled.
        stored_as: The store's type.

    Returns:
        `pairs`, their number; `computed`, where the model computes in half precision, and `stored`, where the
        store has float16: each the layer whose differences agree least, and their correlation with those of
        float32 arithmetic, and those before storing. Empty where there is nothing to measure, or a sequence
        can't be embedded, which extraction will tell.
    """
    sequences = [sequence for pair in pairs for sequence in pair]
    if not sequences or not layers:
        return {}
    try:
        exact = embedder.embed_in_float32(sequences, layers)
        if exact is None and stored_as == "float32":
            return {}
        own = embed(embedder, sequences, layers).layers
    except SeqbenchError:
        return {}
    found: dict[str, Any] = {"pairs": len(pairs)}
    if exact is not None:
        found["computed"] = worst(own, exact)
    if stored_as != "float32":
        with np.errstate(over="ignore"):  # too large a value ends the extraction, with its layer's name
            rounded = {layer: rows_NH.astype(stored_as) for layer, rows_NH in own.items()}
        found["stored"] = worst(rounded, own)
    return {name: value for name, value in found.items() if value is not None}


def worst(
    rows: Mapping[int, NDArray[np.floating]], exact: Mapping[int, NDArray[np.floating]]
) -> dict[str, Any] | None:
    """The layer whose differences correlate least with the exact ones; None where no layer has any."""
    correlations = {
        layer: value
        for layer, exact_NH in exact.items()
        if (value := correlation(_differences(rows[layer]), _differences(exact_NH))) is not None
    }
    if not correlations:
        return None
    layer = min(correlations, key=lambda each: correlations[each])
    return {"layer": layer, "correlation": round(correlations[layer], 4)}


def correlation(found_PH: NDArray[np.float64], exact_PH: NDArray[np.float64]) -> float | None:
    """Pearson's correlation over all finite values; 0 where `found` is constant, None where `exact` is."""
    finite = np.isfinite(found_PH) & np.isfinite(exact_PH)
    found, exact = found_PH[finite], exact_PH[finite]
    if len(exact) < 2 or np.ptp(exact) == 0:
        return None
    return 0.0 if np.ptp(found) == 0 else float(np.corrcoef(found, exact)[0, 1])


def warning(measured: Mapping[str, Any], *, computed_in: str, stored_as: str) -> str | None:
    """What the user should know, with the key to set; None where the differences are kept."""
    ways = {
        "computed": f"computed in {computed_in} (set the model's dtype: float32)",
        "stored": f"stored as {stored_as} (set store.dtype: float32)",
    }
    lost = [
        f"correlation {measured[name]['correlation']:.2f} in layer {measured[name]['layer']}, {way}"
        for name, way in ways.items()
        if name in measured and measured[name]["correlation"] < KEPT
    ]
    if not lost:
        return None
    return (
        f"items hold sequences that differ in {FEW} letters or fewer, and half precision loses their "
        f"difference: {'; '.join(lost)}"
    )


def _differences(rows_NH: NDArray[np.floating]) -> NDArray[np.float64]:
    """First minus second of each pair, (P, H)."""
    with np.errstate(invalid="ignore"):  # infinity minus itself
        return rows_NH[::2].astype(np.float64) - rows_NH[1::2].astype(np.float64)
