"""Comparisons as they come back from the catalog."""

from typing import Any

from seqbench.catalog.records import ComparedSide, ComparisonRecord

KNOWN_COMPARISONS = """
SELECT
    key, kind, dataset, metric, n_items, n_resamples, difference, low, high, p,
    model_a, head_a, variant_a, layer_a, probes_a,
    model_b, head_b, variant_b, layer_b, probes_b
FROM paired_comparisons
WHERE key IN (SELECT unnest(?))
"""


def comparison_of(row: tuple[Any, ...]) -> tuple[str, ComparisonRecord]:
    """A row of `KNOWN_COMPARISONS` as its key and the record that it came from."""
    key, kind, dataset, metric, n_items, n_resamples, difference, low, high, p, *sides = row
    record = ComparisonRecord(
        kind=kind,
        dataset=dataset,
        metric=metric,
        a=_side(*sides[:5]),
        b=_side(*sides[5:]),
        n_items=n_items,
        n_resamples=n_resamples,
        difference=difference,
        low=low,
        high=high,
        p=p,
    )
    return key, record


def _side(model: str, head: str, variant: str, layer: int, probes: list[int]) -> ComparedSide:
    return ComparedSide(model=model, head=head, variant=variant, layer=layer, probes=tuple(probes))
