"""TensorBoard: event files are read back by TensorBoard itself."""

from pathlib import Path

import pytest

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqbench.tracking import event_files as tracker_module
from seqbench.tracking import make_trackers
from tests.tracking.records import config, record


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }


def test_a_folder_a_data_set_holds_a_curve_a_layer(tmp_path: Path) -> None:
    (made,) = make_trackers(config(tensorboard={"dir": str(tmp_path)}), pytest.fail)
    made.log([record(0), record(1)])
    made.log([record(0, dataset="other")])
    made.log([record(2)])
    made.finish("m", "d")
    made.close()
    assert len(list((tmp_path / "m" / "d" / "run-1").iterdir())) == 1
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["d", "other"]
    scalars = read(tmp_path / "m" / "d" / "run-1")
    assert scalars["layer_1/eval_loss"] == [(1, 2.0), (2, 1.5), (3, pytest.approx(4 / 3))]
    assert scalars["layer_2/eval_score"] == [(2, 0.5), (3, 0.75)]
    assert scalars["layer_2/test/accuracy"] == [(2, 0.75)]
    assert set(read(tmp_path / "m" / "other" / "run-1")) == {
        f"layer_0/{name}" for name in ("train_loss", "eval_loss", "eval_score", "test/accuracy")
    }


def test_trainings_of_a_model_are_told_apart_by_encoder_seed_and_fold(tmp_path: Path) -> None:
    (made,) = make_trackers(config(tensorboard={"dir": str(tmp_path)}), pytest.fail)
    made.log([record(2, head="lora"), record(2, head="full", seed=2, folds=2, fold=1), record(2)])
    made.close()
    scalars = read(tmp_path / "m" / "d" / "run-1")
    labels = ("lora/seed_1", "full/seed_2/fold_1", "layer_2")
    assert {tag.rpartition("/")[0] for tag in scalars if tag.endswith("loss")} == set(labels)
    assert all(scalars[f"{label}/test/accuracy"] == [(2, 0.75)] for label in labels)


def test_a_full_disk_is_told_once_and_the_rest_goes_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tracker_module, "EventFileWriter", full)
    notes: list[str] = []
    (made,) = make_trackers(config(tensorboard={"dir": str(tmp_path)}), notes.append)
    made.log([record(0)])
    made.log([record(1)])
    made.close()
    assert len(notes) == 1
    assert "No space left on device" in notes[0]
