import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import accuracy_score, roc_auc_score

from seqbench.core.types import Task
from seqbench.probe.heads.mlp.scores import MOST_VALUES, EvalScores, average_ranks

RANDOM = np.random.default_rng(0)
RULES = {
    Task.CLASSIFICATION: lambda x: (x[:, :3] + 0.5).argmax(axis=1),
    Task.LABELS: lambda x: (x[:, :3] > 0.3).astype(np.int8),
    Task.REGRESSION: lambda x: 5 + 3 * x[:, :3],
}


def score_by_hand(task, targets, predicted):
    if task is Task.CLASSIFICATION:
        return accuracy_score(targets, predicted.argmax(1))
    if task is Task.LABELS:
        return roc_auc_score(targets, predicted, average="macro")
    return np.mean([spearmanr(targets[:, at], predicted[:, at]).statistic for at in range(targets.shape[1])])


def test_ranks_are_those_of_scipy_ties_included():
    values = RANDOM.integers(0, 6, (3, 4, 50)).astype(np.float32)
    found = average_ranks(torch.from_numpy(values))
    np.testing.assert_array_equal(found.numpy(), rankdata(values, axis=-1))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("task", RULES)
def test_scores_of_a_whole_stack_equal_those_of_scikit_learn_and_scipy(task, tied):
    targets = [RANDOM.integers(0, 2 if task is Task.LABELS else 4, (90, 3)) for _ in range(2)]
    if task is Task.CLASSIFICATION:
        targets = [np.eye(3, dtype=int)[of_fit.argmax(1)] for of_fit in targets]
    predicted = RANDOM.normal(size=(2, 2, 3, 90, 3)).astype(np.float32)
    predicted = np.round(predicted) if tied else predicted
    scores = EvalScores(task, [torch.from_numpy(of_fit).float() for of_fit in targets])
    found = scores(torch.from_numpy(predicted))
    assert found.shape == (2, 2, 3)
    for rate, fit, layer in np.ndindex(2, 2, 3):
        actual = targets[fit].argmax(1) if task is Task.CLASSIFICATION else targets[fit]
        wanted = score_by_hand(task, actual, predicted[rate, fit, layer])
        assert float(found[rate, fit, layer]) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("task", RULES)
def test_the_curve_holds_the_primary_metric_of_the_predictions(fit, make, task):
    splits = make(RULES[task], layers=2)
    for layer in fit("mlp", task, 3, splits, epochs=4, choose_epoch="last"):
        wanted = score_by_hand(task, splits[1].targets, layer.predictions["eval"])
        assert layer.history[-1].eval_score == pytest.approx(wanted, abs=1e-6)
        assert len({record.eval_score for record in layer.history}) > 1


def test_what_is_constant_on_eval_is_left_out():
    labels = torch.tensor([[0.0, 1], [0, 0], [0, 1]])
    predicted = torch.tensor([[0.1, 0.9], [0.2, 0.3], [0.3, 0.4]])[None, None, None]
    assert float(EvalScores(Task.LABELS, [labels])(predicted)) == 1.0
    assert float(EvalScores(Task.REGRESSION, [labels])(predicted)) == pytest.approx(
        spearmanr([1, 0, 1], [0.9, 0.3, 0.4]).statistic
    )


def test_constant_predictions_of_a_target_that_varies_leave_no_correlation(fit, make):
    targets = torch.tensor([[1.0, 2], [2, 1], [3, 3]])
    predicted = torch.tensor([[0.5, 2], [0.5, 1], [0.5, 3]])[None, None, None]
    assert bool(EvalScores(Task.REGRESSION, [targets])(predicted).isnan())
    (fitted,) = fit("mlp", Task.LABELS, 1, make(lambda x: np.zeros((len(x), 1), np.int8)), epochs=2)
    assert [record.eval_score for record in fitted.history] == [None, None]


def test_a_large_eval_split_goes_without_scores(fit, make):
    train, _, test = make(RULES[Task.CLASSIFICATION])
    (fitted,) = fit("mlp", Task.CLASSIFICATION, MOST_VALUES // 400 + 1, (train, train, test), epochs=1)
    assert fitted.history[0].eval_score is None
    (fitted,) = fit("mlp", Task.CLASSIFICATION, MOST_VALUES // 400, (train, train, test), epochs=1)
    assert fitted.history[0].eval_score is not None
