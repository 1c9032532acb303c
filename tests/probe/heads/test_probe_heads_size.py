"""How many parameters a head has, against those of scikit-learn and PyTorch."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from torch import nn

from seqbench.core.types import Task
from seqbench.probe.outcome import count_parameters


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_linear_head_has_those_of_logistic_regression(fit, make, n_classes):
    splits = make(lambda x: x[:, :n_classes].argmax(1), width=12)
    (fitted,) = fit("linear", Task.CLASSIFICATION, n_classes, splits)
    model = LogisticRegression().fit(splits[0].features_LNH[0], splits[0].targets)
    assert count_parameters(fitted.state) == model.coef_.size + model.intercept_.size


def test_an_mlp_has_those_of_the_same_network_in_pytorch(fit, make):
    (fitted,) = fit("mlp", Task.REGRESSION, 3, make(lambda x: x[:, :3]), norm="layer", epochs=1)
    blocks = [nn.Linear(8, 32), nn.LayerNorm(32), nn.Linear(32, 16), nn.LayerNorm(16), nn.Linear(16, 3)]
    network = nn.Sequential(*blocks)
    assert count_parameters(fitted.state) == sum(values.numel() for values in network.parameters())


def test_neighbours_and_failed_heads_have_none(fit, make):
    (fitted,) = fit("knn", Task.CLASSIFICATION, 2, make(lambda x: np.int64(x[:, 0] > 0)))
    assert count_parameters(fitted.state) is None
    assert count_parameters(None) is None
