"""Results as pandas data frames."""

import subprocess
import sys

import pandas
import pytest

import seqbench
from seqbench.catalog import Catalog
from seqbench.errors import CatalogError
from tests.catalog.catalog_records import model_record, probe_record


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    path = tmp_path_factory.mktemp("frames") / "catalog.duckdb"
    Catalog(path).append(
        [
            model_record("four", "kmer"),
            *[
                probe_record(layer=layer, head=head, eval={"accuracy": score}, test={"accuracy": score})
                for layer, head, score in ((0, "mlp", 0.5), (1, "mlp", 0.7), (1, "knn", 0.6))
            ],
            probe_record(model="four", fold=1, folds=2, test={"accuracy": None}),
            probe_record(model="four", eval={"accuracy": 0.9}, test={"accuracy": 0.8}),
        ]
    )
    return seqbench.open_catalog(path)


def test_results_are_a_frame_of_the_view(catalog):
    frame = catalog.results()
    asked = catalog.query("FROM results")
    assert tuple(frame.columns) == asked.columns
    assert len(frame) == len(asked.rows) == 9
    assert frame.groupby("split").size().to_dict() == {"eval": 4, "test": 5}


def test_filters_take_a_value_several_or_none(catalog):
    frame = catalog.results(split="test", head=["mlp", "forest"], fold=None)
    assert sorted(frame["accuracy"]) == [0.5, 0.7, 0.8]
    assert len(catalog.results(layer=1, split="test")) == 2
    assert catalog.results(model="nobody").empty
    assert tuple(catalog.results(model="nobody").columns) == catalog.query("FROM results").columns


def test_a_filter_on_no_column_is_answered_with_near_ones(catalog):
    with pytest.raises(CatalogError, match=r"results has no column 'data_set' \(near it: dataset\b"):
        catalog.results(data_set="x")
    with pytest.raises(CatalogError, match="no column 'model\" OR true --'"):
        catalog.results(**{'model" OR true --': 1})


def test_the_leaderboard_is_in_its_order(catalog):
    frame = catalog.leaderboard()
    assert frame[["place", "model", "control"]].to_numpy().tolist() == [[1, "four", True], [2, "bert", False]]
    assert catalog.leaderboard(model="bert")["test_score"].tolist() == [0.7]


def test_whole_numbers_stay_whole_and_missing_ones_are_missing(catalog):
    frame = catalog.query(
        "SELECT fold, fold IS NULL AS none, accuracy, TIMESTAMP '2026-01-02 03:04:05' AS at, model, "
        "CASE WHEN fold = 1 THEN true END AS maybe FROM results WHERE split = 'test' ORDER BY fold NULLS LAST"
    ).to_pandas()
    assert [str(kind) for kind in frame.dtypes[:4]] == ["Int64", "boolean", "float64", "datetime64[us]"]
    assert frame["fold"].isna().tolist() == [False, True, True, True, True]
    assert frame["fold"][0] == 1
    assert frame["maybe"].isna().sum() == 4
    assert pandas.isna(frame["accuracy"][0])
    assert frame["at"][0] == pandas.Timestamp("2026-01-02 03:04:05")


def test_two_columns_of_one_name_and_no_rows_are_no_trouble(catalog):
    assert list(catalog.query("SELECT 1 AS a, 'x' AS a").to_pandas().columns) == ["a", "a"]
    assert catalog.query("SELECT 1 AS a WHERE false").to_pandas().shape == (0, 1)


def test_without_pandas_the_way_to_get_it_is_told(catalog):
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "import seqbench\n"
        "from seqbench.errors import CatalogError\n"
        "catalog = seqbench.open_catalog(sys.argv[1])\n"
        "assert catalog.query('SELECT 1').rows == [(1,)]\n"
        "try:\n"
        "    catalog.results()\n"
        "except CatalogError as error:\n"
        "    print(error)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, str(catalog.path)], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "data frames need pandas (pip install 'seqbench[frames]')\n"
