"""What comes next in the searches of a run: a round of trials, or the settings that were chosen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqbench.catalog import Catalog
from seqbench.catalog.training_records import Encoder
from seqbench.catalog.trial_records import TrialRecord
from seqbench.config.search import SearchConfig, Setting
from seqbench.errors import TrainingError
from seqbench.finetune.asked import Asked
from seqbench.finetune.design import FinetuneDesign
from seqbench.probe.spec import spec_hash
from seqbench.schedule.graph import Kind, Node
from seqbench.search.drawing import draw, rounds
from seqbench.search.trials import Trial, chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """One search: a model on a data set, trained in one way."""

    name: str
    """Hash of what its trials have in common."""
    search: SearchConfig
    metric: str
    higher_is_better: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterTrials:
    """What follows from a round of trials: the next one, or the trainings with what was chosen."""

    model: str
    dataset: str
    encoder: Encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialTask:
    """A trial of a search."""

    design: FinetuneDesign
    asked: Asked


def study_name(spec: Mapping[str, Any], search: SearchConfig) -> str:
    """Name a search by all that its trials have in common; more trials go on with the same one.

    Args:
        spec: Of a training without settings from a search.
        search: How it is searched.
    """
    settings = dict(spec["settings"])
    for key in search.space:
        at: Any = settings
        *path, last = key.split(".")
        for part in path:
            at[part] = dict(at[part])
            at = at[part]
        at.pop(last, None)
    how = search.model_dump(mode="json", exclude={"trials"})
    return spec_hash({**spec, "settings": settings, "search": how})


class Searches:
    """The trials of all searches so far: from the catalog, and of this run."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._trials: dict[str, dict[int, Trial]] = {}

    def add(self, record: TrialRecord) -> None:
        """Take in a trial that was done."""
        trial = Trial(
            number=record.number,
            values=record.values,
            state=record.state,
            score=record.score,
            points=record.points,
            error=record.error,
        )
        self._trials.setdefault(record.study, {})[record.number] = trial

    def _known(self, study: SearchPlan) -> dict[int, Trial]:
        if study.name not in self._trials:
            self._trials[study.name] = {}
            for record in self._catalog.known_trials([study.name])[study.name]:
                self.add(record)
        return self._trials[study.name]

    def next_round(self, study: SearchPlan) -> list[tuple[Asked, dict[str, Setting]]]:
        """The trials that are to be done next, with their settings; none where the search is over.

        Raises:
            ConfigError: optuna is not installed.
        """
        known = self._known(study)
        for numbers in rounds(study.search):
            if all(number in known for number in numbers):
                continue
            earlier = tuple(known[number] for number in range(numbers.start))
            drawn = draw(study.search, numbers, earlier, higher_is_better=study.higher_is_better)
            return [
                (Asked(study=study.name, number=number, search=study.search, earlier=earlier), values)
                for number, values in zip(numbers, drawn, strict=True)
                if number not in known
            ]
        return []

    def nodes(
        self, study: SearchPlan, design: FinetuneDesign, kind: Kind, *, power: float, makes: frozenset[str]
    ) -> Iterator[Node]:
        """The next trials of a search as tasks, and a node that stands for what follows from them.

        Args:
            study: Of which some trials are left.
            design: Of a training with the first seed, without settings from a search.
            kind: Of the tasks.
            power: That a trial takes.
            makes: What the trainings make that follow from the search.
        """
        keys: list[str] = []
        for asked, values in self.next_round(study):
            keys.append(f"finetune/{design.folder}/trial {asked.number}")
            yield Node(
                key=keys[-1],
                kind=kind,
                model=design.model,
                dataset=design.dataset,
                task=TrialTask(design=replace(design, values=tuple(values.items())), asked=asked),
                amount=1,
                power=power,
            )
        yield Node(
            key=f"{keys[-1]} and then",
            kind=kind,
            model=design.model,
            dataset=design.dataset,
            task=LaterTrials(model=design.model, dataset=design.dataset, encoder=design.encoder),
            power=0,
            after=frozenset(keys),
            makes=makes,
            unfolds=True,
        )

    def n_left(self, study: SearchPlan) -> int:
        """Trials that are still to be done."""
        known = self._known(study)
        return sum(number not in known for number in range(study.search.n_trials))

    def chosen(self, study: SearchPlan) -> Mapping[str, Setting]:
        """The settings of the best trial.

        Raises:
            TrainingError: None came to its end.
        """
        trials = self._in_order(study)
        best = chosen(trials, higher_is_better=study.higher_is_better)
        if best is None:
            why = next((trial.error for trial in trials if trial.error), "all were given up")
            raise TrainingError(
                f"none of {len(trials)} trials came to its end: {why} (narrow finetune.search.space)"
            )
        return best.values

    def _in_order(self, study: SearchPlan) -> Sequence[Trial]:
        known = self._known(study)
        return [known[number] for number in range(study.search.n_trials)]
