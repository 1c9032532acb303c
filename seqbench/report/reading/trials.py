"""What searches tried: the last study of each model, data set and way of training."""

import json

from seqbench.report.reading.current import Reader
from seqbench.report.studies import Study, Tried

_TRIALS = """
WITH last AS (
    SELECT model, dataset, encoder, arg_max(study, recorded_at) AS study
    FROM trials
    WHERE list_contains($models, model)
    GROUP BY ALL
)
SELECT
    model, dataset, encoder, method, metric, higher_is_better, number, settings, state, score, steps,
    seconds, error
FROM trials JOIN last USING (model, dataset, encoder, study)
ORDER BY model, dataset, encoder, number
"""


def read_studies(reader: Reader) -> tuple[Study, ...]:
    """Read them, data sets, models and ways in the order of the selection."""
    found: dict[tuple[str, str, str], list[Tried]] = {}
    about: dict[tuple[str, str, str], tuple[str, str, bool]] = {}
    for model, dataset, encoder, method, metric, higher, *rest in reader.named(_TRIALS):
        number, values, state, score, steps, seconds, error = rest
        key = (dataset, model, encoder)
        about[key] = (method, metric, higher)
        tried = Tried(
            number=number,
            values=json.loads(values),
            state=state,
            score=score,
            steps=steps,
            seconds=seconds,
            error=error,
        )
        found.setdefault(key, []).append(tried)
    wanted = reader.selection
    # Targets of a data set are trained together, and so searched for together.
    datasets = list(dict.fromkeys(name.partition("/")[0] for name in wanted.datasets))
    order = [
        (dataset, model, way)
        for dataset in datasets
        for model in wanted.models
        for way in ("lora", "full")
        if (dataset, model, way) in found
    ]
    return tuple(_study(key, about[key], found[key]) for key in order)


def _study(key: tuple[str, str, str], about: tuple[str, str, bool], trials: list[Tried]) -> Study:
    dataset, model, way = key
    method, metric, higher_is_better = about
    return Study(
        dataset=dataset,
        model=model,
        way=way,
        method=method,
        metric=metric,
        higher_is_better=higher_is_better,
        keys=tuple(dict.fromkeys(name for trial in trials for name in trial.values)),
        trials=tuple(trials),
    )
