"""What is tried next: by a grid, by chance, by what earlier trials did; always the same."""

import math

import optuna
import pytest
from pydantic import ValidationError

from seqbench.config.search import SearchConfig, with_values
from seqbench.search.drawing import draw, rounds
from seqbench.search.pruning import STARTUP, pruner
from seqbench.search.trials import Trial, chosen

SPACE = {
    "lr": {"low": 1e-6, "high": 1e-1, "log": True, "points": 6},
    "lora.rank": {"low": 2, "high": 32, "points": 3},
    "head": {"choices": ["mean", "cls"]},
}


def search(**changed):
    return SearchConfig(**{"space": SPACE, "trials": 24} | changed)


def loss(values):
    """Least at lr 1e-3, rank 8 and head mean."""
    return abs(math.log10(values["lr"]) + 3) + abs(values["lora.rank"] - 8) / 10 + (values["head"] == "cls")


def tried(wanted):
    """All rounds of a search whose trials score by `loss`."""
    found = []
    for numbers in rounds(wanted):
        drawn = draw(wanted, numbers, found, higher_is_better=False)
        found += [
            Trial(number=n, values=values, state="done", score=loss(values))
            for n, values in zip(numbers, drawn, strict=True)
        ]
    return found


def test_rounds_are_of_so_many_trials_as_may_run_at_once():
    assert [list(numbers) for numbers in rounds(search(trials=5, at_once=2))] == [[0, 1], [2, 3], [4]]


def test_a_grid_has_every_combination_once():
    found = [tuple(trial.values.values()) for trial in tried(search(method="grid", trials=None))]
    assert len(found) == len(set(found)) == 6 * 3 * 2
    assert {rank for _, rank, _ in found} == {2, 17, 32}
    rates = sorted({rate for rate, _, _ in found})
    assert rates == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1])


def test_some_of_a_grid_are_spread_over_it():
    found = [trial.values for trial in tried(search(method="grid", trials=8))]
    assert len(found) == 8
    assert len({values["lr"] for values in found}) > 3


@pytest.mark.parametrize("method", ["grid", "random", "tpe"])
def test_equal_seeds_try_the_same_and_values_stay_in_their_ranges(method):
    found = tried(search(method=method, seed=3))
    assert found == tried(search(method=method, seed=3))
    assert [one.values for one in found] != [one.values for one in tried(search(method=method, seed=4))]
    for trial in found:
        assert 1e-6 <= trial.values["lr"] <= 1e-1
        assert isinstance(trial.values["lora.rank"], int)
        assert 2 <= trial.values["lora.rank"] <= 32
        assert trial.values["head"] in ("mean", "cls")


def test_a_round_depends_on_earlier_trials_in_any_order_and_on_nothing_else():
    wanted = search(method="tpe")
    found = tried(wanted)
    numbers = rounds(wanted)[4]
    earlier = found[: numbers.start]
    again = draw(wanted, numbers, earlier[::-1], higher_is_better=False)
    assert again == [trial.values for trial in found[numbers.start : numbers.stop]]


def test_tpe_learns_where_chance_does_not():
    def mean(method):
        return sum(trial.score for seed in range(3) for trial in tried(search(method=method, seed=seed))[12:])

    assert mean("tpe") < 0.7 * mean("random")


def test_trials_that_were_pruned_or_failed_are_learned_from_and_never_chosen():
    wanted = search(method="tpe", at_once=1)
    values = {"lr": 1e-3, "lora.rank": 8, "head": "mean"}
    known = [
        Trial(number=0, values=values, state="failed", score=None, error="diverged"),
        Trial(number=1, values=values, state="pruned", score=0.1, points=(0.1,)),
        Trial(number=2, values=values, state="done", score=0.9, points=(0.9,)),
        Trial(number=3, values=values, state="done", score=0.9, points=(0.9,)),
    ]
    assert len(draw(wanted, range(4, 5), known, higher_is_better=True)) == 1
    assert chosen(known, higher_is_better=False).number == 2
    assert chosen(known[:2], higher_is_better=True) is None


@pytest.mark.parametrize("higher", [True, False])
def test_a_trial_is_given_up_where_optunas_median_pruner_gives_it_up(higher):
    sign = 1 if higher else -1
    values = {"lr": 1e-3, "lora.rank": 8, "head": "mean"}
    points = [[sign * (0.5 + 0.01 * n + 0.1 * point) for point in range(3)] for n in range(7)]
    earlier = [
        Trial(number=n, values=values, state="done", score=each[-1], points=tuple(each))
        for n, each in enumerate(points)
    ]
    is_hopeless = pruner(search(), earlier, higher_is_better=higher)
    study = optuna.create_study(
        direction="maximize" if higher else "minimize", pruner=optuna.pruners.MedianPruner()
    )
    for each in points:
        asked = study.ask()
        for step, value in enumerate(each):
            asked.report(value, step)
        study.tell(asked, each[-1])
    for last in (0.4, 0.53, 0.6):
        asked = study.ask()
        asked.report(sign * last, 0)
        assert is_hopeless([sign * last]) == asked.should_prune()
    assert is_hopeless([sign * 0.4])


def test_nothing_is_given_up_before_some_trials_ended_or_where_that_is_off():
    values = {"lr": 1e-3, "lora.rank": 8, "head": "mean"}
    many = [Trial(number=n, values=values, state="done", score=0.9, points=(0.9,)) for n in range(STARTUP)]
    assert pruner(search(), many, higher_is_better=True)([0.1])
    assert not pruner(search(), many[1:], higher_is_better=True)([0.1])
    assert not pruner(search(prune=False), many, higher_is_better=True)([0.1])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"space": {}}, "at least 1 item"),
        ({"space": {"lr": {"low": 1.0, "high": 0.1}}}, "low below high"),
        ({"space": {"lr": {"low": 0, "high": 1, "log": True}}}, "choices"),
        ({"space": {"head": {"choices": ["mean", "mean"]}}}, "choices"),
        ({"space": {"lr": {"low": 0.1, "high": 1.0}}, "method": "grid"}, "must say `points` of lr"),
        ({"trials": None}, "must say `trials`"),
        ({"method": "grid", "space": {"lr": {"low": 1, "high": 20_000}}}, "20000 points"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(changed, message):
    with pytest.raises(ValidationError, match=message):
        search(**changed)


def test_values_take_the_place_of_keys_at_any_depth_and_leave_the_section_alone():
    section = {"lr": 1.0, "lora": {"rank": 8, "alpha": 16}}
    found = with_values(section, {"lr": 2.0, "lora.rank": 4})
    assert found == {"lr": 2.0, "lora": {"rank": 4, "alpha": 16}}
    assert section["lora"]["rank"] == 8
    for wrong in ("rate", "lr.rank", "lora.rnk"):
        with pytest.raises(KeyError):
            with_values(section, {wrong: 1})
