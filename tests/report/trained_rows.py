"""Made-up rows of trained models for any made-up analysis: no catalog, no statistics."""

from dataclasses import replace

from seqbench.report.results import Score
from seqbench.report.ways import Apart, Change, Cost, LayerChange, WayRow

SIZES = {"lora": 150_000, "full": 8_700_000}


def with_trained(analysis):
    """A made-up analysis whose models were trained in both ways, and the second began as the first."""
    ways = []
    for row in analysis.leaderboard:
        if row.control or row.choice.test.value is None:
            continue
        ways.append(
            WayRow(way="frozen", row=row, cost=Cost(trained_parameters=1538, seconds=95.0, device="cpu"))
        )
        for number, way in enumerate(SIZES):
            ways.append(_way(row, way, 0.01 + 0.03 * number))
    return replace(analysis, ways=tuple(ways), changes=tuple(_changes(analysis)))


def _way(row, way, gain):
    score = Score(value=row.choice.test.value + gain, low=None, high=None, n_probes=3)
    return WayRow(
        way=way,
        row=replace(row, head=way, choice=replace(row.choice, test=score)),
        cost=Cost(
            trained_parameters=SIZES[way], total_parameters=SIZES["full"], seconds=5400.0, device="cuda",
            peak_memory_bytes=3_400_000_000, steps=900,
        ),
        over_frozen=_around(gain, 0.2 if gain < 0.02 else 0.01),
        over_lora=Apart(difference=0.03, low=None, high=None, p_holm=None) if way == "full" else None,
    )  # fmt: skip


def _around(difference, p_holm):
    return Apart(difference=difference, low=difference - 0.02, high=difference + 0.02, p_holm=p_holm)


def _changes(analysis):
    deep = [model.name for model in analysis.results.models if not model.is_control]
    for dataset in analysis.results.datasets if len(deep) > 1 else ():
        before, after = (analysis.results.curve(dataset.name, name, "mlp") for name in deep[:2])
        metric = analysis.results.metric_of(dataset)
        if before is None or after is None:
            continue
        layers = tuple(
            LayerChange(
                layer=layer,
                before=before.at(layer, metric),
                after=after.at(layer, metric),
                apart=_around(0.02 * layer - 0.01, 0.01 if layer else 0.5),
            )
            for layer in before.layers()
        )  # fmt: skip
        yield Change(
            dataset=dataset.name, model=deep[1], base=deep[0], stage="adapt", trained_on=None, head="mlp",
            metric=metric, layers=layers, best=_around(0.05, 0.02),
        )  # fmt: skip
