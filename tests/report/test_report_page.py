"""The page's text: its numbers, its safety, its size. How it behaves is tested in tests/browser."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from analyses import analysis
from audits import audited

from seqbench.audit.control_heads import CHANCE
from seqbench.metrics import METRICS
from seqbench.report.page.document import SCRIPTS, STYLES, embedded, render_page
from seqbench.report.page.payload import DIGITS, palette, payload, plain, rounded

ASSETS = Path(str(files("seqbench.report.page"))) / "assets"


@pytest.fixture(scope="module")
def six():
    return analysis(6, 6, 7)


@pytest.fixture(scope="module")
def page(six):
    return render_page(six, files=("tables/best.tsv",))


def _data(page):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    )


def _records(columns):
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_every_score_is_there_to_five_digits(six, page):
    curves = {(c["dataset"], c["model"], c["head"]): c for c in _data(page)["curves"]}
    assert curves.keys() == six.results.curves.keys()
    for key, curve in six.results.curves.items():
        shown = curves[key]
        assert shown["layers"] == list(curve.layers())
        for (layer, metric), score in curve.test.items():
            values = [column[shown["layers"].index(layer)] for column in shown["scores"][metric]]
            assert values == pytest.approx([score.value, score.low, score.high], rel=5 * 10**-DIGITS)
        for metric, choice in curve.choices.items():
            assert shown["choices"][metric]["layer"] == choice.layer
            assert shown["choices"][metric]["test"]["value"] == pytest.approx(choice.test.value, rel=5e-5)


def test_conclusions_are_there_record_by_record(six, page):
    data = _data(page)
    for name in ("leaderboard", "comparisons", "layers", "gains", "standings", "rank_tests", "wins"):
        assert len(_records(data[name])) == len(getattr(six, name))
    pair, shown = six.comparisons[0], _records(data["comparisons"])[0]
    assert shown["a"] == {"model": pair.a.model, "head": pair.a.head, "layer": pair.a.layer}
    assert shown["p_holm"] == pytest.approx(pair.p_holm, rel=1e-5)
    assert [entry["clear"] for entry in _records(data["comparisons"])] == [
        one.is_clear for one in six.comparisons
    ]
    assert data["not_compared"] == list(six.not_compared)
    assert data["files"] == ["tables/best.tsv"]
    assert data["tasks"]["regression"]["metrics"] == list(METRICS["regression"])
    assert data["tasks"]["classification"]["lower"] == ["brier", "ece"]


def test_whether_two_are_told_apart_is_decided_before_numbers_are_rounded(six):
    close = replace(six.comparisons[0], p_holm=0.0499999999)
    data = payload(replace(six, comparisons=(close,)), sentences=(), files=())
    assert data["comparisons"]["p_holm"] == [0.05]
    assert data["comparisons"]["clear"] == [True]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.123456789, 0.12346),
        (1.0, 1),
        (-2.5e-7, -2.5e-07),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
    ],
)
def test_numbers_are_short_and_json_can_hold_them(value, expected):
    assert rounded(value) == expected


def test_records_become_columns_and_dates_are_written_out(six):
    runs = plain(six.results.runs)
    assert runs["started_at"] == ["2026-11-20 09:30:00"]
    assert plain(()) == []


def test_no_text_can_end_the_script_it_stands_in():
    hostile = {"</script><!--": "<script>&\u2028"}
    text = embedded(hostile)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == hostile


def test_names_in_the_summary_are_escaped(six, monkeypatch):
    monkeypatch.setattr("seqbench.report.page.document.summarize", lambda _: ("<b>& up",))
    page = render_page(six)
    assert "<p>&lt;b&gt;&amp; up</p>" in page
    assert "<b>&" not in page


def test_at_most_four_red_data_sets_are_told_of_at_the_top_and_the_rest_counted():
    page = render_page(audited(analysis(2, 23, 3)))
    top = re.search(r'<div id="alarm".*?</div>', page, re.DOTALL)[0]
    # Of each six data sets three are red, of the last five two.
    assert "<b>11 of 23 data sets are red in the audit</b>" in top
    assert re.findall(r'data-at="audit/(\w+)"', top) == [
        "prom_core",
        "ecoli_windows",
        "human_enhancers_ensembl",
        "prom_core_2",
    ]
    assert "And 7 more." in top


def test_nothing_is_told_at_the_top_where_no_audit_is_red(page):
    assert 'id="alarm"' not in page


def test_the_policy_allows_this_script_and_style_and_nothing_else(page):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1].replace(
        "&#39;", "'"
    )
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["default-src"] == "'none'"
    for kind, text in (
        ("script-src", re.search(r"<script>(.*)</script>", page, re.DOTALL)[1]),
        ("style-src", re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert parts[kind] == f"'sha256-{digest}'"
    assert not {"connect-src", "img-src", "frame-src"} & parts.keys()


def test_the_page_names_no_address_but_the_name_of_svg(page):
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.findall(r"@import|url\(|<link|innerHTML|eval\(", page)


def test_the_same_analysis_gives_the_same_page(six, page):
    assert render_page(six, files=("tables/best.tsv",)) == page


def test_every_asset_is_used():
    found = {path.name for path in ASSETS.iterdir()}
    assert found == {f"{name}.css" for name in STYLES} | {f"{name}.js" for name in SCRIPTS} | {"page.html"}


@pytest.mark.parametrize("n_models", [4, 6])
def test_much_data_stays_under_three_megabytes(n_models):
    assert len(render_page(audited(analysis(n_models, 23, 33))).encode()) < 3_000_000


def test_audits_are_there_record_by_record(six):
    whole = audited(six)
    found = _records(_data(render_page(whole))["audits"])
    assert [one["dataset"] for one in found] == [audit.dataset for audit in whole.results.audits]
    for shown, audit in zip(found, whole.results.audits, strict=True):
        assert (shown["verdict"], shown["is_current"]) == (audit.verdict, audit.is_current)
        for name in ("findings", "splits", "controls"):
            assert len(_records(shown[name])) == len(getattr(audit, name))
        says = [finding.says for finding in audit.findings]
        assert [finding["says"] for finding in _records(shown["findings"])] == says


def test_every_score_on_clean_items_is_there_to_five_digits(six):
    whole = audited(six)
    shown = {(one["dataset"], one["model"], one["head"]): one for one in _data(render_page(whole))["clean"]}
    assert sum(len(one["metrics"]) for one in shown.values()) == len(whole.clean)
    for one in whole.clean:
        record = shown[one.dataset, one.model, one.head]
        full, clean, reason = record["metrics"][one.metric]
        wanted = [one.clean.value, one.clean.low, one.clean.high]
        assert clean == (wanted if one.reason else pytest.approx(wanted, rel=5 * 10**-DIGITS))
        assert full == pytest.approx([one.full.value, one.full.low, one.full.high], rel=5 * 10**-DIGITS)
        assert (record["layer"], record["n_clean"], reason) == (one.layer, one.n_clean, one.reason)


def test_chance_is_where_the_audit_puts_it():
    script = (ASSETS / "chart_audit.js").read_text(encoding="utf-8")
    drawn = re.search(r"const CHANCE = \{(.*?)\};", script)[1]
    assert {name: float(value) for name, value in re.findall(r"(\w+): ([\d.]+)", drawn)} == CHANCE


def test_all_colors_of_models_have_a_twin_for_dark_pages(six, page):
    used = {model["look"]["color"] for model in _data(page)["models"]}
    assert used <= set(re.findall(r"(--c-\w+):light-dark\(", palette()))
