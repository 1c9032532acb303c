"""The five lines say what a report concludes, in each case that changes what they say."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqbench.report.analysis import Analysis, Gain, LayerComparison, LayerComparisons
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.results import Choice, Score
from seqbench.suggest.answer import answer

CONFIG = Path("out/config.yaml")


def row(model: str, *, control: bool = False, place: int | None = 1) -> LeaderRow:
    test = Score(value=0.7, low=0.6, high=0.8, n_probes=1)
    choice = Choice(
        metric="mcc", layer=4, eval_score=0.7, test=test, oracle_layer=4, oracle_score=0.7, gap=0.0
    )
    return LeaderRow(
        dataset="d", metric="mcc", place=place, rank=place, model=model, control=control, head="linear",
        n_layers=7, choice=choice,
    )  # fmt: skip


def gain(kind: Any, difference: float, p: float | None) -> Gain:
    ends = (None, None) if p is None else (difference - 0.1, difference + 0.1)
    return Gain(
        dataset="d", model="m", control=f"{kind}-x", kind=kind, difference=difference, low=ends[0],
        high=ends[1], p_holm=p,
    )  # fmt: skip


def layers(*found: tuple[int, float, float]) -> LayerComparisons:
    compared = tuple(
        LayerComparison(layer=layer, difference=difference, low=None, high=None, p_holm=p)
        for layer, difference, p in found
    )
    return LayerComparisons(dataset="d", model="m", head="linear", metric="mcc", chosen=4, layers=compared)


def said(
    *gains: Gain, of_layers: LayerComparisons | None = None, n_test: int = 1000
) -> list[tuple[str, str]]:
    results: Any = SimpleNamespace(datasets=[SimpleNamespace(name="d", n_test=n_test)], failed=[])
    found = Analysis(
        results=results,
        leaderboard=(row("kmers", control=True), row("m", place=2)),
        gains=gains,
        layers=(of_layers,) if of_layers else (),
    )
    return answer(found, CONFIG)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([(1, 0.2, 0.001), (2, 0.0, 1.0), (3, 0.1, 0.4), (5, -0.1, 0.2)],
         "layers 2, 3 and 5 can't be told apart from it (the shallowest is 2); layer 1 is clearly worse"),
        ([(0, 0.0, 1.0), (1, 0.0, 0.9), (2, 0.0, 0.9), (6, 0.1, 0.1)],
         "none of the 4 other layers can be told apart from it"),
        ([(0, 0.3, 0.01), (5, 0.2, 0.001)], "every other layer is clearly worse (2 of them)"),
        ([(0, 0.3, 0.01), (5, -0.2, 0.001)], "not: layer 5 is clearly better on test, but eval did not tell"),
        ([(5, 0.2, 0.06)], "layer 5 can't be told apart from it"),
    ],
)  # fmt: skip
def test_how_sure_names_the_plateau(found: list[tuple[int, float, float]], expected: str) -> None:
    assert dict(said(of_layers=layers(*found)))["how sure"] == expected


def test_five_lines_end_in_a_prediction_where_both_controls_are_behind() -> None:
    lines = said(gain("kmer", 0.25, 0.001), gain("untrained", 0.125, 0.01))
    assert lines[0] == (
        "layer",
        "4 of 0 to 6, chosen on eval: mcc 0.700 on test (95 % interval 0.600 to 0.800)",
    )
    assert lines[2] == ("k-mers", "0.250 above kmer-x (95 % interval +0.150 to +0.350)")
    assert lines[3] == ("untrained twin", "0.125 above untrained-x (95 % interval +0.025 to +0.225)")
    assert [word for word, _ in lines] == ["layer", "how sure", "k-mers", "untrained twin", "next", ""]
    assert lines[-1][1].startswith("seqbench predict out/heads/m/d/4/linear-*.safetensors ")


@pytest.mark.parametrize(
    ("kmer", "line", "then"),
    [
        (gain("kmer", -0.25, 0.001), "0.250 below kmer-x (95 % interval +0.150 to +0.350)", "over k-mers"),
        (gain("kmer", -0.05, 0.9), "no clear difference from kmer-x: −0.050 (95 % interval −0.150 to +0.050)",
         "over k-mers"),
        (gain("kmer", -0.25, None), "0.250 below kmer-x, by score alone", "over k-mers"),
    ],
)  # fmt: skip
def test_a_control_that_is_as_good_changes_what_is_next(kmer: Gain, line: str, then: str) -> None:
    lines = said(kmer, gain("untrained", 0.1, 0.01))
    assert lines[2] == ("k-mers", line)
    assert lines[4] == ("next", f"no clear gain {then} with a linear head; try other heads:")
    assert lines[5] == ("", "seqbench run out/config.yaml --set 'probe.heads=[linear,mlp]'")
    few = said(kmer, gain("untrained", 0.1, 0.01), n_test=40)
    assert "with 40 test items only large gains show, so add data" in few[4][1]


def test_a_model_without_a_twin_or_a_score_is_said() -> None:
    assert dict(said())["untrained twin"] == "no score to compare with: the model can't be untrained"
    results: Any = SimpleNamespace(datasets=[], failed=[SimpleNamespace(reason="out of memory")])
    lines = answer(Analysis(results=results, leaderboard=(row("kmers", control=True),)), CONFIG)
    assert lines == [("no answer", "the model has no score on test: out of memory")]
