"""The leaderboard on a terminal."""

import io

import pytest
from report_records import fill, selection
from rich.console import Console

from seqbench.report.leaderboard import leaderboard
from seqbench.report.read import read_results
from seqbench.report.terminal import leaderboard_table


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    catalog = fill(tmp_path_factory.mktemp("report") / "c.duckdb", layers=13)
    return read_results(catalog, selection())


def _lines(results, columns):
    out = io.StringIO()
    ceilings = {"prom_core": 0.97}
    Console(file=out, width=columns).print(leaderboard_table(leaderboard(results), ceilings, columns))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("columns", [80, 200])
def test_every_model_stands_on_one_line_that_fits(results, columns):
    lines = _lines(results, columns)
    assert max(map(len, lines)) <= columns
    assert sum("dna-bert-untrained " in line for line in lines) == 9
    assert not any("…" in line for line in lines)


def test_a_line_has_layer_score_interval_and_gap(results):
    choice = results.curve("uci_splice", "dna-bert", "mlp").choices["accuracy"]
    line = next(line for line in _lines(results, 80)[8:] if " dna-bert " in line)
    assert line.split()[-5:] == [
        "mlp",
        f"{choice.layer}/12",
        f"{choice.test.value:.3f}",
        "±0.020",
        f"{choice.gap:.3f}",
    ]


def test_the_ceiling_stands_where_it_is_known(results):
    (line,) = [line for line in _lines(results, 80) if "ceiling" in line]
    assert line.split() == ["ceiling", "0.970"]


def test_a_wide_terminal_shows_the_oracle(results):
    choice = results.curve("deephf", "dna-bert", "mlp").choices["spearmanr"]
    oracle = f"{choice.oracle_score:.3f} @ {choice.oracle_layer}"
    assert any(oracle in line for line in _lines(results, 200))
    assert not any(" @ " in line for line in _lines(results, 80))
