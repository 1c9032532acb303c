"""What every head promises, on problems with a known answer."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.probe.heads import HEADS, HeadData, Problem, create
from seqbench.probe.heads.base import HeadState, Resources
from seqbench.probe.heads.registry import predict
from tests.probe.heads.conftest import SETTINGS, fit_of

WEIGHTS = np.array([[2.0, -1.0], [0.0, 3.0], [1.0, 0.5], *[[0.0, 0.0]] * 5])


def two_classes(x):
    return (x[:, 0] + x[:, 1] > 0).astype(np.int64)


def three_classes(x):
    return x[:, :3].argmax(axis=1)


def two_labels(x):
    return (x[:, :2] > 0).astype(np.int8)


def two_values(x):
    return 100 + 10 * x @ WEIGHTS


def exclusive_or(x):
    return ((x[:, 0] > 0) != (x[:, 1] > 0)).astype(np.int64)


PROBLEMS = [
    (two_classes, Task.CLASSIFICATION, 2),
    (three_classes, Task.CLASSIFICATION, 3),
    (two_labels, Task.LABELS, 2),
    (two_values, Task.REGRESSION, 2),
]
every_head = pytest.mark.parametrize("name", HEADS)
every_problem = pytest.mark.parametrize(("rule", "task", "n_outputs"), PROBLEMS)


def quality(task, predicted, targets):
    """Accuracy, or the lowest R² of the targets."""
    if task is Task.REGRESSION:
        return (1 - ((predicted - targets) ** 2).mean(0) / targets.var(0)).min()
    chosen = predicted.argmax(1) if task is Task.CLASSIFICATION else predicted > 0.5
    return (chosen == targets).mean()


@every_problem
@every_head
def test_every_head_solves_every_task(fit, make, name, rule, task, n_outputs):
    splits = make(rule)
    (fitted,) = fit(name, task, n_outputs, splits)
    assert fitted.error is None
    needed = 0.75 if name == "knn" or (name == "forest" and task is Task.REGRESSION) else 0.87
    for split, data in zip(("eval", "test"), splits[1:], strict=True):
        assert fitted.predictions[split].shape == (150, n_outputs)
        assert fitted.predictions[split].dtype == np.float32
        assert quality(task, fitted.predictions[split], data.targets) > needed


@every_problem
@every_head
def test_the_same_seed_gives_the_same_numbers(fit, make, name, rule, task, n_outputs):
    splits = make(rule, n=150)
    small = {"epochs": 3} if name == "mlp" else {}
    once, again = (fit(name, task, n_outputs, splits, seed=3, **small)[0] for _ in range(2))
    np.testing.assert_array_equal(once.predictions["test"], again.predictions["test"])
    assert (once.history, once.hyperparameters) == (again.history, again.hyperparameters)


@pytest.mark.parametrize("name", ["mlp", "forest"])
def test_another_seed_gives_other_numbers(fit, make, name):
    splits = make(two_classes)
    one, other = (fit(name, Task.CLASSIFICATION, 2, splits, seed=seed)[0] for seed in (1, 2))
    assert not np.array_equal(one.predictions["test"], other.predictions["test"])


@every_head
def test_class_probabilities_sum_to_one(fit, make, name):
    (fitted,) = fit(name, Task.CLASSIFICATION, 3, make(three_classes))
    np.testing.assert_allclose(fitted.predictions["test"].sum(1), 1, atol=1e-5)


@every_problem
@every_head
def test_a_trained_head_predicts_again_what_it_predicted(fit, make, name, rule, task, n_outputs):
    splits = make(rule, n=150)
    (fitted,) = fit(name, task, n_outputs, splits, **({"epochs": 3} if name == "mlp" else {}))
    assert fitted.state.kind == name
    for split, data in zip(("eval", "test"), splits[1:], strict=True):
        again = predict(kept(fitted.state), data.features_LNH[0])
        assert again.dtype == np.float32
        np.testing.assert_allclose(again, fitted.predictions[split], rtol=1e-6, atol=1e-6)
    few = predict(fitted.state, data.features_LNH[0, :3])
    np.testing.assert_allclose(few, fitted.predictions["test"][:3], rtol=1e-5, atol=1e-5)


def kept(state: HeadState) -> HeadState:
    """As a file gives it back: tensors as bytes, the rest as JSON."""
    tensors = {name: np.frombuffer(array.tobytes(), array.dtype) for name, array in state.tensors.items()}
    return replace(
        state,
        tensors={name: tensors[name].reshape(array.shape) for name, array in state.tensors.items()},
        facts=json.loads(json.dumps(dict(state.facts))),
    )


@every_head
def test_features_of_another_width_or_with_nan_are_refused(fit, make, name):
    (fitted,) = fit(name, Task.CLASSIFICATION, 2, make(two_classes, n=100))
    with pytest.raises(ProbeError, match="are 5 wide, but the head was trained on 8"):
        predict(fitted.state, np.zeros((3, 5), dtype=np.float32))
    with pytest.raises(ProbeError, match="NaN or infinity in 1 of 3 items, first in item 1"):
        predict(fitted.state, np.array([[0], [np.nan], [0]], dtype=np.float32).repeat(8, axis=1))


@every_problem
@every_head
def test_fits_trained_together_are_what_they_are_alone(fit, make, name, rule, task, n_outputs):
    whole = make(rule, layers=2, n=150)
    part = replace(whole[0], features_LNH=whole[0].features_LNH[:, :90], targets=whole[0].targets[:90])
    fits = [fit_of(whole, 3), fit_of((part, *whole[1:]), 3), fit_of(whole, 4)]
    few = {"mlp": {"epochs": 3}, "xgb": {"n_estimators": 5}, "forest": {"n_estimators": 5}}
    settings = SETTINGS[name] | few.get(name, {})
    head = create(name, settings, Resources())
    together = head.fit(Problem(task=task, n_outputs=n_outputs), fits, advance=lambda _: None)
    for one, outcomes in zip(fits, together, strict=True):
        splits = (one.train, one.evaluation, one.test)
        alone = fit(name, task, n_outputs, splits, seed=one.seed, **settings)
        assert [layer.layer_index for layer in outcomes] == [0, 1]
        for mine, expected in zip(outcomes, alone, strict=True):
            np.testing.assert_allclose(
                mine.predictions["test"], expected.predictions["test"], rtol=1e-5, atol=1e-5
            )


@every_head
def test_exclusive_or_needs_more_than_a_line(fit, make, name):
    splits = make(exclusive_or, width=2, n=600)
    (fitted,) = fit(name, Task.CLASSIFICATION, 2, splits)
    reached = quality(Task.CLASSIFICATION, fitted.predictions["test"], splits[2].targets)
    assert reached < 0.65 if name == "linear" else reached > 0.9


@every_head
def test_a_class_may_be_missing_from_eval_test_or_train(fit, make, name):
    train, evaluation, test = make(three_classes)
    without = lambda data, gone: replace(  # noqa: E731
        data,
        features_LNH=data.features_LNH[:, data.targets != gone],
        targets=data.targets[data.targets != gone],
    )
    splits = (without(train, 0), without(evaluation, 2), without(test, 1))
    (fitted,) = fit(name, Task.CLASSIFICATION, 4, splits)
    assert fitted.error is None
    assert fitted.predictions["test"].shape == (splits[2].n_items, 4)
    assert np.isfinite(fitted.predictions["test"]).all()
    assert fitted.predictions["test"][:, 3].mean() < 0.25  # class 3 is in no split


@pytest.mark.parametrize("value", [0, 1])
@every_head
def test_a_label_that_is_constant_in_train_is_predicted_as_such(fit, make, name, value):
    splits = make(lambda x: np.stack([x[:, 0] > 0, np.full(len(x), value)], axis=1).astype(np.int8))
    (fitted,) = fit(name, Task.LABELS, 2, splits)
    assert np.abs(fitted.predictions["test"][:, 1] - value).max() < 0.1
    assert ((fitted.predictions["test"][:, 0] > 0.5) == splits[2].targets[:, 0]).mean() > 0.9


@every_head
def test_a_single_label_and_a_single_target_keep_their_column(fit, make, name):
    for rule, task in ((two_labels, Task.LABELS), (two_values, Task.REGRESSION)):
        (fitted,) = fit(name, task, 1, make(lambda x, rule=rule: rule(x)[:, :1]))
        assert fitted.predictions["eval"].shape == (150, 1)


@every_head
def test_a_layer_with_nan_fails_alone_and_says_where(fit, make, name):
    splits = make(two_classes, layers=3)
    alone = fit(name, Task.CLASSIFICATION, 2, [cut(data, [0, 2]) for data in splits])
    splits[2].features_LNH[1, 5, 0] = np.nan
    fitted = fit(name, Task.CLASSIFICATION, 2, splits)
    assert [layer.layer_index for layer in fitted] == [0, 1, 2]
    assert "test features hold NaN or infinity in 1 of 150 items, first in item 5" in fitted[1].error
    assert fitted[1].predictions == {}
    for position, expected in zip((0, 2), alone, strict=True):
        np.testing.assert_array_equal(fitted[position].predictions["test"], expected.predictions["test"])


def cut(data: HeadData, layers: list[int]) -> HeadData:
    return replace(data, features_LNH=data.features_LNH[layers])


@every_head
def test_progress_adds_up_to_layers_times_fits(make, name):
    splits, told = make(two_classes, layers=3, n=100), []
    splits[0].features_LNH[1] = np.inf
    head, fits = create(name, SETTINGS[name], Resources()), [fit_of(splits), fit_of(splits, 1)]
    head.fit(Problem(task=Task.CLASSIFICATION, n_outputs=2), fits, advance=told.append)
    assert sum(told) == pytest.approx(3 * 2)


@every_head
def test_an_empty_split_is_refused(fit, make, name):
    train, evaluation, test = make(two_classes)
    empty = HeadData(features_LNH=test.features_LNH[:, :0], targets=test.targets[:0])
    with pytest.raises(ProbeError, match="test split has no items"):
        fit(name, Task.CLASSIFICATION, 2, (train, evaluation, empty))


def test_targets_of_the_wrong_shape_are_a_bug_of_the_caller(fit, make):
    with pytest.raises(ValueError, match="train targets are"):
        fit("linear", Task.LABELS, 3, make(two_labels))


def test_an_unknown_head_is_answered_with_the_nearest():
    with pytest.raises(ProbeError, match="did you mean 'forest'"):
        create("forrest", {}, Resources())


def test_naming_the_heads_imports_no_heavy_package():
    heavy = "{'torch', 'sklearn', 'xgboost', 'duckdb', 'transformers', 'pandas'}"
    code = f"import sys, seqbench.probe.heads; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
