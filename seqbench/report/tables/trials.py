"""The table of trials: what a search over settings tried, and how it did on eval."""

from seqbench.report.analysis import Analysis
from seqbench.report.studies import Study
from seqbench.report.tables.table import Cell, Table, TablePart

_KEYS = ("dataset", "model", "way", "trial")
_REST = ("metric", "eval_score", "state", "chosen", "steps", "seconds", "error")
_PRINTED = ("metric", "eval_score", "state", "chosen", "seconds")


def trials_table(analysis: Analysis) -> Table:
    """A row a trial, a part for each search; no rows where nothing was searched for."""
    return Table(
        name="trials",
        title="Trials of searches",
        note="Settings that were tried, each judged on eval; the chosen one was trained and scored on test. "
        "Pruned: given up, as earlier trials did better at the same point.",
        parts=tuple(map(_part, analysis.results.studies)),
    )


def _part(study: Study) -> TablePart:
    columns = (*_KEYS, *study.keys, *_REST)
    chosen = study.chosen
    rows: list[tuple[Cell, ...]] = []
    for trial in study.trials:
        values = [trial.values.get(key) for key in study.keys]
        ended = (trial.state, trial is chosen, trial.steps, trial.seconds, trial.error)
        names = (study.dataset, study.model, study.way, trial.number)
        rows.append((*names, *values, study.metric, trial.score, *ended))
    best = {
        (number, columns.index("eval_score")) for number, trial in enumerate(study.trials) if trial is chosen
    }
    return TablePart(
        title=f"{study.model} on {study.dataset}, {study.way} ({study.method})",
        columns=columns,
        rows=tuple(rows),
        printed=("trial", *study.keys, *_PRINTED),
        best=frozenset(best),
    )
