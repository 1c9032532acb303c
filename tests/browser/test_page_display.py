"""How the page looks and reads: sizes, themes, paper, names that bite, much data and none."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.browser.pages import DRAWN, FAINT, OVERLAPS, column, draw_everything, sideways
from tests.report import analyses
from tests.report.analyses import analysis

SIZES = {"one": (2, 1, 2), "six": (6, 6, 7)}
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "=cmd|' /C calc'!A0 \"&amp;'",
    "a" * 128,
)


@pytest.fixture(scope="module")
def made():
    return {name: analysis(*size) for name, size in SIZES.items()}


@pytest.mark.parametrize("width", [390, 1024, 1280, 1920])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_scrolls_sideways_and_no_texts_meet(open_page, made, size, width):
    page = open_page(made[size], width=width)
    draw_everything(page)
    assert sideways(page) <= 0
    assert page.evaluate(OVERLAPS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(open_page, made, scheme):
    page = open_page(made["six"], scheme=scheme)
    draw_everything(page)
    assert page.evaluate(FAINT) == []


@pytest.mark.parametrize("width", [390, 1920])
def test_much_data_fits_as_well(open_page, width):
    page = open_page(analysis(6, 23, 33), width=width, height=4_000)
    for top in range(0, page.evaluate("document.documentElement.scrollHeight"), 4_000):
        page.evaluate(f"scrollTo({{ top: {top}, behavior: 'instant' }})")
        page.wait_for_function(DRAWN)
    assert sideways(page) <= 0
    assert page.evaluate(OVERLAPS) == []


def test_the_first_screen_says_who_leads_by_which_layer_and_how_sure(open_page, made):
    page = open_page(made["six"])
    leader = page.locator("#table-standings tbody tr").first
    box = leader.bounding_box()
    assert box["y"] + box["height"] < 900
    assert "genome-bert-12l" in leader.inner_text()
    assert page.locator(".summary p").first.is_visible()


def test_a_model_alone_is_not_ranked_and_the_layers_are_those_that_were_asked_for(open_page):
    made = analysis(1, 3, 7)
    curves = {
        key: replace(curve, test={at: score for at, score in curve.test.items() if at[0] in (0, 3, 6)})
        for key, curve in made.results.curves.items()
    }
    page = open_page(replace(made, comparisons=(), results=replace(made.results, curves=curves)))
    assert "3 of 7 layers" in page.locator("#extent").inner_text()
    assert "predictions" not in page.locator(".summary").inner_text()
    board = page.locator("#section-leaderboard")
    assert "by score" not in board.inner_text()
    assert page.locator("#table-standings").count() == 0
    assert column(page, "board", "rank") == []
    assert column(page, "board", "model") == ["genome-bert-12l"] * 3


def test_averages_over_some_of_the_data_sets_say_so_by_any_metric(open_page):
    made = analysis(4, 2, 3)
    standings = tuple(
        replace(one, n_datasets=one.n_scored) if one.scope == "overall" else one for one in made.standings
    )
    page = open_page(replace(made, standings=standings))
    assert [text for text in column(page, "standings", "average rank") if "over 1 of 2" in text]
    page.get_by_label("metric").select_option("mcc")
    ranks = dict(
        zip(column(page, "standings", "model"), column(page, "standings", "average rank"), strict=True)
    )
    assert [name for name, text in ranks.items() if "over 1 of 2" in text] == ["dna-llama-1b"]


def test_classes_have_their_names(open_page):
    made = analysis(1, 1, 3)
    names = ("acceptor", "donor", "neither", "<b>")
    (one,) = made.results.datasets
    page = open_page(
        replace(made, results=replace(made.results, datasets=(replace(one, class_names=names),)))
    )
    draw_everything(page)
    facts = page.locator("#section-datasets .facts").inner_text()
    assert "0 acceptor · 1 donor · 2 neither · 3 <b>" in facts
    ticks = page.locator("#section-datasets svg.chart text").all_text_contents()
    assert {"acceptor", "donor", "neither", "<b>"} <= set(ticks)


def test_dark_follows_the_system_and_the_button_overrides_it(open_page, made):
    page = open_page(made["one"], scheme="dark")

    def background():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    dark = background()
    assert sum(map(int, re.findall(r"\d+", dark))) < 150
    page.get_by_role("button", name="Light").click()
    assert sum(map(int, re.findall(r"\d+", background()))) > 600
    page.reload()
    assert background() != dark
    page.get_by_role("button", name="Dark").click()
    assert background() == dark


def test_paper_is_white_complete_and_without_buttons(open_page, made):
    page = open_page(made["six"], scheme="dark", width=688)
    page.emulate_media(media="print")
    draw_everything(page)
    assert page.locator("details:not([open])").count() == 0
    assert page.get_by_role("button", name=" as SVG").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert sideways(page) <= 0
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert page.locator("#section-datasets details[open]").count() == 0


def test_roles_and_names_tell_those_who_cannot_see_it(open_page, made):
    page = open_page(made["six"])
    for role in ("banner", "main", "navigation"):
        assert page.get_by_role(role).count() == 1
    draw_everything(page)
    headings = page.locator("h1, h2, h3, h4").evaluate_all(
        "(all) => all.map((one) => Number(one.tagName[1]))"
    )
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert page.locator("table:not(:has(caption))").count() == 0
    charts = page.locator("svg.chart")
    assert page.get_by_role("img").count() == charts.count()
    named = (
        "(all) => all.map((one) => document.getElementById(one.getAttribute('aria-labelledby')).textContent)"
    )
    assert all(charts.evaluate_all(named))
    identities = page.locator("[id]").evaluate_all("(all) => all.map((one) => one.id)")
    assert len(identities) == len(set(identities))


def test_charts_speak_to_the_keyboard_as_to_the_pointer(open_page, made):
    page = open_page(made["six"])
    page.locator("#section-layers").scroll_into_view_if_needed()
    chart = page.locator("#section-layers svg.chart").first
    chart.wait_for()
    curve = made["six"].results.curves["prom_core", "genome-bert-12l", "mlp"]
    page.locator("#section-layers .panel-head a").first.focus()
    page.keyboard.press("Tab")
    tip = page.get_by_role("status")
    assert "prom_core, layer 0" in tip.inner_text()
    page.keyboard.press("ArrowRight")
    assert "prom_core, layer 1" in tip.inner_text()
    assert f"{curve.at(1, 'accuracy').value:.3f}" in tip.inner_text()
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    chart.hover()
    assert "prom_core, layer" in tip.inner_text()


def test_names_that_are_markup_show_as_text(open_page, monkeypatch):
    named = [(name, kind) for name, (_, kind) in zip(HOSTILE, analyses.MODELS, strict=False)]
    monkeypatch.setattr(analyses, "MODELS", (*named, *analyses.MODELS[4:]))
    sets = [(name[:60] + "!", *rest) for name, (_, *rest) in zip(HOSTILE, analyses.DATASETS, strict=False)]
    monkeypatch.setattr(analyses, "DATASETS", tuple(sets))
    hostile = analysis(4, 4, 5)
    bad = replace(hostile.results.failed[0], reason="<b>loss</b> </script><!-- <script>")
    hostile = replace(hostile, results=replace(hostile.results, failed=(bad,)))
    page = open_page(hostile, width=390)
    draw_everything(page)
    assert page.locator("main img, main b script, main script").count() == 0
    assert HOSTILE[0] in page.locator("#section-leaderboard").inner_text()
    assert "<b>loss</b> </script><!-- <script>" in page.locator("#section-absent").inner_text()
    assert sideways(page) <= 0
    assert page.evaluate(OVERLAPS) == []
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download Score on test by layer as TSV").first.click()
    text = caught.value.path().read_text(encoding="utf-8")
    assert "\t=cmd" not in text
    assert "'=cmd" in text


def test_no_results_are_shown_as_such(open_page):
    page = open_page(analysis(2, 2, 3, empty=True))
    assert page.get_by_text("No model has a score on eval and test yet.").is_visible()
    assert page.locator("#section-absent li").count() == 2
    assert page.get_by_role("heading", name="Provenance").is_visible()


def test_scores_that_are_not_known_leave_gaps_and_not_errors(open_page):
    whole = analysis(4, 2, 5)
    key = ("prom_core", "genome-bert-12l", "mlp")
    curve = whole.results.curves[key]
    unknown = replace(curve.test[2, "accuracy"], value=None, low=None, high=None)
    choice = replace(curve.choices["accuracy"], test=unknown, oracle_layer=None, oracle_score=None, gap=None)
    holed = replace(
        curve, test={**curve.test, (2, "accuracy"): unknown}, choices={**curve.choices, "accuracy": choice}
    )
    rows = [
        replace(row, choice=choice, place=None, rank=None) if (row.dataset, row.model) == key[:2] else row
        for row in whole.leaderboard
    ]
    results = replace(whole.results, curves={**whole.results.curves, key: holed})
    page = open_page(replace(whole, results=results, leaderboard=tuple(rows)))
    draw_everything(page)
    assert "–" in column(page, "board", "accuracy")
    marks = "[...document.querySelectorAll('path, line, circle')].map((one) => one.outerHTML)"
    assert not [drawn for drawn in page.evaluate(marks) if re.search("NaN|null", drawn)]


def test_a_failed_probe_is_told_with_its_reason(open_page, made):
    page = open_page(made["six"])
    table = page.locator("#table-failed")
    for words in ("uci_splice", "genome-bert-12l-untrained", "the loss became infinite or NaN in epoch 3"):
        assert words in table.inner_text()
    assert "dna-llama-1b (mlp): uci_splice" in page.locator("#section-absent").inner_text()


def test_without_scripts_the_summary_is_still_there(open_page, made):
    page = open_page(made["six"], java_script_enabled=False)
    assert page.locator(".summary p").first.is_visible()
