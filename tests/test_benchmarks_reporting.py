"""The made-up catalogs that reports are measured on are what they say."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from seqbench.catalog import Catalog
from seqbench.catalog.check import check
from seqbench.core.progress import Silent
from seqbench.report.analyse import analyse
from seqbench.report.selection import Selection

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def reporting(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module


def test_a_made_up_catalog_is_sound_and_its_predictions_have_its_scores(
    reporting: Any, tmp_path: Path
) -> None:
    path = tmp_path / "catalog.duckdb"
    sizes = {"models": 3, "datasets": 5, "layers": 4, "seeds": 2, "heads": 2, "n_test": 2000}
    reporting("reporting.synthetic").fill(path, **sizes)
    catalog = Catalog(path)
    assert check(catalog).findings == ()
    # Of three models one is k-mers, which has one layer.
    assert catalog.query("SELECT count(*) FROM probes").rows == [(5 * 2 * 2 * (4 + 4 + 1),)]
    found = catalog.query(
        """
        SELECT max(abs(value - accuracy)) FROM metrics
        JOIN probes USING (probe_id)
        JOIN (
            SELECT probe_id, avg(CASE WHEN (score > 0.5) = (target = 1) THEN 1.0 ELSE 0.0 END) AS accuracy
            FROM predictions GROUP BY probe_id
        ) USING (probe_id)
        WHERE metric = 'accuracy' AND split = 'test' AND task = 'classification'
        """
    ).rows
    assert found[0][0] < 0.05
    views = ("leaderboard", "best_layers", "learning_curves")
    assert all(catalog.query(f"SELECT count(*) FROM {view}").rows[0][0] for view in views)


def test_made_up_comparisons_stand_in_the_views(reporting: Any, tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    reporting("reporting.synthetic").fill(path, models=3, datasets=2, layers=3, seeds=2, predictions=False)
    catalog = Catalog(path)
    catalog.append(reporting("reporting.queries").comparisons(catalog))
    assert catalog.query("SELECT count(*) FROM comparisons").rows == [(2 * 3,)]
    assert catalog.query("SELECT count(*) FROM layer_comparisons").rows == [(2 * 2 * 2,)]
    assert catalog.query("SELECT count(*) FROM leaderboard WHERE rank IS NULL").rows == [(0,)]


def test_the_views_say_what_a_report_concludes(reporting: Any, tmp_path: Path) -> None:
    synthetic = reporting("reporting.synthetic")
    path = tmp_path / "catalog.duckdb"
    synthetic.fill(path, models=4, datasets=5, layers=4, seeds=2, heads=2, n_test=150)
    catalog = Catalog(path)
    selection = Selection(
        models=tuple(synthetic.model_names(4)),
        datasets=tuple(synthetic.dataset_names(5)),
        heads=synthetic.HEADS[:2],
    )
    analysis = analyse(catalog, selection, Silent())
    ranks = {(row.dataset, row.model, row.rank, row.place, row.head) for row in analysis.leaderboard}
    assert len(ranks) == 4 * 5
    assert set(catalog.query("SELECT dataset, model, rank, place, head FROM leaderboard").rows) == ranks
    pairs = {
        (pair.dataset, *sorted((pair.a.model, pair.b.model))): pair.p_holm for pair in analysis.comparisons
    }
    sql = "SELECT dataset, least(model_a, model_b), greatest(model_a, model_b), p_holm FROM comparisons"
    assert {tuple(row[:3]): row[3] for row in catalog.query(sql).rows} == pytest.approx(pairs)
    layers = {
        (one.dataset, one.model, layer.layer): layer.p_holm for one in analysis.layers for layer in one.layers
    }
    sql = "SELECT dataset, model, layer, p_holm FROM layer_comparisons"
    assert {tuple(row[:3]): row[3] for row in catalog.query(sql).rows} == pytest.approx(layers)
