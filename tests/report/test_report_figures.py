"""Layer figures: what is in them, where labels go, and that drawing is repeatable."""

import xml.etree.ElementTree as ET

import pytest
from report_records import MODELS, NAMES, fill, selection

from seqbench.report.figures.canvas import house_style, inline_svg, shorten, text_width
from seqbench.report.figures.draw import draw_alone, draw_figure
from seqbench.report.figures.panels import layer_figures
from seqbench.report.figures.placing import Box, along, place
from seqbench.report.figures.plot import tick_step
from seqbench.report.read import read_results
from seqbench.report.figures.style import ON_DARK, SERIES, looks


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    catalog = fill(tmp_path_factory.mktemp("report") / "c.duckdb", heads=("mlp", "linear"), layers=4)
    return read_results(catalog, selection(heads=("mlp", "linear")))


def _svg(results, figure):
    with house_style():
        return draw_figure(figure, looks(results.models)).svg("salt")


def _words(svg):
    return [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_there_is_a_figure_for_each_head_with_a_panel_for_each_data_set_that_has_the_metric(results):
    figures = layer_figures(results, ["spearmanr", "r2"])
    assert [figure.name for figure in figures] == ["layers_spearmanr-r2_mlp", "layers_spearmanr-r2_linear"]
    assert [panel.dataset for panel in figures[0].panels] == ["deephf", "gb1_three_vs_rest"]


def test_there_is_no_figure_where_no_data_set_has_the_metric(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=NAMES[:1], layers=2)
    assert layer_figures(read_results(catalog, selection()), ["r2"]) == ()


def test_star_ceiling_and_legend_carry_their_values(results):
    figure = layer_figures(results, ["roc_auc", "accuracy"])[0]
    line = figure.panels[0].lines[0]
    words = _words(_svg(results, figure))
    assert f"layer {line.choice.layer}: {line.choice.test.value:.3f}" in words
    assert "ceiling 0.970" in words
    assert (
        f"{results.curve('prom_core', 'dna-bert', 'mlp').at(line.choice.layer, 'accuracy').value:.3f}"
        in words
    )


def test_more_other_metrics_than_fit_beside_a_name_stand_below_it(results):
    figure = layer_figures(results, ["roc_auc", "accuracy", "balanced_accuracy", "f1", "mcc"])[0]
    words = _words(_svg(results, figure))
    assert any(word.startswith("accuracy 0.") and "balanced_accuracy 0." in word for word in words)


@pytest.mark.parametrize(("data_sets", "layers"), [(1, 2), (23, 33)])
def test_figures_of_any_size_are_at_most_a_page_wide_and_shorten_long_names(tmp_path, data_sets, layers):
    names = [(f"{'long_' * 14}name_{index}", NAMES[0][1]) for index in range(data_sets)]
    catalog = fill(tmp_path / "c.duckdb", datasets=names, models=MODELS[:2], layers=layers)
    wanted = selection(MODELS[:2], tuple(name for name, _ in names))
    (figure,) = layer_figures(read_results(catalog, wanted), ["accuracy"])
    with house_style():
        canvas = draw_figure(figure, looks(read_results(catalog, wanted).models))
        assert canvas.width <= 920
        words = _words(canvas.svg("salt"))
    assert sum(word.startswith("long_") and "…" in word for word in words) == data_sets


def test_the_same_figure_gives_the_same_bytes(results):
    figure = layer_figures(results, ["spearmanr"])[0]
    with house_style():
        first, second = (draw_figure(figure, looks(results.models)) for _ in range(2))
        assert first.svg("salt") == second.svg("salt")
        assert first.png() == second.png()
        assert first.png().startswith(b"\x89PNG")


def test_what_a_user_set_for_matplotlib_changes_nothing(results):
    import matplotlib

    panel = layer_figures(results, ["spearmanr"])[0].panels[0]
    with house_style():
        plain = draw_alone(panel, looks(results.models)).svg("salt")
    with matplotlib.rc_context({"axes.facecolor": "red", "lines.linewidth": 9, "svg.fonttype": "path"}):
        with house_style():
            assert draw_alone(panel, looks(results.models)).svg("salt") == plain
        assert matplotlib.rcParams["axes.facecolor"] == "red"


def test_an_inlined_svg_follows_the_page_and_names_itself(results):
    panel = layer_figures(results, ["spearmanr"])[0].panels[0]
    with house_style():
        svg = inline_svg(draw_alone(panel, looks(results.models)).svg("salt"), '<"deephf">')
    root = ET.fromstring(svg)
    assert root.get("aria-label") == '<"deephf">'
    assert root.get("viewBox")
    assert root.get("width") is None
    assert not any(color in svg for color in ON_DARK)
    assert 'id="axes_1"' not in svg


def test_an_untrained_twin_has_its_models_colour_and_controls_are_grey(results):
    found = looks(results.models)
    assert found["dna-bert"].color == found["dna-bert-untrained"].color == SERIES[0]
    assert found["dna-bert-untrained"].dashes
    assert not found["dna-bert"].dashes
    assert found["kmer-4"].color == found["onehot"].color
    assert found["kmer-4"].dashes != found["onehot"].dashes


@pytest.mark.parametrize(("last", "step"), [(1, 1), (6, 1), (8, 1), (12, 2), (32, 4), (96, 20)])
def test_the_layer_axis_has_at_most_nine_numbers(last, step):
    assert tick_step(last) == step
    assert len(range(0, last + 1, step)) <= 9


def test_a_label_goes_where_it_hides_neither_line_nor_label():
    axes = Box(left=0, bottom=0, right=200, top=100)
    line = along([(0, 20), (100, 60), (200, 20)])
    first = place((100, 60), 4.5, (60, 8), axes, line, [])
    assert not any(first.holds(x, y) for x, y in line)
    second = place((100, 60), 4.5, (60, 8), axes, line, [first])
    assert not second.overlaps(first)


def test_a_label_at_the_edge_stays_inside():
    axes = Box(left=0, bottom=0, right=200, top=100)
    box = place((199, 99), 4.5, (60, 8), axes, [], [])
    assert (box.left >= 0, box.right <= 200, box.bottom >= 0, box.top <= 100) == (True, True, True, True)


def test_long_names_lose_their_middle():
    short = shorten("a-very-long-model-name-of-someone", 80)
    assert short.startswith("a-very")
    assert short.endswith("one")
    assert text_width(short) <= 80
    assert shorten("short", 80) == "short"
