import numpy as np
import pytest
from sklearn.metrics import brier_score_loss
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from seqbench.core.types import Task
from seqbench.probe.heads.knn import neighbours

NOISE = np.random.default_rng(4)


def classes(x):
    return (x[:, :3] + NOISE.normal(size=(len(x), 3))).argmax(1)


def labels(x):
    return (x[:, :3] + NOISE.normal(size=(len(x), 3)) > [0, 1, -1]).astype(np.int8)


def values(x):
    return 100 + x[:, :3] * [1, 10, 1000] + NOISE.normal(size=(len(x), 3))


def scikit_learns(kind, k, splits, split):
    model = kind(n_neighbors=k, metric="cosine", algorithm="brute")
    model.fit(splits[0].features_LNH[0], splits[0].targets)
    ask = model.predict if kind is KNeighborsRegressor else model.predict_proba
    found = ask(splits[split].features_LNH[0])
    return np.stack([column[:, 1] for column in found], axis=1) if isinstance(found, list) else found


@pytest.mark.parametrize("k", [1, 7, 400])
@pytest.mark.parametrize(
    ("task", "rule", "kind"),
    [
        (Task.CLASSIFICATION, classes, KNeighborsClassifier),
        (Task.LABELS, labels, KNeighborsClassifier),
        (Task.REGRESSION, values, KNeighborsRegressor),
    ],
)
def test_answers_are_scikit_learns(fit, make, task, rule, kind, k):
    splits = make(rule)
    (fitted,) = fit("knn", task, 3, splits, k=k)
    for number, split in ((1, "eval"), (2, "test")):
        expected = scikit_learns(kind, k, splits, number)
        np.testing.assert_allclose(fitted.predictions[split], expected, rtol=1e-6, atol=1e-6)
    assert fitted.hyperparameters == {"k": k}


def test_k_is_the_one_of_the_lowest_brier_score_on_eval(fit, make):
    splits, tried = make(classes), (40, 1, 5, 12)
    (fitted,) = fit("knn", Task.CLASSIFICATION, 3, splits, k=tried)
    scores = {
        k: brier_score_loss(splits[1].targets, scikit_learns(KNeighborsClassifier, k, splits, 1))
        for k in tried
    }
    assert fitted.hyperparameters == {"k": min(scores, key=scores.get)}
    (alone,) = fit("knn", Task.CLASSIFICATION, 3, splits, k=min(scores, key=scores.get))
    np.testing.assert_array_equal(fitted.predictions["eval"], alone.predictions["eval"])
    np.testing.assert_array_equal(fitted.predictions["test"], alone.predictions["test"])


def test_for_values_every_target_counts_alike_in_the_choice(fit, make):
    splits, tried = make(values), (1, 3, 10, 30, 100)
    (fitted,) = fit("knn", Task.REGRESSION, 3, splits, k=tried)
    scale = splits[0].targets.std(0)
    errors = [
        (((scikit_learns(KNeighborsRegressor, k, splits, 1) - splits[1].targets) / scale) ** 2).mean()
        for k in tried
    ]
    assert fitted.hyperparameters["k"] == tried[int(np.argmin(errors))]


def test_k_is_cut_to_the_items_of_train(fit, make):
    splits = make(classes, n=10)
    (fitted,) = fit("knn", Task.CLASSIFICATION, 3, splits, k=(25, 60))
    assert fitted.hyperparameters == {"k": 10}
    share = np.bincount(splits[0].targets, minlength=3) / 10
    np.testing.assert_allclose(fitted.predictions["test"], np.tile(share, (150, 1)), atol=1e-6)


def test_of_equally_near_items_the_first_count():
    train = np.array([[0, 1], [2, 0], [3, 0], [1, 1], [0.5, 0]], dtype=np.float32)
    asked = np.array([[1, 0], [0, 9]], dtype=np.float32)
    np.testing.assert_array_equal(neighbours(train, asked, 2), [[1, 2], [0, 3]])
    np.testing.assert_array_equal(neighbours(train, asked, 5), [[1, 2, 4, 3, 0], [0, 3, 1, 2, 4]])


def test_zeros_are_similar_to_nothing_but_more_than_opposites():
    train = np.array([[-1, 0], [0, 0], [1, 0]], dtype=np.float32)
    asked = np.array([[2, 0], [0, 0]], dtype=np.float32)
    np.testing.assert_array_equal(neighbours(train, asked, 3), [[2, 1, 0], [0, 1, 2]])


def test_rows_are_searched_in_blocks(monkeypatch):
    random = np.random.default_rng(0)
    train, asked = (random.standard_normal((n, 6)).astype(np.float32) for n in (90, 50))
    whole = neighbours(train, asked, 4)
    monkeypatch.setattr("seqbench.probe.heads.knn._BLOCK_VALUES", 7 * 90)
    np.testing.assert_array_equal(neighbours(train, asked, 4), whole)


def test_length_and_unit_of_the_features_do_not_matter():
    random = np.random.default_rng(1)
    train, asked = (random.standard_normal((n, 6)).astype(np.float32) for n in (90, 50))
    scaled = train * np.exp(random.normal(size=(90, 1)) * 20).astype(np.float32)
    np.testing.assert_array_equal(neighbours(scaled, 1e-20 * asked, 4), neighbours(train, asked, 4))


def test_what_is_kept_takes_no_memory_beside_the_features(fit, make):
    splits = make(classes, layers=2)
    for layer in fit("knn", Task.CLASSIFICATION, 3, splits):
        assert np.shares_memory(layer.state.tensors["features_NH"], splits[0].features_LNH)
