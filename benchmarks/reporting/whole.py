"""How long a whole report takes: comparisons, tables, figures, page, at first and when nothing changed."""

import os
from pathlib import Path
from time import perf_counter

from common import results
from common.setting import Setting

from reporting.synthetic import HEADS, dataset_names, fill, model_names
from seqbench.catalog import open_catalog
from seqbench.core.progress import Silent
from seqbench.report import ReportSettings, Selection, write_report

NAME = "whole"
MODELS, DATASETS, LAYERS, N_TEST = 4, 23, 33, 1000


def whole(setting: Setting) -> list[results.Figure]:
    """`seqbench report` on 4 models x 23 data sets x 33 layers, 1,000 test items each, predictions kept."""
    datasets, layers, n_test = (2, 3, 50) if setting.quick else (DATASETS, LAYERS, N_TEST)
    first, again = [], []
    for number in range(setting.rounds):
        folder = setting.folder / f"{NAME}-{number}"
        folder.mkdir()
        path = folder / "catalog.duckdb"
        fill(
            path,
            models=MODELS,
            datasets=datasets,
            layers=layers,
            seeds=1,
            heads=1,
            n_test=n_test,
            predictions=True,
        )
        for found in (first, again):
            found.append(_seconds(path, folder / "report", datasets))
            setting.console.print(f"{NAME}, round {number + 1}/{setting.rounds}: {found[-1]:.1f} s")
    what = f"{MODELS} models × {datasets} data sets × {layers} layers, {n_test:,} test items"
    return [
        results.Figure(
            benchmark=NAME,
            what=f"{what}: first report",
            values=tuple(first),
            unit="s",
            target=20,
            better="less",
            note=f"comparisons, tables (tsv, md), figures (png, svg) in {os.cpu_count()} processes, the page",
        ),
        results.Figure(benchmark=NAME, what="again, nothing changed", values=tuple(again), unit="s"),
    ]


def _seconds(path: Path, out: Path, datasets: int) -> float:
    began = perf_counter()
    write_report(
        catalog=open_catalog(path),
        selection=Selection(
            models=tuple(model_names(MODELS)), datasets=tuple(dataset_names(datasets)), heads=HEADS[:1]
        ),
        settings=ReportSettings(
            out=out,
            best_table=("accuracy", ("roc_auc", "accuracy"), "spearmanr"),
            layer_figure=(("roc_auc", "accuracy"), ("spearmanr", "r2")),
            processes=os.cpu_count() or 1,
        ),
        reporter=Silent(),
    )
    return perf_counter() - began
