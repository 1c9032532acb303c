"""The results of scoring: a metric with its interval, and the same by class, label or target."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricScore:
    """A metric of a whole split; `value`, `low` and `high` are None where undefined."""

    metric: str
    value: float | None
    low: float | None
    """Lower end of the interval over items: the bootstrap's, or Wilson's of a share that is near 0 or 1."""
    high: float | None
    reason: str | None
    """Why a number is None, or what an average leaves out; None where there is nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """A metric of one class, label or regression target."""

    label: int
    """Index of the class, label or target."""
    metric: str
    value: float | None
    support: int
    """Items of the class, items that carry the label, or all items of a target."""
    reason: str | None
    """Why `value` is None."""
