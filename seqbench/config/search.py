"""A search over settings: which keys are tried in which ranges, by which method, and how often."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from seqbench.config.fields import Count, Section, Seed, Switch, expect

SearchMethod = Literal["grid", "random", "tpe"]
TrialState = Literal["done", "pruned", "failed"]
"""How a trial ended: at its end, given up as earlier ones did better, or unable to train."""
Setting = str | int | float | bool | None
"""A value of a key; strings and null are for keys that take them."""
Number = Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)]


class Between(Section):
    """A range of numbers; of whole ones where both ends are."""

    low: Number = Field(description="The least value.")
    high: Number = Field(description="The greatest value, itself included.")
    log: Switch = Field(default=False, description="Equal steps are equal factors: for rates.")
    points: Count | None = Field(
        default=None, description="So many values from low to high for `grid`; null: all, of whole numbers."
    )

    @property
    def is_whole(self) -> bool:
        """Whether values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @model_validator(mode="after")
    def _check(self) -> "Between":
        if self.low >= self.high:
            raise PydanticCustomError("empty_range", "must have low below high")
        if self.log and self.low <= 0:
            raise PydanticCustomError("log_range", "must have low above 0, as log is true")
        return self

    def ends(self) -> tuple[Setting, ...]:
        """Values that a section has to take for all of them to be taken."""
        return (self.low, self.high)

    def grid(self) -> tuple[int, ...] | tuple[float, ...]:
        """The values that `grid` tries, ascending."""
        if self.points is None:
            return tuple(range(int(self.low), int(self.high) + 1))
        shares = [index / max(1, self.points - 1) for index in range(self.points)]
        if self.log:
            found = [self.low * (self.high / self.low) ** share for share in shares]
        else:
            found = [self.low + (self.high - self.low) * share for share in shares]
        if self.is_whole:
            return tuple(dict.fromkeys(round(value) for value in found))
        # Rounding must not lead out of the range.
        return tuple(min(float(self.high), max(float(self.low), value)) for value in found)


class Choices(Section):
    """Values to choose from."""

    choices: Annotated[tuple[Setting, ...], Field(min_length=1)] = Field(
        description="Each may be chosen; of `tpe` they have no order."
    )

    @model_validator(mode="after")
    def _check(self) -> "Choices":
        if len({repr(value) for value in self.choices}) < len(self.choices):
            raise PydanticCustomError("twice", "names a choice twice")
        return self

    def ends(self) -> tuple[Setting, ...]:
        """All of them."""
        return self.choices


Dimension = Annotated[
    Between | Choices, expect("{low: 1e-6, high: 5e-5, log: true} with low below high, or {choices: [8, 16]}")
]

MOST_GRID = 10_000
"""Points of a grid at most; more are a mistake."""


class SearchConfig(Section):
    """Settings that are tried on eval before the chosen ones are trained and scored on test."""

    method: SearchMethod = Field(
        default="tpe",
        description="grid tries all combinations, random draws them, tpe draws where earlier trials did well "
        "(tree-structured Parzen estimators, Bergstra et al. 2011).",
    )
    trials: Count | None = Field(
        default=20, description="How many are tried; null: all points of a grid, which must be few."
    )
    space: Annotated[Mapping[str, Dimension], Field(min_length=1)] = Field(
        description="By key of the section, such as `lr` or `lora.rank`: a range, or choices."
    )
    seed: Seed = Field(default=0, description="Fixes what is tried, whatever runs at the same time.")
    at_once: Count = Field(
        default=4,
        description="Trials that are drawn from the same earlier results, and may run side by side; 1 learns "
        "from every one.",
    )
    prune: Switch = Field(
        default=True,
        description="End a trial whose best score on eval is worse than the median of earlier ones there.",
    )

    @model_validator(mode="after")
    def _check(self) -> "SearchConfig":
        if self.method == "grid":
            for key, dimension in self.space.items():
                if isinstance(dimension, Between) and dimension.points is None and not dimension.is_whole:
                    raise PydanticCustomError(
                        "grid_range", "must say `points` of {key}, as a grid has so many values", {"key": key}
                    )
            if self.n_grid > MOST_GRID:
                raise PydanticCustomError(
                    "grid_size",
                    "has a grid of {count} points; {most} is the most",
                    {"count": self.n_grid, "most": MOST_GRID},
                )
        elif self.trials is None:
            raise PydanticCustomError("trials", "must say `trials`: only a grid has an end of its own")
        return self

    @property
    def n_grid(self) -> int:
        """Points of the grid."""
        return math.prod(
            len(dimension.choices if isinstance(dimension, Choices) else dimension.grid())
            for dimension in self.space.values()
        )

    @property
    def n_trials(self) -> int:
        """How many there will be."""
        if self.method == "grid":
            return self.n_grid if self.trials is None else min(self.trials, self.n_grid)
        return self.trials or 0


def dotted(section: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The keys of a section, those of the sections in it with a dot between."""
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def with_values(section: Mapping[str, Any], values: Mapping[str, Setting]) -> dict[str, Any]:
    """A section as a mapping, with other values at some of its dotted keys.

    Raises:
        KeyError: There is no such key.
    """
    found: dict[str, Any] = dict(section)
    for dotted, value in values.items():
        at = found
        *path, last = dotted.split(".")
        for part in path:
            inner = at[part]
            if not isinstance(inner, Mapping):
                raise KeyError(dotted)
            at[part] = dict(inner)
            at = at[part]
        if last not in at:
            raise KeyError(dotted)
        at[last] = value
    return found
