"""The leaderboard on a terminal."""

import io
from dataclasses import replace

import pytest
from analyses import analysis
from rich.console import Console

from seqbench.report.terminal import leaderboard_table


@pytest.fixture(scope="module")
def made():
    return analysis(6, 6, 33)


def _lines(made, columns):
    out = io.StringIO()
    Console(file=out, width=columns).print(leaderboard_table(made, columns))
    return out.getvalue().splitlines()


def _line(made, columns, dataset, model):
    lines = _lines(made, columns)
    start = next(number for number, line in enumerate(lines) if line.startswith(dataset))
    return next(line for line in lines[start:] if line.strip().startswith(f"{model} "))


@pytest.mark.parametrize("columns", [80, 130, 170, 200])
def test_every_model_stands_on_one_line_that_fits(made, columns):
    lines = _lines(made, columns)
    assert max(map(len, lines)) <= columns
    assert sum("genome-bert-12l-untrained " in line for line in lines) == 6
    assert sum(line.startswith("human_enhancers_ensembl ") for line in lines) == 1
    assert not any("…" in line for line in lines)


def test_a_line_has_rank_layer_score_half_interval_and_gains(made):
    row = next(row for row in made.leaderboard if row.model == "genome-bert-12l")
    cells = _line(made, 80, row.dataset, row.model).split()
    assert cells == [
        "genome-bert-12l",
        "1=",
        f"{row.choice.layer}/32",
        f"{row.choice.test.value:.3f}",
        "±0.020",
        "+0.100",
        "+0.100",
    ]


def test_a_wide_terminal_shows_head_layers_as_good_intervals_of_gains_and_the_oracle(made):
    row = next(row for row in made.leaderboard if row.model == "genome-bert-12l")
    compared = next(one for one in made.layers if (one.dataset, one.model) == (row.dataset, row.model))
    good = sum(layer.is_as_good for layer in compared.layers)
    oracle = f"{row.choice.oracle_score:.3f} @ {row.choice.oracle_layer}"
    for columns, interval in ((130, False), (200, True)):
        line = _line(made, columns, row.dataset, row.model)
        assert f" mlp   {row.choice.layer}/32 " in line
        assert f" {good} " in line
        assert oracle in line
        assert ("+0.100 (+0.060 to +0.140)" in line) is interval
    assert oracle not in _line(made, 80, row.dataset, row.model)


def test_a_gain_that_is_not_clear_is_marked_and_one_without_interval_is_bare(made):
    unclear = tuple(replace(gain, difference=-0.012, p_holm=0.4) for gain in made.gains)
    assert "−0.012 ≈" in "\n".join(_lines(replace(made, gains=unclear), 80))
    bare = tuple(replace(gain, low=None, high=None, p_holm=None) for gain in made.gains)
    text = "\n".join(_lines(replace(made, gains=bare), 200))
    assert "+0.100" in text
    assert "≈" not in text
    assert " to " not in text


def test_the_ceiling_stands_where_it_is_known(made):
    (line,) = [line for line in _lines(made, 80) if "ceiling" in line]
    assert line.split() == ["ceiling", "0.970"]


def test_a_row_without_a_score_has_neither_rank_nor_numbers(made):
    row = made.leaderboard[0]
    test = replace(row.choice.test, value=None, low=None, high=None)
    choice = replace(row.choice, test=test, oracle_layer=None, oracle_score=None, gap=None)
    bare = replace(row, place=None, rank=None, choice=choice)
    line = _line(replace(made, leaderboard=(bare,), gains=()), 80, row.dataset, row.model)
    assert line.split() == [row.model, f"{row.choice.layer}/32", "–"]


def test_an_empty_leaderboard_is_an_empty_table():
    assert len(_lines(analysis(empty=True), 80)) <= 2
