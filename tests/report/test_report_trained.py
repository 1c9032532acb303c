"""Frozen, LoRA and full beside each other: from planted predictions in a catalog to what is said of them."""

from dataclasses import replace

import pytest
from analyses import analysis as made_up
from predicted_records import fill
from predicted_records import model as model_record
from rich.console import Console
from trained import QUALITIES, train
from trained_rows import SIZES, with_trained

from seqbench.core.progress import Silent
from seqbench.metrics import holm
from seqbench.report.analyse import analyse
from seqbench.report.comparing import known
from seqbench.report.figures.every import figures
from seqbench.report.selection import Selection
from seqbench.report.summary import summarize
from seqbench.report.tables.every import forms, tables
from seqbench.report.terminal_trained import trained_ways_table

DATASETS = ("binary", "values")
MODELS = ("bert", "esm", "phage", "bert-untrained", "kmer-4")
WANTED = Selection(models=MODELS, datasets=DATASETS, heads=("mlp",), trained=("lora", "full"))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return train(fill(tmp_path_factory.mktemp("trained") / "c.duckdb", DATASETS, seeds=(1, 2)), DATASETS)


@pytest.fixture(scope="module")
def found(catalog):
    return analyse(catalog, WANTED, Silent())


def _way(found, dataset, model, way):
    (row,) = (one for one in found.ways if (one.row.dataset, one.row.model, one.way) == (dataset, model, way))
    return row


def test_each_trained_model_has_a_row_a_way_and_one_that_was_not_trained_has_none(found):
    rows = [(one.row.dataset, one.row.model, one.way) for one in found.ways]
    ways = ("frozen", "lora", "full")
    assert rows == [(dataset, model, way) for dataset in DATASETS for model in QUALITIES for way in ways]


def test_the_gain_is_the_difference_of_mean_scores_and_clear_where_it_was_planted_large(found):
    for dataset in DATASETS:
        for model in QUALITIES:
            frozen = _way(found, dataset, model, "frozen").row.choice.test.value
            for way in ("lora", "full"):
                one = _way(found, dataset, model, way)
                assert one.over_frozen.difference == pytest.approx(one.row.choice.test.value - frozen)
                assert one.over_frozen.low < one.over_frozen.difference < one.over_frozen.high
    assert _way(found, "binary", "bert", "full").over_frozen.is_clear
    assert _way(found, "values", "esm", "full").over_lora.difference < 0


def test_p_is_corrected_over_all_pairs_of_ways_of_a_data_set(found, catalog):
    sql = "SELECT p FROM paired_comparisons WHERE kind = 'heads' AND dataset = 'binary'"
    p = [row[0] for row in catalog.query(sql).rows]
    ways = [one for one in found.ways if one.row.dataset == "binary"]
    shown = [apart.p_holm for one in ways for apart in (one.over_frozen, one.over_lora) if apart]
    assert len(p) == 6
    assert sorted(shown) == pytest.approx(sorted(holm(p)))


def test_ranks_are_among_models_that_are_used_alike(found, catalog):
    without = analyse(catalog, replace(WANTED, trained=()), Silent())
    assert found.leaderboard == without.leaderboard
    assert found.standings == without.standings
    assert without.ways == ()
    ranks = {way: [one.row.rank for one in found.ways if one.way == way] for way in ("lora", "full")}
    assert ranks == {"lora": [1, 1, 1, 1], "full": [1, 2, 1, 2]}


def test_the_catalogs_views_conclude_the_same(found, catalog):
    sql = "SELECT dataset, model, way_a, difference, p_holm FROM head_comparisons WHERE way_b = 'frozen'"
    expected = [
        (one.row.dataset, one.row.model, one.way, apart.difference, pytest.approx(apart.p_holm))
        for one in found.ways
        for apart in [one.over_frozen]
        if apart
    ]  # fmt: skip
    assert sorted(catalog.query(sql).rows) == sorted(expected, key=lambda row: row[:3])
    sql = "SELECT dataset, model, way, rank FROM leaderboard WHERE way != 'frozen' ORDER BY ALL"
    ranks = [(one.row.dataset, one.row.model, one.way, one.row.rank) for one in found.ways if one.over_frozen]
    assert catalog.query(sql).rows == sorted(ranks)


def test_what_a_way_took_is_of_one_seed(found):
    lora = _way(found, "binary", "bert", "lora").cost
    assert (lora.trained_parameters, lora.total_parameters) == (SIZES["lora"], SIZES["full"])
    assert (lora.seconds, lora.peak_memory_bytes, lora.steps) == (5400.0, 2_000_000_000, 40)
    frozen = _way(found, "binary", "esm", "frozen").cost
    assert frozen.trained_parameters == 514
    assert frozen.seconds == pytest.approx(60.0 + 3 * 1.0)


def test_what_was_compared_is_taken_from_the_catalog_the_next_time(found, catalog, monkeypatch):
    monkeypatch.setattr(known, "compare", lambda *_: pytest.fail("compared again"))
    assert analyse(catalog, WANTED, Silent()) == found


def test_an_adapted_model_is_set_against_its_base_layer_by_layer(found):
    assert [(one.dataset, one.model, one.base) for one in found.changes] == [
        (name, "phage", "bert") for name in DATASETS
    ]
    binary = found.changes[0]
    assert [one.layer for one in binary.layers] == [0, 1, 2]
    for one in binary.layers:
        assert one.apart.difference == pytest.approx(one.after.value - one.before.value)
    assert [one.apart.is_clear for one in binary.layers] == [False, False, True]
    assert binary.best.difference > 0


def test_a_fine_tuned_model_that_was_probed_is_known_by_its_weights(catalog, tmp_path):
    path = tmp_path / "c.duckdb"
    path.write_bytes(catalog.path.read_bytes())
    copy = type(catalog)(path)
    copy.append([replace(model_record("bert", path="tuned"), model="esm", fingerprint="bert-values-full-1")])
    found = analyse(copy, WANTED, Silent())
    assert {
        (one.model, one.base, one.stage, one.trained_on) for one in found.changes if one.model == "esm"
    } == {("esm", "bert", "finetune", "values")}


def test_lines_of_layers_and_the_best_layers_leave_trained_models_out(found):
    made = {table.name: table for table in tables(found, [("accuracy",)])}
    for name in ("layers", "best_accuracy", "leaderboard"):
        heads = made[name].parts[0].columns.index("head")
        assert {row[heads] for row in made[name].parts[0].rows} == {"mlp"}
    names = [figure.name for figure in figures(found, [("accuracy",)])]
    assert "layers_accuracy_lora" not in names
    assert {"trained", "changes"} <= set(names)


def test_the_table_has_a_row_a_way_with_gain_and_cost_in_every_form(found):
    (table,) = (table for table in tables(found, []) if table.name == "trained")
    written = dict(forms(table, ["tsv", "csv", "md", "tex"]))
    header, *rows = (line.split("\t") for line in written["tsv"].splitlines())
    assert len(rows) == 12
    full = dict(zip(header, rows[2], strict=True))
    assert (full["model"], full["way"], full["trained_parameters"]) == ("bert", "full", "8700000")
    assert float(full["hours"]) == 1.5
    assert full["gain_clear"] == "true"
    assert "| bert | full | full |" in written["md"]


def test_sentences_tell_of_each_way_and_of_the_adapted_model(found):
    one = summarize(replace(found, ways=tuple(way for way in found.ways if way.row.dataset == "binary")))
    said = " ".join(one)
    assert "bert on binary (frozen 0." in said
    assert "full fine-tuning scores 0.9" in said
    assert "phage, bert after adapting it, is clearly better than bert on" in said
    many = " ".join(summarize(with_trained(made_up(4, 6, 7))))
    assert "LoRA is clearly better than the frozen model on 0 of" in many


def test_a_report_on_trained_models_alone_says_what_they_score(catalog):
    found = analyse(catalog, replace(WANTED, heads=()), Silent())
    assert {one.way for one in found.ways} == {"lora", "full"}
    assert all(one.over_frozen is None for one in found.ways)
    said = " ".join(summarize(found))
    assert "No model has a score" not in said
    assert "bert on binary: LoRA scores" in said


def test_the_terminal_shows_every_way_in_80_columns(found):
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(trained_ways_table(found))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    full = next(line for line in lines if line.split()[:1] == ["full"])
    assert full.split()[-6:] == ["8.7M", "1.5", "h", "cpu", "2.0", "GB"]
    assert trained_ways_table(replace(found, ways=())) is None
