"""All figures: what is in them, that words don't overlap, and that drawing is repeatable."""

import pickle
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import analyses
import pytest
from analyses import analysis
from trained_rows import with_trained

from seqbench.report.figures.canvas import house_style
from seqbench.report.figures.depth import span
from seqbench.report.figures.drawn import draw_all
from seqbench.report.figures.every import figures

METRICS = (("accuracy", "roc_auc"), ("spearmanr", "r2"))
A4 = (595.0, 842.0)


def _drawn(made, metrics=METRICS):
    """Every figure with its canvas."""
    with house_style():
        return [(figure, figure.draw()) for figure in figures(made, metrics)]


def _named(made, name, metrics=METRICS):
    return next(figure for figure in figures(made, metrics) if figure.name == name)


def _words(figure):
    svg = figure.files(["svg"])["svg"]
    return [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def _near(boxes):
    """Pairs of words that share some height."""
    ordered = sorted(boxes, key=lambda pair: pair[1].top)
    for number, (words, box) in enumerate(ordered):
        for other in ordered[number + 1 :]:
            if other[1].top > box.bottom:
                break
            yield (words, box), other


def test_there_is_a_figure_for_each_question_that_has_an_answer():
    names = [figure.name for figure in figures(analysis(4, 6, 7), METRICS)]
    assert names == [
        "scores",
        "gains",
        "layers_accuracy-roc_auc_mlp",
        "layers_spearmanr-r2_mlp",
        "depth_genome-bert-12l",
        "depth_dna-llama-1b",
        "ranks",
        "wins",
        "efficiency_mlp",
        "learning_mlp",
    ]


def test_nothing_is_drawn_where_nothing_was_probed():
    assert list(figures(analysis(empty=True), METRICS)) == []


def test_a_lone_model_gets_only_figures_that_say_something():
    names = [figure.name for figure in figures(analysis(1, 1, 2), (("accuracy",),))]
    assert names == [
        "scores",
        "layers_accuracy_mlp",
        "depth_genome-bert-12l",
        "efficiency_mlp",
        "learning_mlp",
    ]


def test_names_of_files_are_never_used_twice():
    names = [figure.name for figure in figures(analysis(9, 23, 7), METRICS)]
    assert len(names) == len(set(names))
    assert {"layers_accuracy-roc_auc_mlp", "layers_accuracy-roc_auc_mlp_2"} <= set(names)


@pytest.mark.parametrize(
    ("size", "long"),
    [((1, 1, 1), False), ((2, 1, 2), True), ((4, 6, 7), False), ((4, 6, 7), True), ((8, 9, 33), False)],
)
def test_words_stay_on_the_page_and_never_overlap(size, long, monkeypatch):
    if long:
        models = [(f"{'very-long-' * 5}model_{n}", kind) for n, (_, kind) in enumerate(analyses.MODELS)]
        sets = [(f"{'long_' * 12}set_{n}", *rest) for n, (_, *rest) in enumerate(analyses.DATASETS)]
        monkeypatch.setattr(analyses, "MODELS", models)
        monkeypatch.setattr(analyses, "DATASETS", sets)
    for figure, canvas in _drawn(with_trained(analysis(*size)), (("accuracy", "roc_auc"),)):
        assert canvas.width <= A4[0]
        assert canvas.height <= A4[1]
        boxes = [(words, box) for words, box in canvas.text_boxes() if words.strip()]
        for words, box in boxes:
            assert min(box.left, box.top) >= 0, (figure.name, words)
            assert box.right <= canvas.width, (figure.name, words)
            assert box.bottom <= canvas.height, (figure.name, words)
        for (words, one), (others, other) in _near(boxes):
            across = min(one.right, other.right) - max(one.left, other.left)
            down = min(one.bottom, other.bottom) - max(one.top, other.top)
            # Letters don't fill the height of their line.
            assert across < 0.75 or down < 1.5, (figure.name, words, others)


def test_the_same_figure_gives_the_same_bytes_in_another_process():
    made = [_named(analysis(2, 1, 2), "scores")]
    here = [figure.files(["png", "svg", "pdf"]) for figure in made]
    code = (
        "import pickle, sys\n"
        "figures = pickle.load(sys.stdin.buffer)\n"
        "pickle.dump([f.files(['png', 'svg', 'pdf']) for f in figures], sys.stdout.buffer)"
    )
    command = [sys.executable, "-c", code]
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(command, input=pickle.dumps(made), env=environment, capture_output=True, check=True)
    assert pickle.loads(run.stdout) == here
    assert here[0]["png"].startswith(b"\x89PNG")
    assert here[0]["pdf"].startswith(b"%PDF")
    assert b"/FontFile2" in here[0]["pdf"], "fonts are embedded as TrueType"


def test_several_processes_draw_what_one_draws():
    made = list(figures(analysis(2, 1, 2), (("accuracy",),)))
    made += [replace(figure, name=f"{figure.name}-again") for figure in made]
    alone = list(draw_all(made, ["svg"]))
    assert [figure.name for figure, _ in alone] == [figure.name for figure in made]
    assert list(draw_all(made, ["svg"], processes=2)) == alone


def test_what_a_user_set_for_matplotlib_changes_nothing():
    import matplotlib

    figure = _named(analysis(2, 1, 2), "scores")
    plain = figure.files(["svg"])
    with matplotlib.rc_context({"text.color": "red", "lines.linewidth": 9, "svg.fonttype": "path"}):
        assert figure.files(["svg"]) == plain
        assert matplotlib.rcParams["text.color"] == "red"


def test_the_heat_map_shows_every_score_and_says_missing_and_failed():
    made = analysis(4, 6, 7)
    lost = replace(made.results.failed[0], model="dna-llama-1b")
    words = _words(_named(made, "scores"))
    dagger = {("uci_splice", "genome-bert-12l-untrained")}
    for row in made.leaderboard:
        mark = "†" if (row.dataset, row.model) in dagger else ""
        assert f"{row.choice.test.value:.3f}{mark}" in words
    assert words.count("missing") == 1
    broken = replace(made, results=replace(made.results, failed=(lost,)))
    assert {"failed"} <= set(_words(_named(broken, "scores")))


def test_the_heat_map_says_what_its_colours_mean():
    assert any("best control" in word for word in _words(_named(analysis(4, 6, 7), "scores")))
    without = analysis(1, 3, 3)
    assert any("worst model" in word for word in _words(_named(without, "scores")))


def test_the_depth_map_names_each_chosen_layer_with_its_score():
    made = analysis(4, 6, 33)
    words = _words(_named(made, "depth_dna-llama-1b"))
    rows = [row for row in made.leaderboard if row.model == "dna-llama-1b"]
    assert rows
    for row in rows:
        assert f"{row.choice.layer}: {row.choice.test.value:.3f}" in words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.412, 0.93, "0.41–0.93"), (-0.11, -0.11, "−0.11 to −0.11"), (-0.2, 0.5, "−0.20 to 0.50")],
)
def test_a_span_of_scores_can_be_read_with_minus_signs(low, high, words):
    assert span(low, high) == words


def test_the_win_matrix_has_both_counts_of_every_pair():
    made = analysis(3, 6, 2)
    words = _words(_named(made, "wins"))
    for win in made.wins:
        assert f"{win.clearly_better} ({win.better})" in words
    assert words.count("of 6") == 6


def test_the_rank_diagram_shows_ranks_critical_difference_and_p_of_scopes_that_were_tested():
    words = _words(_named(analysis(4, 23, 2), "ranks"))
    assert {"All data sets", "promoters", "CD = 1.40", "23 data sets, p = 0.003", "1.25"} <= set(words)


def test_gains_have_a_plot_for_each_control_and_keep_zero_in_sight():
    words = _words(_named(analysis(4, 6, 7), "gains"))
    assert {"over its untrained twin", "over k-mers", "0.00", "+0.05"} <= set(words)
    without = replace(analysis(4, 6, 7), gains=())
    assert "gains" not in [figure.name for figure in figures(without, ())]


def test_gains_without_an_interval_are_shown_as_not_compared():
    made = analysis(4, 6, 7)
    bare = tuple(replace(gain, low=None, high=None, p_holm=None) for gain in made.gains)
    plain = _named(replace(made, gains=bare), "gains").files(["svg"])["svg"]
    assert plain != _named(made, "gains").files(["svg"])["svg"]


def test_efficiency_and_learning_curves_have_a_panel_a_data_set():
    made = analysis(4, 6, 7)
    names = {dataset.name for dataset in made.results.datasets}
    learning = set(_words(_named(made, "learning_mlp")))
    assert names <= learning
    assert "missing" in learning
    assert {"prom_core", "deephf", "100", "500", "2k", "8k"} <= set(_words(_named(made, "efficiency_mlp")))


def test_learning_curves_say_which_trainings_went_wrong():
    made = analysis(2, 1, 2)
    learning = tuple(replace(curve, verdict="overfitting") for curve in made.results.learning)
    words = _words(_named(replace(made, results=replace(made.results, learning=learning)), "learning_mlp"))
    assert words.count("overfitting") == 2


def test_curves_with_points_that_were_not_measured_are_drawn():
    made = analysis(2, 1, 3)
    points = made.results.learning[0].points
    holes = tuple(replace(point, eval_loss=None, train_loss=None) for point in points[:5])
    learning = tuple(replace(curve, points=(*holes, *points[5:])) for curve in made.results.learning)
    burst = tuple(replace(point, eval_loss=float("inf"), train_loss=float("nan")) for point in points[:5])
    unstable = tuple(replace(curve, points=(*points[5:], *burst)) for curve in made.results.learning)
    nothing = tuple(replace(curve, points=holes) for curve in made.results.learning)
    for curves in (learning, unstable, nothing):
        results = replace(made.results, learning=curves)
        assert _named(replace(made, results=results), "learning_mlp").files(["svg"])


def test_every_figure_says_in_words_what_it_shows():
    for figure in figures(analysis(4, 6, 7), METRICS):
        assert figure.title
        assert figure.alt.endswith(".")
