"""Layer figures and what they are made of: panels, looks, labels, scales."""

import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from analyses import analysis

from seqbench.report.figures.colors import diverging, ink_on, mix, sequential
from seqbench.report.figures.layers import layer_pages
from seqbench.report.figures.letters import shorten, text_width, wrap
from seqbench.report.figures.panels import layer_figures
from seqbench.report.figures.placing import Box, along, place
from seqbench.report.figures.scales import Scale, count, padded, tick_step, ticks
from seqbench.report.figures.style import BACKGROUND, INK, SERIES, looks


def _words(made, metrics):
    words = []
    for figure in layer_pages(made, metrics):
        svg = figure.files(["svg"])["svg"]
        words += [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    return words


def test_there_is_a_figure_for_each_head_with_a_panel_for_each_data_set_that_has_the_metric():
    made = layer_figures(analysis(4, 6, 3, heads=("mlp", "linear")).results, ["spearmanr", "r2"])
    assert [figure.name for figure in made] == ["layers_spearmanr-r2_mlp", "layers_spearmanr-r2_linear"]
    assert [panel.dataset for panel in made[0].panels] == ["deephf"]


def test_there_is_no_figure_where_no_data_set_has_the_metric():
    assert layer_figures(analysis(4, 1, 3).results, ["r2"]) == ()


def test_star_ceiling_and_legend_carry_their_values():
    made = analysis(4, 6, 7)
    curve = made.results.curve("prom_core", "dna-llama-1b", "mlp")
    choice = curve.choices["roc_auc"]
    words = _words(made, ["roc_auc", "accuracy"])
    assert f"layer {choice.layer}: {choice.test.value:.3f}" in words
    assert f"{curve.at(choice.layer, 'accuracy').value:.3f}" in words
    assert "ceiling 0.970" in _words(made, ["accuracy"])


def test_layers_as_good_as_the_chosen_one_are_marked_where_layers_were_compared_by_the_metric():
    made = analysis(4, 6, 7)
    (figure,) = layer_figures(made.results, ["accuracy"], made.layers)
    line = figure.panels[0].lines[0]
    compared = next(one for one in made.layers if (one.dataset, one.model) == ("prom_core", line.model))
    good = {one.layer for one in compared.layers if one.p_holm >= 0.05}
    assert set(line.as_good) == good | {compared.chosen}
    assert "layers that can't be told apart from it" in _words(made, ["accuracy"])
    (other,) = layer_figures(made.results, ["mcc"], made.layers)
    assert not any(line.as_good for panel in other.panels for line in panel.lines)


def test_more_other_metrics_than_fit_beside_a_name_stand_below_it():
    words = _words(analysis(4, 6, 7), ["roc_auc", "accuracy", "balanced_accuracy", "f1", "mcc"])
    assert any(word.startswith("accuracy 0.") and "balanced_accuracy 0." in word for word in words)


def test_a_layer_without_a_score_breaks_the_line_and_not_the_figure():
    made = analysis(2, 1, 5)
    key, curve = next(iter(made.results.curves.items()))
    holes = {
        place: replace(score, value=None, low=None, high=None) if place[0] == 2 else score
        for place, score in curve.test.items()
    }
    curves = {**made.results.curves, key: replace(curve, test=holes)}
    (figure,) = layer_pages(replace(made, results=replace(made.results, curves=curves)), ["accuracy"])
    assert figure.files(["svg"])


def test_an_untrained_twin_has_its_models_colour_and_controls_are_grey():
    found = looks(analysis(6, 1, 3).results.models)
    assert found["genome-bert-12l"].color == found["genome-bert-12l-untrained"].color == SERIES[0]
    assert found["genome-bert-12l-untrained"].dashes
    assert not found["genome-bert-12l"].dashes
    assert found["kmer-4"].color == found["onehot"].color
    assert found["kmer-4"].dashes != found["onehot"].dashes


@pytest.mark.parametrize(("last", "step"), [(1, 1), (6, 1), (8, 1), (12, 2), (32, 4), (96, 20)])
def test_the_layer_axis_has_at_most_nine_numbers(last, step):
    assert tick_step(last) == step
    assert len(range(0, last + 1, step)) <= 9


@pytest.mark.parametrize(("low", "high"), [(0.51, 0.93), (-0.004, 0.003), (-3.0, 120.0), (0.8, 0.80001)])
def test_an_axis_has_round_numbers_inside_it_with_equally_many_digits(low, high):
    found = ticks(low, high)
    assert 2 <= len(found) <= 5
    for value, words in found:
        assert low - 1e-12 <= value <= high + 1e-12
        assert math.isclose(float(words), value, abs_tol=1e-9 * (high - low))
    assert len({len(words.partition(".")[2]) for _, words in found}) == 1


def test_a_range_is_never_so_narrow_that_a_hair_looks_like_a_gulf():
    low, high = padded([0.9, 0.9001], 0, 0)
    assert high - low >= 0.018


def test_scales_place_numbers_by_share_or_by_ratio():
    assert Scale(low=0, high=10, start=100, end=200)(5) == 150
    assert math.isclose(Scale(low=1, high=100, start=0, end=10, logarithmic=True)(10), 5)


def test_numbers_of_items_take_few_letters():
    assert [count(n) for n in (800, 1000, 12_500, 2_000_000)] == ["800", "1k", "12.5k", "2M"]


def test_a_label_goes_where_it_hides_neither_line_nor_label():
    axes = Box(left=0, top=0, right=200, bottom=100)
    line = along([(0, 80), (100, 40), (200, 80)])
    first = place((100, 40), 4.5, (60, 8), axes, line, [])
    assert not any(first.holds(x, y) for x, y in line)
    second = place((100, 40), 4.5, (60, 8), axes, line, [first])
    assert not second.overlaps(first)


def test_a_label_at_the_edge_stays_inside():
    axes = Box(left=0, top=0, right=200, bottom=100)
    box = place((199, 1), 4.5, (60, 8), axes, [], [])
    assert (box.left >= 0, box.right <= 200, box.top >= 0, box.bottom <= 100) == (True, True, True, True)


def test_a_label_without_room_is_left_out():
    axes = Box(left=0, top=0, right=200, bottom=100)
    assert place((100, 50), 4.5, (60, 8), axes, [], [axes]) is None


def test_widths_of_words_are_those_of_the_font():
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    for bold in (False, True):
        font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
        drawn = TextPath((0, 0), "layer 12: 0.812", size=10, prop=font).get_extents()
        # What is drawn lacks the white space before the first letter and after the last.
        assert 0 <= text_width("layer 12: 0.812", 10, bold=bold) - drawn.width <= 2.5


def test_long_names_lose_their_middle():
    short = shorten("a-very-long-model-name-of-someone", 80)
    assert short.startswith("a-very")
    assert short.endswith("one")
    assert text_width(short) <= 80
    assert shorten("short", 80) == "short"


def test_names_are_broken_where_words_end_and_shortened_where_they_must():
    assert wrap("genome-bert-12l-untrained", 60, 3, 7.5) == ("genome-bert-", "12l-untrained")
    lines = wrap("long_" * 20, 60, 3, 7.5)
    assert len(lines) == 3
    assert all(text_width(line, 7.5) <= 60 for line in lines)


def test_letters_on_every_colour_have_contrast():
    def light(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    shades = [sequential(i / 50) for i in range(51)] + [diverging(i / 25 - 1) for i in range(51)]
    for color in shades:
        one, other = sorted((light(color), light(ink_on(color))))
        assert (other + 0.05) / (one + 0.05) >= 3.8
    assert sequential(0) == diverging(0) == BACKGROUND
    assert mix(BACKGROUND, INK, 1) == INK
