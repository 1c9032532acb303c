"""One trial of a search: settings are trained and judged on eval; test is not looked at, nothing is kept."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from seqbench.catalog.trial_records import TrialRecord
from seqbench.config.search import TrialState
from seqbench.errors import ConfigError, ModelError, TrainingError
from seqbench.finetune.asked import Asked, judged_by
from seqbench.finetune.job import Job
from seqbench.finetune.run import prepared
from seqbench.search.pruning import Pruned, pruner


def try_settings(
    job: Job, asked: Asked, *, advance: Callable[[float], None], note: Callable[[str], None]
) -> TrialRecord:
    """Train with settings and judge them, or give them up where earlier trials did better.

    They are judged by the metric of `choose_by`, or where that is the loss by the task's own metric: losses
    of different settings can't be compared. Of several targets it is the mean, each with the weight that its
    loss has. The point that counts is the one that a
    training would keep. Settings that can't be trained with (diverged, out of memory, adapters nowhere) are a
    trial that failed.

    Args:
        job: What, with the trial's settings in its config and design.
        asked: Which trial of which search.
        advance: Takes shares of the training as they are done.
        note: Told what the user should know.

    Raises:
        SeqbenchError: Data or model can't be used, whatever the settings.
    """
    job = replace(job, config=job.config.model_copy(update={"keep": 1}))  # nothing of it is saved
    metric, better = judged_by(job.config.choose_by, [dataset.task for dataset in job.datasets])
    is_hopeless = pruner(asked.search, asked.earlier, higher_is_better=better)
    seen: list[float] = []
    began = time.perf_counter()

    def watch(points: Sequence[float]) -> None:
        seen[:] = points
        if math.isfinite(points[-1]) and is_hopeless(_finite(points)):
            raise Pruned

    state: TrialState = "done"
    score: float | None = None
    error: str | None = None
    steps = 0
    try:
        trainer = prepared(job, advance=advance, note=note, watch=watch).trainer
        try:
            outcome = trainer.run()
        finally:
            steps = trainer.n_steps
        found = math.nan if outcome.chosen is None else seen[outcome.chosen - 1]
        if math.isfinite(found):
            score = found
        else:
            state, error = (
                "failed",
                f"{metric} on eval is undefined: training diverged, or predictions are all the same",
            )
    except Pruned:
        state, score = "pruned", (max if better else min)(_finite(seen))
    except (TrainingError, ModelError, ConfigError) as fault:
        state, error = "failed", str(fault)
    job.state.remove()
    return TrialRecord(
        study=asked.study,
        number=asked.number,
        run_id=job.run_id,
        model=job.design.model,
        dataset=job.design.dataset,
        encoder=job.design.encoder,
        method=asked.search.method,
        values=dict(job.design.values),
        state=state,
        metric=metric,
        higher_is_better=better,
        score=score,
        points=tuple(_finite(seen)),
        steps=steps,
        seconds=time.perf_counter() - began,
        error=error,
    )


def _finite(points: Sequence[float]) -> list[float]:
    return [point for point in points if math.isfinite(point)]
