"""What the page says of audits: whether data can be trusted, and scores on the test items that are clean."""

import csv
import io
from dataclasses import replace
from itertools import pairwise

import pytest

from seqbench.report.sentences.audits import red_datasets
from tests.browser.pages import FAINT, OVERLAPS, column, download, draw_everything, sideways
from tests.report.analyses import analysis
from tests.report.audits import audited

HOSTILE = "</script><script>alert(1)</script> <img src=x onerror=alert(1)> & =1+1"


@pytest.fixture(scope="module")
def six():
    return audited(analysis(6, 6, 7))


def _row(page, name):
    return page.locator(f"[id='section-audit/{name}']")


def _opened(page, name):
    row = _row(page, name)
    row.locator("summary").click()
    row.locator("svg.chart").wait_for()
    return row


def _switch(page):
    return page.locator("#section-leaderboard").get_by_role("button", name="Clean items", exact=True)


def test_each_data_set_has_a_verdict_in_a_word_the_worst_first(open_page, six):
    page = open_page(six)
    heads = page.locator("#section-audit .audit-head")
    words = heads.locator(".verdict").all_inner_texts()
    assert words == ["red", "red", "red", "yellow", "green", "not audited"]
    colors = heads.locator(".verdict").evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one).backgroundColor)"
    )
    assert len(set(colors)) == 4
    assert "78.7 % of 1,000 test items clean\naudited 2026-11-19" in _row(page, "prom_core").inner_text()
    assert "all 1,000 test items clean" in _row(page, "species4_1kb").inner_text()
    assert "older data" in _row(page, "ecoli_windows").inner_text()
    assert "older data" not in _row(page, "prom_core").inner_text()
    assert "seqbench datasets audit CONFIG" in _row(page, "deephf").inner_text()


def test_a_row_tells_its_worst_findings_in_sentences(open_page, six):
    page = open_page(six)
    told = _row(page, "prom_core").locator("li").all_inner_texts()
    assert told == [
        "copies: 160 of 1,000 test items (16.0%). Copies of train items: 160 exact, 0 reverse complements; "
        "memory answers them.",
        "Yellow: near-duplicates.",
    ]
    assert _row(page, "species4_1kb").locator("li").all_inner_texts() == ["Nothing was found against it."]


def test_red_data_sets_are_called_out_at_the_top_and_wherever_a_leaderboard_names_them(open_page, six):
    page = open_page(six)
    top = page.get_by_role("note").inner_text()
    assert "3 of 6 data sets are red in the audit" in top
    sentences = red_datasets(six)
    assert len(sentences) == 3
    assert all(sentence in top for sentence in sentences)
    assert not any(sentence in page.locator(".summary").inner_text() for sentence in sentences)
    page.get_by_role("note").get_by_role("link", name="Audit of prom_core").click()
    assert page.evaluate("location.hash") == "#at=audit%2Fprom_core"
    named = [text for text in column(page, "board", "data set") if text.endswith("red")]
    assert [text.split()[0] for text in named] == ["prom_core", "ecoli_windows", "human_enhancers_ensembl"]
    mark = page.locator("#table-board").get_by_role("link", name="Red in the audit: length alone")
    mark.click()
    assert page.evaluate("location.hash") == "#at=audit%2Fhuman_enhancers_ensembl"
    assert page.evaluate("document.activeElement.closest('.audit').id").endswith("human_enhancers_ensembl")


def test_all_checks_stand_with_their_thresholds_in_words(open_page, six):
    page = open_page(six)
    row = _opened(page, "prom_core")
    audit = six.results.audits[0]
    table = "audit-checks-prom_core"
    assert column(page, table, "check") == [finding.check for finding in audit.findings]
    assert column(page, table, "measured") == [finding.measured for finding in audit.findings]
    verdicts = ["–" if finding.share is None else finding.severity for finding in audit.findings]
    assert column(page, table, "verdict") == verdicts
    assert row.get_by_role("img", name="16 %; yellow any, red 5 %", exact=True).count() == 1
    assert row.get_by_role("img", name="0.04 %; yellow 1 %", exact=True).count() == 1


def test_a_bar_is_red_past_its_red_mark(open_page, six):
    page = open_page(six)
    row = _opened(page, "prom_core")
    bars = """(bar) => {
      const length = Number(bar.querySelector(".share").getAttribute("width"));
      return length / (Number(bar.querySelector(".threshold.red").getAttribute("x1")) - 1);
    }"""
    copies = row.get_by_role("img", name="16 %; yellow any, red 5 %", exact=True).evaluate(bars)
    near = row.get_by_role("img", name="5.3 %; yellow 1 %, red 10 %", exact=True).evaluate(bars)
    assert [copies, near] == pytest.approx([0.16 / 0.05, 0.053 / 0.1], rel=0.01)


def test_controls_stand_on_the_way_from_chance_to_perfect_with_the_best_model(open_page, six):
    page = open_page(six)
    row = _opened(page, "prom_core")
    places = row.locator("svg.chart").evaluate(
        """(chart) => {
          const numbers = (marks, name) => [...marks].map((mark) => Number(mark.getAttribute(name)));
          const texts = [...chart.querySelectorAll("text")];
          const ends = texts.filter((text) => ["chance", "perfect"].includes(text.textContent));
          const [chance, perfect] = numbers(ends, "x");
          const dots = numbers(chart.querySelectorAll(".verdict-dot"), "cx");
          const lines = numbers(chart.querySelectorAll(".best-line"), "x1");
          return [...dots, ...lines].map((x) => (x - chance) / (perfect - chance));
        }"""
    )
    curves = six.results.curves
    scores = {
        model.name: curves["prom_core", model.name, "mlp"].choices["roc_auc"].test.value
        for model in six.results.models
        if not model.is_control
    }
    best = max(scores, key=scores.get)
    assert places == pytest.approx([0.12, 0.21, 0.55, -0.01, 2 * scores[best] - 1], abs=1e-3)
    assert row.locator("svg.chart text", has_text=best).text_content() == f"{best} {scores[best]:.3f}"
    assert row.locator(".verdict-dot.hollow").count() == 1
    rows = list(csv.DictReader(io.StringIO(download(page, "How far shortcuts get", "TSV")), delimiter="\t"))
    assert [row["control"] for row in rows][-2:] == ["GC alone", best]
    assert rows[-2]["reason"] == "all sequences have one share"


def test_a_model_is_not_held_against_controls_of_older_data(open_page, six):
    page = open_page(six)
    row = _opened(page, "ecoli_windows")
    assert row.locator(".best-line").count() == 0
    assert row.locator(".verdict-dot").count() == 4
    assert "The data have changed since" in row.inner_text()


def test_marks_of_splits_are_counted(open_page, six):
    page = open_page(six)
    _opened(page, "prom_core")
    table = "audit-marks-prom_core"
    assert column(page, table, "split") == ["train", "eval", "test"]
    assert column(page, table, "copies") == ["–", "80", "160"]
    assert column(page, table, "clean") == ["–", "894", "787"]
    assert column(page, table, "repeats") == ["3", "–", "–"]
    assert column(page, table, "conflicts") == []


def test_the_keyboard_opens_a_row_and_walks_over_its_controls(open_page, six):
    page = open_page(six)
    row = _row(page, "uci_splice")
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    chart = row.locator("svg.chart")
    chart.wait_for()
    row.get_by_role("button", name="Download How far shortcuts get as TSV").focus()
    page.keyboard.press("Tab")
    tip = page.get_by_role("status")
    assert "length alone" in tip.inner_text()
    page.keyboard.press("ArrowDown")
    assert "composition alone" in tip.inner_text()
    assert "share of each letter, in any order" in tip.inner_text()


def test_a_data_sets_own_fold_holds_its_audit(open_page, six):
    page = open_page(six, at="#at=data/prom_core")
    fold = page.locator("[id='section-data/prom_core']")
    assert fold.locator("summary .verdict").first.inner_text() == "red"
    assert fold.get_by_role("heading", name="Can it be trusted?").is_visible()
    findings = six.results.audits[0].findings
    assert column(page, "own-checks-prom_core", "check") == [finding.check for finding in findings]
    assert page.locator("[id='section-data/species4_1kb'] summary .verdict").count() == 0


def test_places_by_clean_items_stand_beside_the_scores_on_all(open_page, six):
    page = open_page(six, at="#filter=prom_core")
    _switch(page).click()
    found = [one for one in six.clean if (one.dataset, one.metric) == ("prom_core", "accuracy")]
    found.sort(key=lambda one: -one.clean.value)
    assert found[0].full.value < found[1].full.value
    assert column(page, "board", "clean items") == [f"{one.clean.value:.3f}" for one in found]
    assert column(page, "board", "all items") == [f"{one.full.value:.3f}" for one in found]
    assert column(page, "board", "place") == [str(place) for place in range(1, len(found) + 1)]
    assert column(page, "board", "clean of test items") == ["787 of 1,000"] * len(found)
    intervals = [f"{one.clean.low:.3f}–{one.clean.high:.3f}" for one in found]
    assert column(page, "board", "95 % interval, clean") == intervals
    change = found[0].clean.value - found[0].full.value
    assert column(page, "board", "change")[0] == f"{change:+.3f}".replace("-", "−")
    said = page.locator("#section-leaderboard").inner_text()
    assert "Tests, ranks, standings and comparisons are for all test items only." in said


def test_the_address_holds_the_choice_of_items_and_reset_forgets_it(open_page, six):
    first = open_page(six)
    button = _switch(first)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    address = first.evaluate("location.hash")
    second = open_page(six, at=address)
    assert column(second, "board", "clean items") == column(first, "board", "clean items")
    second.get_by_role("button", name="Reset").click()
    assert column(second, "board", "clean items") == []
    assert second.evaluate("location.hash") == ""


def test_every_metric_is_known_on_clean_items_of_the_layer_that_was_chosen_for_ranking(open_page, six):
    page = open_page(six, at="#items=clean&metric.classification=brier&filter=prom_core")
    found = [one for one in six.clean if (one.dataset, one.metric) == ("prom_core", "brier")]
    found.sort(key=lambda one: one.clean.value)
    assert column(page, "board", "clean items") == [f"{one.clean.value:.3f}" for one in found]
    layers = {one.model: one.choice.layer for one in six.leaderboard if one.dataset == "prom_core"}
    shown = [text.partition("/")[0] for text in column(page, "board", "layer")]
    assert shown == ["–" if one.model in ("kmer-4", "onehot") else str(layers[one.model]) for one in found]
    worse = found[0].clean.value - found[0].full.value
    assert column(page, "board", "change")[0] == f"{-worse:+.3f}".replace("-", "−")


def test_where_clean_scores_are_undefined_the_reason_is_told(open_page, six):
    page = open_page(six, at="#items=clean&show=all")
    rows = page.locator("#table-board tbody tr")
    for model, dataset, reason in (
        ("onehot", 1, "one class is left"),
        ("protein-esm", 3, "The audit is of older data, audit again: seqbench datasets audit CONFIG"),
        ("protein-esm", 4, "Not audited: seqbench datasets audit CONFIG"),
    ):
        skipped = sum(row.dataset in _names(six)[:dataset] for row in six.leaderboard)
        mine = rows.nth(skipped + _models_after(page, skipped).index(model))
        cell = mine.locator("[data-key='clean']")
        assert cell.inner_text() == "–"
        assert cell.locator("span").get_attribute("title") == reason
        assert mine.locator("[data-key='rank']").inner_text() == "–"


def _names(analysis):
    return [dataset.name for dataset in analysis.results.datasets]


def _models_after(page, skipped):
    return [text.split("\n")[0] for text in column(page, "board", "model")][skipped:]


def test_leaders_on_clean_items_leave_no_data_set_out(open_page, six):
    page = open_page(six, at="#items=clean&show=leaders")
    assert [text.split()[0] for text in column(page, "board", "data set")] == _names(six)


def test_a_head_that_is_not_the_best_on_eval_has_no_clean_scores(open_page):
    page = open_page(audited(analysis(2, 1, 3, heads=("mlp", "linear"))), at="#items=clean&head=linear")
    titles = page.locator("#table-board tbody [data-key='clean'] span").evaluate_all(
        "(all) => all.map((one) => one.title)"
    )
    assert titles == ["Known for the head that is best on eval only"] * 2


def test_a_report_on_one_data_set_shows_its_audit_once_and_open(open_page):
    page = open_page(audited(analysis(2, 1, 3)))
    assert page.locator("#section-audit details").get_attribute("open") == ""
    assert len(column(page, "audit-checks-prom_core", "check")) == 10
    assert page.locator("#section-datasets details").get_attribute("open") == ""
    assert page.get_by_role("heading", name="Can it be trusted?").count() == 0
    assert "1 of 1 data set is red in the audit" in page.get_by_role("note").inner_text()


def test_without_audits_there_is_a_hint_and_no_switch(open_page):
    page = open_page(analysis(2, 2, 3), at="#items=clean")
    said = page.locator("#section-audit").inner_text()
    assert "No data set was audited: seqbench datasets audit CONFIG." in said
    assert _switch(page).count() == 0
    assert page.get_by_role("note").count() == 0
    assert page.get_by_text("95 % interval, clean").count() == 0


def test_findings_that_are_markup_show_as_text(open_page, six):
    [first, *others] = six.results.audits
    findings = tuple(
        replace(one, check=f"{one.check} {HOSTILE}", measured=HOSTILE, says=HOSTILE) for one in first.findings
    )
    controls = tuple(
        replace(one, control=f"{one.control} {HOSTILE}", knows=HOSTILE, reason=one.reason and HOSTILE)
        for one in first.controls
    )
    splits = tuple(replace(one, marks={**one.marks, HOSTILE: 1}) for one in first.splits)
    bad = replace(first, findings=findings, controls=controls, splits=splits)
    clean = tuple(replace(one, reason=one.reason and HOSTILE) for one in six.clean)
    results = replace(six.results, audits=(bad, *others))
    page = open_page(replace(six, results=results, clean=clean), width=390, at="#items=clean")
    draw_everything(page)
    assert page.locator("main img, main script, .lead img, .lead script").count() == 0
    assert HOSTILE in page.get_by_role("note").inner_text()
    assert HOSTILE in _row(page, "prom_core").inner_text()
    assert sideways(page) <= 0
    assert page.evaluate(OVERLAPS) == []
    assert "\t'=" not in download(page, "How far shortcuts get", "TSV")


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_audits_and_clean_scores_fit_any_screen(open_page, six, width):
    page = open_page(six, width=width, at="#show=all")
    draw_everything(page)
    assert sideways(page) <= 0
    assert page.evaluate(OVERLAPS) == []
    _switch(page).click()
    assert page.locator("[id='table-board-prom_core'] [data-key='clean']").first.is_visible()
    assert sideways(page) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_verdicts_stand_out_from_what_is_behind_them(open_page, six, scheme):
    page = open_page(six, scheme=scheme, at="#items=clean")
    draw_everything(page)
    assert page.evaluate(FAINT) == []


def test_audits_have_roles_and_paper(open_page, six):
    page = open_page(six, width=688)
    page.emulate_media(media="print")
    draw_everything(page)
    headings = page.locator("h1, h2, h3, h4, h5").evaluate_all(
        "(all) => all.map((one) => Number(one.tagName[1]))"
    )
    assert all(after - before <= 1 for before, after in pairwise(headings))
    identities = page.locator("[id]").evaluate_all("(all) => all.map((one) => one.id)")
    assert len(identities) == len(set(identities))
    assert page.get_by_role("table", name="Checks of prom_core").count() == 1
    assert _switch(page).is_hidden()
    assert sideways(page) <= 0
