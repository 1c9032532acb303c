"""What the page says of models that were trained: frozen, LoRA and full, and what training changed."""

import csv
import io
from dataclasses import replace

import pytest

from tests.browser.pages import FAINT, OVERLAPS, column, download, draw_everything, sideways
from tests.report.analyses import analysis
from tests.report.trained_rows import with_trained


@pytest.fixture(scope="module")
def trained():
    return with_trained(analysis(4, 6, 7))


def test_each_way_has_a_row_with_its_gain_and_what_it_took(open_page, trained):
    page = open_page(trained)
    assert len(page.locator("#table-ways tbody tr").all()) == len(trained.ways)
    row = page.locator("#table-ways tbody tr").nth(2).inner_text()
    assert "full" in row
    assert "+0.040" in row
    assert "8,700,000" in row
    assert "1.5 h cuda" in row
    assert "3.4 GB" in row


def test_the_leaderboard_and_the_lines_of_layers_are_of_frozen_models_alone(open_page, trained):
    page = open_page(trained)
    plain = open_page(analysis(4, 6, 7))
    assert column(page, "board", "score") == column(plain, "board", "score")
    draw_everything(page)
    draw_everything(plain)
    lines = "#section-layers svg.chart path.series"
    assert page.locator(lines).count() == plain.locator(lines).count()


def test_a_way_that_is_not_clear_is_hollow_in_the_chart(open_page, trained):
    page = open_page(trained)
    draw_everything(page)
    charts = page.locator("#section-trained figure").first
    n_models = len(trained.ways) // 3
    assert charts.locator("path.dot, circle.dot").count() == 3 * n_models
    assert charts.locator(".dot.hollow").count() == n_models


def test_layers_before_and_after_training_download_with_their_difference(open_page, trained):
    page = open_page(trained)
    draw_everything(page)
    text = download(page, "What training changed, layer by layer", "TSV")
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t"))
    assert len(rows) == sum(len(change.layers) for change in trained.changes)
    assert {row["base"] for row in rows} == {"genome-bert-12l"}
    assert float(rows[2]["difference"]) == pytest.approx(0.03)


def test_a_search_is_a_line_a_trial_with_the_chosen_one_thick(open_page, trained):
    page = open_page(trained)
    draw_everything(page)
    chart = page.locator("#section-trials svg.chart").first
    assert chart.locator("path.trial").count() == 9
    assert chart.locator("path.trial.best").count() == 1
    assert chart.locator("path.trial.pruned").count() == 1
    rows = page.locator("#table-trials-1 tbody tr").all_inner_texts()
    assert len(rows) == 10
    assert "chosen" in rows[6]
    assert "diverged" in rows[9]


@pytest.mark.parametrize("width", [360, 1280])
def test_trained_models_fit_any_screen(open_page, trained, width):
    page = open_page(trained, width=width)
    draw_everything(page)
    assert sideways(page) <= 0
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(FAINT) == []


def test_without_a_frozen_model_nothing_is_said_of_gains(open_page, trained):
    alone = tuple(replace(way, over_frozen=None) for way in trained.ways if way.way != "frozen")
    page = open_page(replace(trained, ways=alone))
    draw_everything(page)
    heads = page.locator("#table-ways th").all_inner_texts()
    assert not {"over frozen", "p (Holm)"} & set(heads)
    assert page.locator("#section-trained figure").first.locator(".dot.hollow").count() == 0


def test_without_trained_models_there_is_no_section(open_page):
    assert open_page(analysis(2, 2, 3)).locator("#section-trained").count() == 0
