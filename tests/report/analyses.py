"""Made-up analyses of any size for the tests of tables, figures and page: no catalog, no statistics."""

import math
import random
from datetime import datetime
from itertools import combinations, permutations

from seqbench.core.types import SPLITS, Task
from seqbench.metrics import METRICS, PRIMARY, higher_is_better
from seqbench.report.analysis import (
    OVERALL,
    Analysis,
    Comparison,
    Gain,
    LayerComparison,
    LayerComparisons,
    RankTest,
    Side,
    Standing,
    Wins,
)
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.results import (
    Choice,
    Curve,
    EfficiencyCurve,
    EfficiencyPoint,
    EpochFacts,
    Failure,
    LearningCurve,
    MissingPlace,
    Results,
    Score,
    Selectivity,
)
from seqbench.report.selection import Selection
from seqbench.report.subjects import DatasetFacts, ModelFacts, ReportedEmbedding, ReportedSplit, RunFacts

MODELS = (
    ("genome-bert-12l", "huggingface"),
    ("genome-bert-12l-untrained", "random-init"),
    ("dna-llama-1b", "huggingface"),
    ("kmer-4", "kmer"),
    ("protein-esm", "huggingface"),
    ("onehot", "onehot"),
)
DATASETS = (
    ("prom_core", Task.CLASSIFICATION, "promoters"),
    ("uci_splice", Task.CLASSIFICATION, "splicing"),
    ("species4_1kb", Task.CLASSIFICATION, "species"),
    ("ecoli_windows", Task.LABELS, "annotation"),
    ("deephf", Task.REGRESSION, "fitness"),
    ("human_enhancers_ensembl", Task.CLASSIFICATION, "enhancers"),
)
_N_TEST = 1000


def analysis(n_models=4, n_datasets=6, n_layers=7, heads=("mlp",), *, seed=0, empty=False):
    """Scores that rise with depth; the second model is the first's untrained twin, the fourth counts k-mers.

    Data set 1 lacks results of the third model, the second model's layer 2 failed there. With `empty` nothing
    was probed at all.
    """
    rng = random.Random(seed)
    models = tuple(_model(index, n_layers) for index in range(n_models))
    datasets = tuple(_dataset(index, rng) for index in range(n_datasets))
    selection = Selection(
        models=tuple(m.name for m in models), datasets=tuple(d.name for d in datasets), heads=tuple(heads)
    )
    pairs = [] if empty else [(d, m) for d in datasets for m in models]
    if len(models) > 2 and len(datasets) > 1:
        pairs = [pair for pair in pairs if pair != (datasets[1], models[2])]
    curves = {(d.name, m.name, h): _curve(d, m, h, rng) for d, m in pairs for h in heads}
    rows = tuple(row for d in datasets for row in _rows(d, models, curves, heads[0]))
    return Analysis(
        results=Results(
            selection=selection,
            models=models,
            datasets=datasets,
            curves=curves,
            failed=_failed(models, datasets, heads, empty),
            missing=tuple(
                MissingPlace(model=m.name, dataset=d.name, head=h)
                for m in models
                for h in heads
                for d in datasets
                if (d.name, m.name, h) not in curves
            ),
            runs=() if empty else (_run(),),
            embeddings=tuple(_embedding(d, m, s) for d, m in pairs for s in SPLITS),
            learning=tuple(_learning(row, rng) for row in rows if row.n_layers > 1),
            efficiency=tuple(_efficiency(row) for row in rows),
            selectivity=tuple(_selectivity(row) for row in rows),
            verdicts={
                key: {"converged": curve.n_layers - 1, "overfitting": 1} for key, curve in curves.items()
            },
        ),
        leaderboard=rows,
        comparisons=tuple(c for d in datasets for c in _comparisons(d, rows, rng)),
        layers=tuple(
            _layers(row, curves[row.dataset, row.model, row.head]) for row in rows if row.n_layers > 1
        ),
        gains=tuple(g for row in rows if not row.control for g in _gains(row, models)),
        standings=tuple(s for scope in _scopes(datasets) for s in _standings(scope, models, rows, datasets)),
        rank_tests=tuple(_rank_test(scope, models, rows, datasets) for scope in _scopes(datasets)),
        wins=() if empty else tuple(_wins(a.name, b.name, n_datasets) for a, b in permutations(models, 2)),
        not_compared=() if empty else ("kmer-4 × prom_core: no predictions were stored.",),
    )


def _model(index, n_layers):
    name, kind = MODELS[index] if index < len(MODELS) else (f"model-{index}", "huggingface")
    single = kind in ("kmer", "onehot")
    return ModelFacts(
        name=name,
        kind=kind,
        path=None if single else f"checkpoints/{MODELS[0][0] if index == 1 else name}",
        revision=None,
        fingerprint=f"{index:02d}" * 32,
        n_layers=1 if single else n_layers,
        hidden=256 if single else 768,
        dtype="float32" if single else "bfloat16",
    )


def _dataset(index, rng):
    name, task, group = DATASETS[index % len(DATASETS)]
    name = name if index < len(DATASETS) else f"{name}_{index // len(DATASETS) + 1}"
    counts = None if task is Task.REGRESSION else tuple(rng.randint(100, 900) for _ in range(4))
    targets = ((-2.0, -0.5, 0.1, 0.6, 3.0),) * 3 if task is Task.REGRESSION else None
    splits = {
        split: ReportedSplit(
            n_items=n, label_counts=counts, lengths=(71, 200, 300, 420, 593), targets=targets
        )
        for split, n in zip(SPLITS, (8000, _N_TEST, _N_TEST), strict=True)
    }
    return DatasetFacts(
        name=name,
        sha256=f"{index:02x}" * 32,
        task=task,
        n_train=8000,
        n_eval=_N_TEST,
        n_test=_N_TEST,
        ceiling={PRIMARY[task]: 0.97} if index == 0 else {},
        task_group=group,
        alphabet="dna",
        splits=splits,
    )


def _value(metric, quality):
    return quality if higher_is_better(metric) else 1 - quality


def _curve(dataset, model, head, rng):
    base, gain = rng.uniform(0.55, 0.68), rng.uniform(0.08, 0.25)
    gain *= 0.25 if model.kind == "random-init" else 1
    test, best = {}, {}
    for layer in range(model.n_layers):
        depth = layer / max(1, model.n_layers - 1)
        quality = base + gain * math.sin(2.2 * depth) + rng.gauss(0, 0.006)
        for metric in METRICS[dataset.task]:
            value = _value(metric, quality)
            test[layer, metric] = Score(value=value, low=value - 0.02, high=value + 0.02, n_probes=3)
            best[metric] = max(best.get(metric, (-1, 0)), (quality, layer))
    choices = {}
    for metric, (quality, oracle) in best.items():
        layer = max(0, oracle - 1)
        score = test[layer, metric]
        choices[metric] = Choice(
            metric=metric,
            layer=layer,
            eval_score=score.value,
            test=score,
            oracle_layer=oracle,
            oracle_score=_value(metric, quality),
            gap=abs(_value(metric, quality) - score.value),
        )
    return Curve(
        model=model.name, dataset=dataset.name, head=head, n_layers=model.n_layers, test=test, choices=choices
    )


def _rows(dataset, models, curves, head):
    metric = PRIMARY[dataset.task]
    found = [
        (m, curves[dataset.name, m.name, head]) for m in models if (dataset.name, m.name, head) in curves
    ]
    found.sort(key=lambda pair: -pair[1].choices[metric].test.value)
    for place, (model, curve) in enumerate(found, 1):
        yield LeaderRow(
            dataset=dataset.name,
            metric=metric,
            place=place,
            rank=max(1, place - 1),
            model=model.name,
            control=model.is_control,
            head=head,
            n_layers=curve.n_layers,
            choice=curve.choices[metric],
        )


def _side(row):
    return Side(model=row.model, head=row.head, layer=row.choice.layer)


def _comparisons(dataset, rows, rng):
    for a, b in combinations([row for row in rows if row.dataset == dataset.name], 2):
        difference = a.choice.test.value - b.choice.test.value
        p = rng.choice((0.0004, 0.02, 0.3))
        yield Comparison(
            dataset=dataset.name,
            metric=a.metric,
            a=_side(a),
            b=_side(b),
            n_items=_N_TEST,
            difference=difference,
            low=difference - 0.02,
            high=difference + 0.02,
            p=p,
            p_holm=min(1.0, 3 * p),
        )


def _layers(row, curve):
    chosen = row.choice.test.value
    others = [layer for layer in curve.layers() if layer != row.choice.layer]
    differences = {layer: chosen - curve.at(layer, row.metric).value for layer in others}
    return LayerComparisons(
        dataset=row.dataset,
        model=row.model,
        head=row.head,
        metric=row.metric,
        chosen=row.choice.layer,
        layers=tuple(
            LayerComparison(
                layer=layer,
                difference=value,
                low=value - 0.01,
                high=value + 0.01,
                p_holm=0.001 if value > 0.02 else 0.6,
            )
            for layer, value in differences.items()
        ),
    )


def _gains(row, models):
    for kind, control in (("untrained", "random-init"), ("kmer", "kmer")):
        names = [model.name for model in models if model.kind == control]
        if names and (kind == "kmer" or row.model == models[0].name):
            yield Gain(
                dataset=row.dataset,
                model=row.model,
                control=names[0],
                kind=kind,
                difference=0.1,
                low=0.06,
                high=0.14,
                p_holm=0.002,
            )


def _scopes(datasets):
    return (OVERALL, *dict.fromkeys(dataset.group for dataset in datasets))


def _standings(scope, models, rows, datasets):
    inside = {d.name for d in datasets if scope in (OVERALL, d.group)}
    for number, model in enumerate(models, 1):
        mine = [row for row in rows if row.model == model.name and row.dataset in inside]
        yield Standing(
            scope=scope,
            model=model.name,
            control=model.is_control,
            n_datasets=len(inside),
            n_in_scope=len(inside),
            n_scored=len(mine),
            average_rank=number + 0.25 if mine else None,
            n_first=sum(row.rank == 1 for row in mine),
            mean_score=None if scope == OVERALL or not mine else 0.8 - 0.05 * number,
            gain_untrained=0.1 if number == 1 and mine else None,
            gain_kmer=0.05 if not model.is_control and mine else None,
        )


def _rank_test(scope, models, rows, datasets):
    names = tuple(model.name for model in models)
    n = sum(scope in (OVERALL, d.group) for d in datasets)
    known = bool(rows) and n > 1 and len(models) > 2
    return RankTest(
        scope=scope,
        n_datasets=n,
        n_models=len(models),
        p=0.003 if known else None,
        critical_difference=1.4 if known else None,
        cliques=(names[:2], names[1:]) if known else (),
    )


def _wins(model, other, n):
    clearly = (len(model) * 7 + len(other)) % (n + 1)
    return Wins(model=model, other=other, clearly_better=clearly, better=min(n, clearly + 1), n_datasets=n)


def _learning(row, rng):
    points = tuple(
        EpochFacts(
            epoch=epoch,
            train_loss=0.7 * math.exp(-epoch / 15) + 0.1,
            eval_loss=0.7 * math.exp(-epoch / 12) + 0.2 + rng.gauss(0, 0.005),
            eval_score=0.9 - 0.4 * math.exp(-epoch / 10),
        )
        for epoch in range(1, 41)
    )
    return LearningCurve(
        model=row.model,
        dataset=row.dataset,
        head=row.head,
        layer=row.choice.layer,
        seed=42,
        chosen_epoch=31,
        verdict="converged",
        advice=None,
        points=points,
    )


def _efficiency(row):
    sizes = (("size 100", 100), ("size 500", 500), ("size 2000", 2000), ("all", 8000))
    return EfficiencyCurve(
        model=row.model,
        dataset=row.dataset,
        head=row.head,
        metric=row.metric,
        points=tuple(
            EfficiencyPoint(
                subset=subset,
                n_train=n,
                layer=row.choice.layer,
                value=row.choice.test.value - 0.05 * (3 - place),
                std=0.01,
                n_probes=3,
            )
            for place, (subset, n) in enumerate(sizes)
        ),
    )


def _selectivity(row):
    score = row.choice.test.value
    return Selectivity(
        model=row.model,
        dataset=row.dataset,
        head=row.head,
        layer=row.choice.layer,
        metric=row.metric,
        score=score,
        control_score=0.5,
        selectivity=score - 0.5,
    )


def _embedding(dataset, model, split):
    return ReportedEmbedding(
        model=model.name,
        dataset=dataset.name,
        split=split,
        n_items=_N_TEST,
        tokens=300_000,
        seconds=12.5,
        tokens_per_s=24_000.0,
        bytes=12_000_000,
        coverage_mean=0.998,
        coverage_min=0.91,
        device="cpu",
        dtype=model.dtype,
    )


def _failed(models, datasets, heads, empty):
    if empty or len(models) < 2 or len(datasets) < 2:
        return ()
    reason = "the loss became infinite or NaN in epoch 3; lower probe.mlp.lr (0.1)"
    return (
        Failure(
            model=models[1].name,
            dataset=datasets[1].name,
            head=heads[0],
            layers=(2,),
            seeds=(42,),
            n_probes=1,
            reason=reason,
        ),
    )


def _run():
    return RunFacts(
        run_id="0123456789abcdef",
        command="run",
        status="done",
        started_at=datetime(2026, 11, 20, 9, 30),
        finished_at=datetime(2026, 11, 20, 11, 5),
        device="cpu (AMD EPYC, 2 cores)",
        versions={"seqbench": "0.1.0", "torch": "2.13.0+cpu", "transformers": "5.23.0"},
    )
