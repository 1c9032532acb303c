"""Records of trials as columns of their table, and back."""

import json
from collections.abc import Mapping
from typing import Any

from seqbench.catalog.columns import Columns, integers, lists, now, numbers, objects, texts
from seqbench.catalog.trial_records import TrialRecord

KNOWN_TRIALS = """
SELECT
    study, number, run_id, model, dataset, encoder, method, settings, state, metric, higher_is_better, score,
    points, steps, seconds, error
FROM trials
WHERE study IN (SELECT unnest(?))
ORDER BY study, number
"""


def trial_columns(trials: Mapping[tuple[str, int], TrialRecord]) -> Columns:
    """The rows of `trials`, from records by study and number."""
    records = list(trials.values())
    return {
        "study": texts(r.study for r in records),
        "number": integers(r.number for r in records),
        "run_id": texts(r.run_id for r in records),
        "model": texts(r.model for r in records),
        "dataset": texts(r.dataset for r in records),
        "encoder": texts(r.encoder for r in records),
        "method": texts(r.method for r in records),
        "settings": objects(r.values for r in records),
        "state": texts(r.state for r in records),
        "metric": texts(r.metric for r in records),
        "higher_is_better": texts("true" if r.higher_is_better else "false" for r in records),
        "score": numbers(r.score for r in records),
        "points": lists(r.points for r in records),
        "steps": integers(r.steps for r in records),
        "seconds": numbers(r.seconds for r in records),
        "error": texts(r.error for r in records),
        "recorded_at": now(len(records)),
    }


def trial_of(row: tuple[Any, ...]) -> TrialRecord:
    """A row of `KNOWN_TRIALS` as the record that it came from."""
    *names, values, state, metric, higher, score, points, steps, seconds, error = row
    study, number, run_id, model, dataset, encoder, method = names
    return TrialRecord(
        study=study,
        number=number,
        run_id=run_id,
        model=model,
        dataset=dataset,
        encoder=encoder,
        method=method,
        values=json.loads(values),
        state=state,
        metric=metric,
        higher_is_better=higher,
        score=score,
        points=tuple(points),
        steps=steps,
        seconds=seconds,
        error=error,
    )
