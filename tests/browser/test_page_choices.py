"""What a reader can do on the page: sort, filter, choose, share, download."""

import csv
import io
import xml.etree.ElementTree as ET

import pytest

from tests.browser.pages import column, download
from tests.report.analyses import analysis

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def six():
    return analysis(6, 6, 7)


@pytest.fixture(scope="module")
def two_heads():
    return analysis(4, 3, 5, heads=("mlp", "linear"))


def _numbers(texts):
    return [float(text) for text in texts]


def test_a_column_sorts_both_ways_and_then_not_at_all(open_page, six):
    page = open_page(six)
    original = column(page, "board", "test")
    head = page.locator("#table-board").get_by_role("columnheader", name="test")
    for direction, reverse in (("descending", True), ("ascending", False)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == direction
        found = _numbers(column(page, "board", "test"))
        assert found == sorted(found, reverse=reverse)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "none"
    assert column(page, "board", "test") == original


def test_the_keyboard_sorts_and_stays_where_it_was(open_page, six):
    page = open_page(six)
    page.locator("#table-board").get_by_role("button", name="model").focus()
    page.keyboard.press("Enter")
    assert column(page, "board", "model") == sorted(column(page, "board", "model"))
    assert page.evaluate("document.activeElement.textContent").startswith("model")


def test_words_filter_data_sets_groups_and_models(open_page, six):
    page = open_page(six)
    box = page.get_by_role("searchbox", name="filter")
    box.fill("DEEPHF onehot")
    assert column(page, "board", "data set") == ["deephf"]
    assert column(page, "board", "model") == ["onehot\ncontrol"]
    assert page.locator("#section-layers").count() == 0
    box.fill("enhancers")
    assert set(column(page, "data", "data set")) == {row.name for row in six.results.datasets}
    assert page.locator("#section-datasets details").count() == 1
    box.fill("nothing like it")
    assert page.get_by_text("Nothing that is shown has a score").is_visible()
    page.get_by_role("button", name="Reset").click()
    assert len(column(page, "board", "test")) == len(six.leaderboard)


def test_another_metric_shows_its_own_choice_of_layers_and_no_ranks_by_tests(open_page, six):
    page = open_page(six, at="#filter=prom_core")
    page.get_by_role("combobox", name="metric, classification").select_option("mcc")
    curves = [curve for key, curve in six.results.curves.items() if key[0] == "prom_core"]
    choices = sorted((curve.choices["mcc"] for curve in curves), key=lambda choice: -choice.test.value)
    assert column(page, "board", "mcc") == [f"{choice.test.value:.3f}" for choice in choices]
    assert column(page, "board", "rank") == [str(place) for place in range(1, len(choices) + 1)]
    layers = [str(choice.layer) for choice in choices]
    shown = [text.partition("/")[0] for text in column(page, "board", "layer")]
    assert all(text in (layer, "–") for text, layer in zip(shown, layers, strict=True))
    assert "Only the ranking metric is tested" in page.locator("#section-leaderboard").inner_text()


def test_a_metric_of_errors_ranks_the_lowest_first(open_page, six):
    page = open_page(six, at="#metric.classification=brier&filter=prom_core")
    found = _numbers(column(page, "board", "brier"))
    assert len(found) == 6
    assert found == sorted(found)


def test_another_head_shows_its_scores(open_page, two_heads):
    page = open_page(two_heads)
    page.get_by_role("combobox", name="head").select_option("linear")
    assert set(column(page, "board", "head")) == {"linear"}
    curve = two_heads.results.curves["prom_core", "kmer-4", "linear"]
    row = page.locator("#table-board tr", has_text="kmer-4").first
    assert f"{curve.choices['accuracy'].test.value:.3f}" in row.inner_text()


def test_models_are_taken_off_and_put_back(open_page, six):
    page = open_page(six)
    chip = page.get_by_role("button", name="dna-llama-1b", exact=True)
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert not any("dna-llama-1b" in name for name in column(page, "board", "model"))
    assert "dna-llama-1b" not in page.locator("#section-leaderboard").inner_text()
    chip.click()
    assert any("dna-llama-1b" in name for name in column(page, "board", "model"))


def test_a_group_has_its_own_standings(open_page, six):
    page = open_page(six)
    page.get_by_role("combobox", name="group").select_option("promoters")
    assert page.get_by_role("heading", name="Over promoters").is_visible()
    assert set(column(page, "board", "data set")) == {"prom_core"}
    standings = [row for row in six.standings if row.scope == "promoters"]
    assert column(page, "standings", "average rank") == [f"{row.average_rank:.2f}" for row in standings]


def test_the_address_holds_the_view_and_shows_it_again(open_page, six):
    first = open_page(six)
    first.get_by_role("combobox", name="metric, classification").select_option("f1")
    first.get_by_role("searchbox", name="filter").fill("prom")
    first.get_by_role("button", name="onehot", exact=True).click()
    first.locator("#table-board").get_by_role("button", name="layer").click()
    address = first.evaluate("location.hash")
    second = open_page(six, at=address)
    assert second.locator("#table-board").inner_text() == first.locator("#table-board").inner_text()
    assert second.get_by_role("searchbox", name="filter").input_value() == "prom"


def test_a_link_opens_a_data_set_and_the_way_back_leads_back(open_page, six):
    page = open_page(six)
    page.locator("#table-board").get_by_role("link", name="deephf").click()
    assert page.locator("[id='section-data/deephf']").get_attribute("open") == ""
    assert page.get_by_role("heading", name="Targets").is_visible()
    assert page.evaluate("location.hash") == "#at=data%2Fdeephf"
    page.go_back()
    assert page.evaluate("location.hash") == ""


def test_an_address_that_means_nothing_here_is_left_aside(open_page, six):
    page = open_page(
        six, at="#at=elsewhere&metric.classification=none&head=x&off=y&sort.board=no:way&show=%20"
    )
    assert len(column(page, "board", "test")) == len(six.leaderboard)


def test_every_figure_downloads_as_svg_that_stands_alone(open_page, six):
    page = open_page(six, scheme="dark")
    buttons = page.get_by_role("button", name=" as SVG")
    for index in range(buttons.count()):
        with page.expect_download() as caught:
            buttons.nth(index).click()
        assert caught.value.suggested_filename.endswith(".svg")
        text = caught.value.path().read_text(encoding="utf-8")
        drawing = ET.fromstring(text)
        assert drawing.tag == f"{SVG}svg"
        assert "var(" not in text
        assert "class=" not in text
        assert "\n" not in drawing.get("viewBox")
        assert drawing.find(f"{SVG}rect").get("fill") == "rgb(255, 255, 255)"
        words = " ".join(element.text or "" for element in drawing.iter(f"{SVG}text"))
        assert words.strip()


def test_the_tsv_of_layer_curves_has_every_layer_with_its_numbers(open_page, six):
    page = open_page(six)
    rows = list(csv.DictReader(io.StringIO(download(page, "Score on test by layer", "TSV")), delimiter="\t"))
    curves = six.results.curves.values()
    assert len(rows) == sum(len(curve.layers()) for curve in curves)
    for row in rows:
        curve = six.results.curves[row["dataset"], row["model"], row["head"]]
        at = curve.at(int(row["layer"]), row["metric"])
        for name in ("value", "low", "high"):
            assert float(row[name]) == pytest.approx(getattr(at, name), rel=1e-4)
        choice = curve.choices[row["metric"]]
        assert row["chosen"] == ("yes" if choice.layer == int(row["layer"]) else "no")
        assert row["oracle"] == ("yes" if choice.oracle_layer == int(row["layer"]) else "no")


def test_the_tsv_of_scores_tells_failed_and_missing_apart(open_page, six):
    page = open_page(six)
    rows = list(csv.DictReader(io.StringIO(download(page, "Score on test", "TSV")), delimiter="\t"))
    absent = [(row["dataset"], row["model"], row["status"]) for row in rows if row["status"] != "ok"]
    assert absent == [("uci_splice", "dna-llama-1b", "missing")]
    assert {row["value"] for row in rows if row["status"] != "ok"} == {""}
