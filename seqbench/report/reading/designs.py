"""What probes beside the main ones tell: training on parts of train, and on shuffled labels."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from seqbench.report.reading.current import Key, Reader
from seqbench.report.reading.curves import choose
from seqbench.report.reading.training import place_parameters
from seqbench.report.results import EfficiencyCurve, EfficiencyPoint, Score, Selectivity

_PARTS = """
, places(dataset, metric) AS (SELECT unnest($ranked), unnest($metrics)),
keyed AS (
    SELECT
        *,
        md5(CAST(json_merge_patch(
            spec, '{"subset": null, "repeat": null, "layer": null, "seed": null, "chosen": null}'
        ) AS VARCHAR)) AS curve
    FROM asked
    WHERE status = 'ok' AND control IS NULL AND folds IS NULL
),
shown AS (
    SELECT dataset, model, head, arg_max(keyed.curve, {
        'current': keyed.subset IS NULL AND keyed.variant = current.variant, 'at': keyed.recorded_at
    }) AS curve
    FROM keyed LEFT JOIN current USING (dataset, model, head)
    GROUP BY ALL
    HAVING bool_or(keyed.subset IS NOT NULL)
)
SELECT
    dataset, model, head, metric, coalesce(subset, 'all'), layer, split = 'eval', max(n_train),
    avg(value), stddev_samp(value), count(value)
FROM keyed
JOIN shown USING (dataset, model, head, curve)
JOIN metrics USING (probe_id)
JOIN places USING (dataset, metric)
WHERE split IN ('eval', 'test')
GROUP BY ALL
"""
"""`curve` names the settings that the parts of train have in common, as in the view `data_efficiency`."""

_SELECTIVITY = """
, places(dataset, model, head, layer) AS (
    SELECT unnest($place_datasets), unnest($place_models), unnest($place_heads), unnest($place_layers)
),
ranked(dataset, metric) AS (SELECT unnest($ranked), unnest($metrics))
SELECT dataset, model, head, layer, metric, avg(score), avg(control_score), avg(selectivity)
FROM selectivity
JOIN current USING (dataset, model, head, variant)
JOIN places USING (dataset, model, head, layer)
JOIN ranked USING (dataset, metric)
WHERE subset IS NULL AND fold IS NULL
GROUP BY ALL
"""
_DESIGNS = "SELECT count(subset) > 0, count(control) > 0 FROM asked"


def read_designs(reader: Reader) -> tuple[bool, bool]:
    """Tell whether there are probes of parts of train, and controls; the views behind them are slow."""
    parts, controls = reader.rows(_DESIGNS)[0]
    return parts, controls


def read_efficiency(reader: Reader, metrics: Mapping[str, str]) -> tuple[EfficiencyCurve, ...]:
    """Read scores against the number of training items, by each data set's metric.

    Args:
        reader: The catalog.
        metrics: By data set.
    """
    on_eval: dict[tuple[Key, str], dict[tuple[int, str], Score]] = defaultdict(dict)
    on_test: dict[tuple[Key, str], dict[tuple[int, str], Score]] = defaultdict(dict)
    spread: dict[tuple[Key, str, int], float | None] = {}
    n_train: dict[tuple[Key, str], int] = {}
    for dataset, model, head, metric, part, layer, is_eval, n, value, std, count in reader.rows(
        _PARTS, ranked=list(metrics), metrics=list(metrics.values())
    ):
        key = (dataset, model, head)
        score = Score(value=value, low=None, high=None, n_probes=count)
        (on_eval if is_eval else on_test)[key, part][layer, metric] = score
        n_train[key, part] = max(n, n_train.get((key, part), 0))
        if not is_eval:
            spread[key, part, layer] = std
    points: dict[Key, list[EfficiencyPoint]] = defaultdict(list)
    for (key, part), scores in on_eval.items():
        for choice in choose(scores, on_test[key, part]).values():
            points[key].append(
                EfficiencyPoint(
                    subset=part,
                    n_train=n_train[key, part],
                    layer=choice.layer,
                    value=choice.test.value,
                    std=spread.get((key, part, choice.layer)),
                    n_probes=choice.test.n_probes,
                )
            )
    return tuple(
        _curve(key, metrics[key[0]], found)
        for key, found in sorted(points.items(), key=lambda pair: _place(reader, pair[0]))
        if len(found) > 1
    )


def _curve(key: Key, metric: str, points: Sequence[EfficiencyPoint]) -> EfficiencyCurve:
    dataset, model, head = key
    ordered = sorted(points, key=lambda point: (point.n_train, point.subset))
    return EfficiencyCurve(dataset=dataset, model=model, head=head, metric=metric, points=tuple(ordered))


def read_selectivity(
    reader: Reader, places: Sequence[tuple[Key, int]], metrics: Mapping[str, str]
) -> tuple[Selectivity, ...]:
    """Read how much better layers did than with shuffled labels, by each data set's metric."""
    names = ("dataset", "model", "head", "layer", "metric", "score", "control_score", "selectivity")
    rows = reader.rows(
        _SELECTIVITY, **place_parameters(places), ranked=list(metrics), metrics=list(metrics.values())
    )
    found = [Selectivity(**dict(zip(names, row, strict=True))) for row in rows if None not in row]
    found.sort(key=lambda one: _place(reader, (one.dataset, one.model, one.head)))
    return tuple(found)


def _place(reader: Reader, key: Key) -> tuple[int, int, int]:
    """Where it stands in the order of the selection."""
    wanted = reader.selection
    return (wanted.datasets.index(key[0]), wanted.models.index(key[1]), wanted.all_heads.index(key[2]))
