"""Scores of layers, and of each metric the layer that is chosen on eval, with the oracle beside it."""

from collections import defaultdict
from collections.abc import Mapping

from seqbench.metrics import higher_is_better
from seqbench.report.reading.current import Key, Reader
from seqbench.report.results import UNKNOWN, Choice, Curve, Score

_SCORES = """
SELECT
    dataset, model, head, layer, max(n_layers), split = 'eval', metric,
    avg(value),
    CASE WHEN count(value) = count(value) FILTER (low < high) THEN avg(low) END,
    CASE WHEN count(value) = count(value) FILTER (low < high) THEN avg(high) END,
    count(value),
    max(reason) FILTER (low IS NULL)
FROM asked
JOIN current USING (dataset, model, head, variant)
JOIN metrics USING (probe_id)
WHERE status = 'ok' AND fold IS NULL AND split IN ('eval', 'test')
GROUP BY ALL
"""
"""The means over seeds of the view `layer_scores`, which can't be asked for probes since some time.

Older versions recorded intervals without width.
"""

_Scores = dict[tuple[int, str], Score]
"""By layer and metric."""


def read_curves(reader: Reader) -> dict[Key, Curve]:
    """Read the scores on test of everything asked for that has any."""
    on_test: dict[Key, _Scores] = defaultdict(dict)
    on_eval: dict[Key, _Scores] = defaultdict(dict)
    n_layers: dict[Key, int] = {}
    for dataset, model, head, layer, depth, is_eval, metric, value, low, high, n, why in reader.rows(_SCORES):
        key = (dataset, model, head)
        score = Score(value=value, low=low, high=high, n_probes=n, reason=why)
        (on_eval if is_eval else on_test)[key][layer, metric] = score
        n_layers[key] = max(depth, n_layers.get(key, 0))
    return {
        (dataset, model, head): Curve(
            dataset=dataset,
            model=model,
            head=head,
            n_layers=n_layers[dataset, model, head],
            test=dict(sorted(test.items())),
            choices=choose(on_eval[dataset, model, head], test),
        )
        for (dataset, model, head), test in on_test.items()
    }


def choose(
    on_eval: Mapping[tuple[int, str], Score], test: Mapping[tuple[int, str], Score]
) -> dict[str, Choice]:
    """Choose a layer by each metric that has scores on eval; of equal ones the lowest layer."""
    chosen, oracles = _best(on_eval), _best(test)
    return {
        metric: _choice(metric, layer, on_eval[layer, metric], oracles.get(metric), test)
        for metric, layer in chosen.items()
    }


def _best(scores: Mapping[tuple[int, str], Score]) -> dict[str, int]:
    """The layer with the best score by each metric."""
    best: dict[str, tuple[float, int]] = {}
    for (layer, metric), score in scores.items():
        if score.value is not None:
            badness = -score.value if higher_is_better(metric) else score.value
            if metric not in best or (badness, layer) < best[metric]:
                best[metric] = (badness, layer)
    return {metric: layer for metric, (_, layer) in sorted(best.items())}


def _choice(
    metric: str, layer: int, on_eval: Score, oracle: int | None, test: Mapping[tuple[int, str], Score]
) -> Choice:
    score = test.get((layer, metric), UNKNOWN)
    best = None if oracle is None else test[oracle, metric].value
    gap = None
    if best is not None and score.value is not None:
        gap = best - score.value if higher_is_better(metric) else score.value - best
    return Choice(
        metric=metric,
        layer=layer,
        eval_score=on_eval.value,
        test=score,
        oracle_layer=oracle,
        oracle_score=best,
        gap=gap,
    )
