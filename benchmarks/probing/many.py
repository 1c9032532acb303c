"""Many small probes: what a probe costs beside its training, catalog included."""

import time
from collections.abc import Callable
from typing import Any

from common.results import Figure

from probing import synthetic
from probing.setting import Setting
from seqbench.core.progress import Silent
from seqbench.probe.heads.linear import LinearHead
from seqbench.schedule.run import run

LAYERS, DATASETS, SEEDS, ITEMS, WIDTH = 33, 23, 3, 200, 16


def many(setting: Setting) -> list[Figure]:
    """23 data sets x 33 layers x 3 seeds = 2,277 probes of 200-item splits."""
    datasets = 2 if setting.quick else DATASETS
    folder = setting.folder / "many"
    for number in range(datasets):
        splits = dict.fromkeys(("train", "eval", "test"), ITEMS)
        synthetic.npy_files(folder / "files", layers=LAYERS, items=splits, width=WIDTH, seed=number)
    made = synthetic.config(
        folder, layers=LAYERS, datasets=datasets, heads=["linear"], seeds=list(range(SEEDS))
    )
    synthetic.imported(made)
    before = (folder / "catalog.duckdb").read_bytes()
    overhead, training = [], []
    for _ in range(setting.rounds):
        (folder / "catalog.duckdb").write_bytes(before)
        with _Timed(LinearHead) as spent:
            began = time.perf_counter()
            outcome = run(made, Silent(), "probe")
            whole = time.perf_counter() - began
        training.append(1e3 * spent[0] / outcome.probes)
        overhead.append(1e3 * (whole - spent[0]) / outcome.probes)
        setting.console.print(
            f"many: {outcome.probes} probes in {whole:.1f} s, {overhead[-1]:.2f} ms overhead"
        )
    return [
        Figure(
            benchmark="many",
            what=f"{outcome.probes:,} probes of {ITEMS}-item splits: overhead a probe",
            values=tuple(overhead),
            unit="ms",
            target=10.0,
            better="less",
            note="reading the store, scoring eval and test with 1,000 resamples each, records and catalog; "
            "all of `seqbench probe` but the training itself",
        ),
        Figure(benchmark="many", what="training a probe (linear head)", values=tuple(training), unit="ms"),
    ]


class _Timed:
    """Adds up the time spent in a head's `fit`."""

    def __init__(self, head: type) -> None:
        self._head = head
        self._spent = [0.0]

    def __enter__(self) -> list[float]:
        self._original: Callable[..., Any] = self._head.fit  # type: ignore[attr-defined]
        original, spent = self._original, self._spent

        def fit(*args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return original(*args, **options)
            finally:
                spent[0] += time.perf_counter() - began

        self._head.fit = fit  # type: ignore[attr-defined]
        return self._spent

    def __exit__(self, *_: object) -> None:
        self._head.fit = self._original  # type: ignore[attr-defined]
