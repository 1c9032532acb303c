"""Names of curves, and that what is off, missing or failing costs nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from seqbench.errors import ConfigError
from seqbench.tracking import make_trackers
from seqbench.tracking.base import Labels, by_epoch, curves, remarks, scores
from tests.tracking.records import config, history, record

ONE = Labels(heads=False, seeds=False)
MANY = Labels(heads=True, seeds=True)


@pytest.mark.parametrize(
    ("changed", "alone", "among_many"),
    [
        ({}, "layer_2", "layer_2/mlp/seed_1"),
        ({"folds": 5, "fold": 3}, "layer_2/fold_3", "layer_2/mlp/seed_1/fold_3"),
        ({"folds": 5}, "layer_2/all_folds", "layer_2/mlp/seed_1/all_folds"),
        ({"subset": "few-shot 5", "repeat": 0}, "layer_2/few-shot_5/draw_0", None),
        ({"control": "shuffled-labels"}, "layer_2/shuffled-labels", None),
    ],
)
def test_a_curve_is_named_by_what_tells_it_from_others(
    changed: dict[str, object], alone: str, among_many: str | None
) -> None:
    assert ONE.of(record(2, **changed)) == alone
    assert among_many is None or MANY.of(record(2, **changed)) == among_many


def test_the_curves_of_layers_stand_side_by_side_by_epoch() -> None:
    rows = by_epoch([record(0), record(2, history=history(2)[:1])], ONE)
    assert list(rows) == [1, 2, 3]
    assert rows[1] == {
        "layer_0/train_loss": 1.0, "layer_0/eval_loss": 1.0,
        "layer_2/train_loss": 1.0, "layer_2/eval_loss": 3.0,
    }  # fmt: skip
    assert rows[3] == {"layer_0/train_loss": 1 / 3, "layer_0/eval_loss": 1 / 3, "layer_0/eval_score": 0.75}


def test_what_was_not_measured_or_is_undefined_is_left_out() -> None:
    assert curves(history(0)[0]) == {"train_loss": 1.0, "eval_loss": 1.0}
    assert scores(record(4)) == {"test/accuracy": 1.0}
    assert remarks(record(0)) == {"chosen_epoch": 2, "convergence": "converged"}
    dead = record(0, status="failed", error="diverged", chosen_epoch=None, convergence=None, splits=())
    assert (scores(dead), remarks(dead)) == ({}, {"error": "diverged"})


def test_off_imports_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("wandb", "tensorboard", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, package, None)  # importing it would raise
    assert make_trackers(config(), pytest.fail) == []


def test_asking_for_trackers_that_are_off_loads_neither_package() -> None:
    program = (
        "import sys; from seqbench.config import Config; from seqbench.tracking import make_trackers;"
        "config = Config.model_validate({'models': [{'kind': 'kmer'}], 'datasets': {'root': '.'}});"
        "assert make_trackers(config, print) == [];"
        "print(*({'wandb', 'tensorboard', 'torch'} & sys.modules.keys()))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""


@pytest.mark.parametrize(
    ("package", "changed"),
    [("wandb", {"wandb": {"enabled": True}}), ("tensorboard", {"tensorboard": {"dir": "board"}})],
)
def test_a_package_that_is_not_installed_is_named_with_how_to_get_it(
    package: str, changed: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"pip install 'seqbench\[{package}\]'") as caught:
        make_trackers(config(**changed), pytest.fail)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for changed in (
        {"wandb": {"enabled": True, "dir": f"{tmp_path}/file/x"}},
        {"tensorboard": {"dir": f"{tmp_path}/file/x"}},
    ):
        with pytest.raises(ConfigError, match=r"dir: .*can't be made"):
            make_trackers(config(**changed), pytest.fail)
