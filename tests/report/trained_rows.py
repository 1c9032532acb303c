"""Made-up rows of trained models for any made-up analysis: no catalog, no statistics."""

from dataclasses import replace

from seqbench.report.results import Score
from seqbench.report.studies import Study, Tried
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
    results = replace(analysis.results, studies=tuple(_studies(analysis)))
    return replace(analysis, results=results, ways=tuple(ways), changes=tuple(_changes(analysis)))


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


def _studies(analysis):
    """A search with settings of every kind, and one by whose metric less is better."""
    first = next((model for model in analysis.results.models if not model.is_control), None)
    for dataset in analysis.results.datasets[:1] if first else ():
        yield study(dataset.name, first.name, "lora", "accuracy", True)
        yield study(dataset.name, first.name, "full", "eval_loss", False)


def study(dataset, model, way, metric, higher_is_better):
    trials = tuple(
        Tried(
            number=number,
            values={
                "lr": 10.0 ** -(3 + number % 4),
                "lora.rank": 4 * number + 2,
                "head": ("mean", "cls")[number % 2],
            },
            state=("done", "pruned")[number % 5 == 4],
            score=0.6 + 0.03 * (number % 7),
            steps=40,
            seconds=2.5,
            error=None,
        )
        for number in range(9)
    )
    failed = Tried(
        number=9, values={"lr": 1.0, "lora.rank": 8, "head": None}, state="failed", score=None, steps=3,
        seconds=0.1,
        error="diverged",
    )  # fmt: skip
    return Study(
        dataset=dataset, model=model, way=way, method="tpe", metric=metric, higher_is_better=higher_is_better,
        keys=("lr", "lora.rank", "head"), trials=(*trials, failed),
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
