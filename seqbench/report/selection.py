"""What a report is about: which models, data sets and heads, in which order, ranked by what."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the report is about, in the order in which it is shown."""

    models: tuple[str, ...]
    datasets: tuple[str, ...]
    heads: tuple[str, ...]
    heads_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By data set, the heads that are trained on it, where they are not all of `heads`."""
    models_of: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """By data set and head, the models whose results are to be expected, where not all are; of heads of
    `trained` those that the config trains."""
    trained: tuple[str, ...] = ()
    """`lora` and `full` where results of models that were trained so are shown; no part of `heads`, which
    read frozen models."""
    variants: tuple[str, ...] = ()
    """Variants of the config's own probes, which go before those recorded later; see `probes.variant`."""
    metric: str | None = None
    """What layers, heads and models are ranked by; None for the primary metric of each data set's task. Data
    sets whose task lacks it have no place in the leaderboard."""
    since: datetime | None = None
    """Only probes recorded at this time (UTC, without a time zone) or later; None for all."""

    @property
    def all_heads(self) -> tuple[str, ...]:
        """Heads on frozen models, then those that were trained with their model."""
        return (*self.heads, *self.trained)

    def heads_on(self, dataset: str) -> tuple[str, ...]:
        """The heads whose results are to be expected on a data set."""
        return self.heads_of.get(dataset, self.heads)

    def models_on(self, dataset: str, head: str) -> tuple[str, ...]:
        """The models whose results are to be expected of a head on a data set."""
        return self.models_of.get((dataset, head), self.models)

    @property
    def n_places(self) -> int:
        """Combinations of model, data set and head that are to be expected."""
        return sum(1 for _ in self.expected())

    def expected(self) -> Iterator[tuple[str, str, str]]:
        """Data set, model and head of all results that are to be expected."""
        for model in self.models:
            for head in self.all_heads:
                for dataset in self.datasets:
                    if head in self.trained:
                        is_wanted = model in self.models_of.get((dataset, head), ())
                    else:
                        is_wanted = head in self.heads_on(dataset) and model in self.models_on(dataset, head)
                    if is_wanted:
                        yield dataset, model, head
