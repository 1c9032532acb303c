"""How long the catalog's views take on a million rows of metrics, and adding comparisons and merging."""

import time
from collections.abc import Callable
from itertools import combinations

from common.results import Figure
from common.setting import Setting
from common.turns import in_turns

from reporting.synthetic import fill
from seqbench.catalog import Catalog
from seqbench.catalog.check import check
from seqbench.catalog.merge import merge
from seqbench.catalog.records import ComparedSide, ComparisonKind, ComparisonRecord

TARGET_SECONDS = 2.0
QUERIES = {
    "leaderboard": "FROM leaderboard",
    "best_layers": "FROM best_layers",
    "results of a data set": "FROM results WHERE dataset = 'dataset-01'",
    "layer_scores": "FROM layer_scores",
    "comparisons": "FROM comparisons",
    "layer_comparisons": "FROM layer_comparisons",
    "learning curves of a data set": "FROM learning_curves WHERE dataset = 'dataset-01'",
    "selectivity": "FROM selectivity",
    "data_efficiency": "FROM data_efficiency",
}
SIDES = """
SELECT
    b.dataset, b.metric, b.model, b.head, b.variant, p.layer, list_sort(list(p.probe_id)), p.layer = b.layer
FROM leaderboard b JOIN probes p USING (model, dataset, head, variant)
GROUP BY ALL ORDER BY ALL
"""
MANY = 100_000


def queries(setting: Setting) -> list[Figure]:
    """Every view of a catalog of 4 models x 23 data sets x 33 layers x 3 heads x 8 seeds."""
    path = setting.folder / "million.duckdb"
    seconds = _timed(lambda: fill(path, seeds=1 if setting.quick else 8, heads=3, predictions=False))
    catalog = Catalog(path)
    ((rows,),) = catalog.query("SELECT count(*) FROM metrics").rows
    setting.console.print(f"{rows:,} rows of metrics in {seconds:.1f} s, {path.stat().st_size / 1e6:,.0f} MB")
    catalog.append(comparisons(catalog))
    contenders = {
        name: lambda sql=sql: _timed(lambda: catalog.query(sql))  # type: ignore[misc]
        for name, sql in QUERIES.items()
    }
    measured = in_turns(contenders, setting.rounds, setting.console, "queries")
    return [
        Figure(
            benchmark="queries",
            what=f"{name}, {rows:,} rows of metrics",
            values=tuple(values.tolist()),
            unit="s",
            target=TARGET_SECONDS,
            better="less",
            note="opening the file and fetching all rows included",
        )
        for name, values in measured.items()
    ]


def bulk(setting: Setting) -> list[Figure]:
    """Adding and finding 100,000 comparisons; merging and checking a catalog with predictions."""
    source, target = setting.folder / "source.duckdb", setting.folder / "target.duckdb"
    fill(source, layers=3 if setting.quick else 33)
    wanted = _made_up(1_000 if setting.quick else MANY)
    keys = [record.key for record in wanted]

    def add() -> float:
        target.unlink(missing_ok=True)
        Catalog(target).append([])
        return _timed(lambda: Catalog(target).append(wanted))

    def join() -> float:
        target.unlink(missing_ok=True)
        return _timed(lambda: merge(Catalog(target), [source]))

    contenders: dict[str, Callable[[], float]] = {
        f"adding {len(wanted):,} comparisons": add,
        "finding them by their keys": lambda: _timed(lambda: Catalog(target).known_comparisons(keys)),
        "merging a catalog with its predictions": join,
        "checking it": lambda: _timed(lambda: check(Catalog(source))),
    }
    measured = in_turns(contenders, setting.rounds, setting.console, "bulk")
    size = source.stat().st_size / 1e6
    ((rows,),) = Catalog(source).query("SELECT count(*) FROM predictions").rows
    return [
        Figure(
            benchmark="bulk",
            what=name,
            values=tuple(values.tolist()),
            unit="s",
            note=f"the merged catalog has {rows:,} rows of predictions, {size:,.0f} MB",
        )
        for name, values in measured.items()
    ]


def comparisons(catalog: Catalog) -> list[ComparisonRecord]:
    """What a report would record of a catalog's leaderboard: all pairs of models, all layers of each."""
    chosen: dict[tuple[str, str], list[ComparedSide]] = {}
    layers: dict[tuple[str, str, str], list[ComparedSide]] = {}
    for dataset, metric, model, head, variant, layer, probes, is_chosen in catalog.query(SIDES).rows:
        side = ComparedSide(model=model, head=head, variant=variant, layer=layer, probes=tuple(probes))
        if is_chosen:
            chosen.setdefault((dataset, metric), []).append(side)
        else:
            layers.setdefault((dataset, metric, model), []).append(side)
    found = []
    for (dataset, metric), sides in chosen.items():
        found += [_compared("models", dataset, metric, a, b) for a, b in combinations(sides, 2)]
        for a in sides:
            others = layers.get((dataset, metric, a.model), [])
            found += [_compared("layers", dataset, metric, a, b) for b in others]
    return found


def _made_up(count: int) -> list[ComparisonRecord]:
    sides = [
        ComparedSide(
            model=f"model-{number % 4}", head="mlp", variant="v" * 12, layer=number % 33,
            probes=tuple(2**40 + 7919 * (3 * number + seed) for seed in range(3)),
        )
        for number in range(count + 1)
    ]  # fmt: skip
    return [
        _compared("layers", f"dataset-{number % 23}", "accuracy", sides[number], sides[number + 1])
        for number in range(count)
    ]


def _compared(
    kind: ComparisonKind, dataset: str, metric: str, a: ComparedSide, b: ComparedSide
) -> ComparisonRecord:
    difference = (hash((a.probes, b.probes)) % 1000 - 500) / 20_000
    return ComparisonRecord(
        kind=kind, dataset=dataset, metric=metric, a=a, b=b, n_items=1000, n_resamples=200,
        difference=difference, low=difference - 0.02, high=difference + 0.02,
        p=max(1e-6, 1 - 50 * abs(difference)),
    )  # fmt: skip


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
