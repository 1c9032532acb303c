import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from seqbench.vocabulary import Task


def test_a_forest_is_scikit_learns_with_the_same_seed(fit, make):
    splits = make(lambda x: (x[:, 0] > 0).astype(int))
    (fitted,) = fit("forest", Task.CLASSIFICATION, 2, splits, seed=4)
    model = RandomForestClassifier(n_estimators=40, random_state=4).fit(
        splits[0].features_LNH[0], splits[0].targets
    )
    expected = model.predict_proba(splits[2].features_LNH[0])
    np.testing.assert_allclose(fitted.predictions["test"], expected, atol=1e-6)


def test_a_forest_predicts_targets_in_their_units(fit, make):
    splits = make(lambda x: 1000 + 10 * x[:, :2])
    (fitted,) = fit("forest", Task.REGRESSION, 2, splits, seed=4)
    model = RandomForestRegressor(n_estimators=40, random_state=4).fit(
        splits[0].features_LNH[0], splits[0].targets
    )
    np.testing.assert_allclose(
        fitted.predictions["test"], model.predict(splits[2].features_LNH[0]), rtol=1e-6
    )


def test_a_forest_has_no_epochs_and_no_verdict(fit, make):
    (fitted,) = fit("forest", Task.LABELS, 1, make(lambda x: (x[:, :1] > 0).astype(int)))
    assert (fitted.chosen_epoch, fitted.n_epochs, fitted.history, fitted.convergence) == (
        None,
        None,
        (),
        None,
    )
    assert fitted.seconds > 0
