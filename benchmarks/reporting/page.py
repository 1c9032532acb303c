"""How big the report's page is, and how long a browser takes until a reader can use it.

    cd benchmarks && python -m reporting.page

In every round a new tab of one headless Chromium opens the page from a file. The page itself says when its
script is done and all on the screen is drawn (`seqbench-ready`), counted from the start of navigation.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from common import results
from rich.console import Console

from reporting.synthetic import HEADS, dataset_names, fill, model_names
from seqbench.catalog import open_catalog
from seqbench.core.progress import Silent
from seqbench.report.analyse import analyse
from seqbench.report.analysis import Analysis
from seqbench.report.page.document import render_page
from seqbench.report.selection import Selection

NAME = "page"
MODELS, DATASETS, LAYERS = 4, 23, 33
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
_READY = "performance.getEntriesByName('seqbench-ready')[0].startTime / 1000"


def measure(rounds: int, console: Console) -> list[results.Figure]:
    """Size of the page, time to render it, and time until it can be used.

    Args:
        rounds: Of rendering and of opening. The first opening starts the browser's processes: not counted.
        console: Told what is being done.
    """
    with tempfile.TemporaryDirectory() as folder:
        console.print(f"{NAME}: {MODELS} models × {DATASETS} data sets × {LAYERS} layers", highlight=False)
        analysis = _analysis(Path(folder) / "catalog.duckdb")
        rendering, page = _rendered(analysis, rounds)
        file = Path(folder) / "index.html"
        file.write_text(page, encoding="utf-8")
        found = [
            results.Figure(
                benchmark=NAME,
                what="size",
                values=(len(page.encode()) / 1e6,),
                unit="MB",
                target=3,
                better="less",
            ),
            results.Figure(benchmark=NAME, what="rendering", values=rendering, unit="s"),
        ]
        ready = tuple(_opened(file, rounds))
    if ready:
        found.append(
            results.Figure(
                benchmark=NAME, what="until it can be used", values=ready, unit="s", target=1, better="less"
            )
        )
    else:
        console.print(f"{NAME}: no Chromium on the PATH, so nothing is opened")
    return found


def _analysis(catalog: Path) -> Analysis:
    fill(catalog, models=MODELS, datasets=DATASETS, layers=LAYERS, seeds=1, n_test=200)
    selection = Selection(
        models=tuple(model_names(MODELS)), datasets=tuple(dataset_names(DATASETS)), heads=HEADS[:1]
    )
    return analyse(open_catalog(catalog), selection, Silent())


def _rendered(analysis: Analysis, rounds: int) -> tuple[tuple[float, ...], str]:
    seconds = []
    page = ""
    for _ in range(rounds):
        start = perf_counter()
        page = render_page(analysis)
        seconds.append(perf_counter() - start)
    return tuple(seconds), page


def _opened(file: Path, rounds: int) -> Iterator[float]:
    with _browser() as browser:
        if browser is None:
            return
        for number in range(rounds + 1):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(file.as_uri())
            seconds = float(tab.evaluate(_READY))
            tab.close()
            if number:
                yield seconds


@contextmanager
def _browser() -> Iterator[Any]:
    """A headless Chromium; None where there is none."""
    from playwright.sync_api import sync_playwright

    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        yield None
        return
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield started
        started.close()


if __name__ == "__main__":
    results.show(measure(5, Console()))
