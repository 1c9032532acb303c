"""From the config's section `probe` to designs."""

import pytest

from seqbench.config import ProbeConfig
from seqbench.probe.heads.base import Resources
from seqbench.probe.heads.registry import HEADS, create
from seqbench.stages.designs import designs

SUBSETS = {"few_shot": [1, 5], "sizes": [100, 0.5], "repeats": 2}


def made(head_of_dataset: str | None = None, **given: object) -> list[tuple[object, ...]]:
    return [
        (
            each.head,
            each.seed,
            each.folds,
            each.subset and (each.subset.kind, each.subset.amount, each.subset.repeat),
            each.shuffled,
        )
        for each in designs(ProbeConfig.model_validate(given), head_of_dataset)
    ]


def test_a_plain_config_is_every_head_with_every_seed() -> None:
    assert made(heads=("linear", "knn"), seeds=(1, 2)) == [
        ("linear", 1, None, None, False),
        ("linear", 2, None, None, False),
        ("knn", 1, None, None, False),
        ("knn", 2, None, None, False),
    ]


def test_the_head_that_a_data_set_names_goes_before_the_configs() -> None:
    assert [each[0] for each in made("xgb", heads=("linear", "knn"), seeds=(1,))] == ["xgb"]


def test_subsets_are_drawn_so_often_beside_folds_and_never_in_them() -> None:
    found = made(folds=5, subsets=SUBSETS, seeds=(1,))
    assert [(folds, subset) for _, _, folds, subset, _ in found] == [
        (5, None),
        (None, ("few-shot", 1, 0)), (None, ("few-shot", 1, 1)),
        (None, ("few-shot", 5, 0)), (None, ("few-shot", 5, 1)),
        (None, ("size", 100, 0)), (None, ("size", 100, 1)),
        (None, ("size", 0.5, 0)), (None, ("size", 0.5, 1)),
    ]  # fmt: skip


def test_each_has_its_control_where_that_is_asked_for() -> None:
    found = made(subsets=SUBSETS, shuffled_labels=True, seeds=(1, 2))
    assert len(found) == 2 * len(made(subsets=SUBSETS, seeds=(1, 2)))
    for real, control in zip(found[::2], found[1::2], strict=True):
        assert control == (*real[:-1], True)
        assert not real[-1]


def test_combine_and_threshold_are_those_of_the_config() -> None:
    (design,) = designs(ProbeConfig(combine="mean", threshold="mcc"), None)
    assert (design.combine, design.threshold) == ("mean", "mcc")


@pytest.mark.parametrize("head", HEADS)
def test_a_head_is_given_its_section_and_the_general_settings_that_it_has(head: str) -> None:
    config = ProbeConfig(heads=(head,), class_weights="balanced", choose_epoch="last")
    (design,) = designs(config, None)
    given = set(design.settings) - set(getattr(config, head).model_dump())
    general = {
        "mlp": {"class_weights", "choose_epoch"},
        "xgb": {"class_weights", "choose_epoch"},
        "knn": set(),
    }
    assert given == general.get(head, {"class_weights"})
    assert create(head, design.settings, Resources()).device
