"""Metrics of letters: over all of them, with resamples of whole sequences; means over sequences; segments."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.metrics import METRICS, effective_items, replicates, score
from seqbench.metrics.letters import LetterPlaces, score_letters
from seqbench.metrics.names import LETTER_METRICS
from seqbench.metrics.resamples import cluster_resamples, item_resamples

RNG = np.random.default_rng(11)
R = 30
LENGTHS = np.array([5, 1, 9, 14, 3, 7, 2, 21, 8, 4])
S, M = len(LENGTHS), LENGTHS.sum()
SEQUENCE = np.repeat(np.arange(S) * 2, LENGTHS)
PLACES = LetterPlaces(sequence_M=SEQUENCE, place_M=np.concatenate([np.arange(n) for n in LENGTHS]))

CLASSES = RNG.integers(0, 3, M)
SHARES = RNG.dirichlet(np.ones(3), M) + 0.5 * np.eye(3)[CLASSES]
SHARES /= SHARES.sum(axis=1, keepdims=True)
BINARY = (CLASSES > 0).astype(np.int64)
YES = np.stack([SHARES[:, 0], 1 - SHARES[:, 0]], axis=1)
LABELS = RNG.integers(-1, 2, (M, 2))
LABELS[:, 0] = np.where((LABELS < 0).all(axis=1), 1, LABELS[:, 0])
VALUES = RNG.normal(size=(M, 2))
VALUES[3, 1] = np.nan
GUESSES = np.nan_to_num(VALUES) + RNG.normal(size=(M, 2))

CASES = {
    "two classes": (Task.CLASSIFICATION, BINARY, YES, None),
    "two classes, tuned": (Task.CLASSIFICATION, BINARY, YES, (0.4,)),
    "three classes": (Task.CLASSIFICATION, CLASSES, SHARES, None),
    "labels": (Task.LABELS, LABELS, SHARES[:, :2], None),
    "values": (Task.REGRESSION, VALUES, GUESSES, None),
}


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_each_resample_is_the_score_of_the_letters_of_its_sequences(case):
    task, targets, predictions, cuts = CASES[case]
    ((scores, _),) = score_letters(task, targets, [predictions], PLACES, thresholds=[cuts], n_resamples=R)
    assert [entry.metric for entry in scores] == [*METRICS[task], *LETTER_METRICS[task]]
    (drawn_SR,) = item_resamples(S, R, 0)
    letters = np.split(np.arange(M), np.cumsum(LENGTHS)[:-1])
    for entry in scores:
        (found,) = replicates(
            task, targets, [predictions], entry.metric, thresholds=[cuts], n_resamples=R, places=PLACES
        )
        assert found[0] == pytest.approx(entry.value, abs=1e-12)
        if entry.low is not None:
            low, high = np.nanquantile(found[1:], (0.025, 0.975))
            assert (low, high) == (pytest.approx(entry.low), pytest.approx(entry.high))
        for column in (1, 7, 20):
            chosen = np.repeat(np.arange(S), drawn_SR[:, column])
            rows = np.concatenate([letters[each] for each in chosen])
            places = LetterPlaces(
                sequence_M=np.repeat(np.arange(S), LENGTHS[chosen]), place_M=PLACES.place_M[rows]
            )
            ((alone, _),) = score_letters(
                task, targets[rows], [predictions[rows]], places, thresholds=[cuts], n_resamples=0
            )
            (wanted,) = [each.value for each in alone if each.metric == entry.metric]
            expected = np.nan if wanted is None else wanted
            assert found[column] == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_values_over_all_letters_are_those_of_score_and_intervals_are_wider():
    plain, by_class = score(Task.CLASSIFICATION, CLASSES, SHARES, n_resamples=200)
    ((scores, classes),) = score_letters(Task.CLASSIFICATION, CLASSES, [SHARES], PLACES, n_resamples=200)
    assert [each.value for each in plain] == [each.value for each in scores[: len(plain)]]
    assert classes[: len(by_class)] == by_class
    # Letters of a sequence that agree: sequences, not letters, are what is known.
    agreeing = np.repeat(RNG.integers(0, 2, 40), 50)
    told = np.where(np.repeat(RNG.random(40) < 0.7, 50), agreeing, 1 - agreeing)
    places = LetterPlaces(sequence_M=np.repeat(np.arange(40), 50), place_M=np.tile(np.arange(50), 40))
    predictions = np.stack([1 - told, told], axis=1).astype(float)
    ((clustered, _),) = score_letters(Task.CLASSIFICATION, agreeing, [predictions], places)
    single, _ = score(Task.CLASSIFICATION, agreeing, predictions)
    widths = [scores[0].high - scores[0].low for scores in (clustered, single)]
    assert widths[0] == pytest.approx(np.sqrt(50) * widths[1], rel=0.15)


def test_means_over_sequences_by_scikit_learn_and_scipy():
    ((scores, _),) = score_letters(Task.CLASSIFICATION, CLASSES, [SHARES], PLACES, n_resamples=0)
    own = [each == SEQUENCE for each in np.unique(SEQUENCE)]
    shares = [sk.accuracy_score(CLASSES[rows], SHARES[rows].argmax(axis=1)) for rows in own]
    assert {s.metric: s.value for s in scores}["accuracy_per_sequence"] == pytest.approx(np.mean(shares))
    whole = np.nan_to_num(VALUES)
    ((scores, _),) = score_letters(Task.REGRESSION, whole, [GUESSES], PLACES, n_resamples=0)
    found = {score.metric: score.value for score in scores}
    errors = [np.sqrt(sk.mean_squared_error(whole[rows], GUESSES[rows])) for rows in own]
    assert found["rmse_per_sequence"] == pytest.approx(np.mean(errors))
    pearson = [
        np.mean([stats.pearsonr(whole[rows, k], GUESSES[rows, k]).statistic for k in range(2)])
        for rows in own
        if rows.sum() > 1
    ]
    assert found["pearsonr_per_sequence"] == pytest.approx(np.mean(pearson))


def _segments(classes, places):
    """Runs as (sequence, class, first, last), cut where letters do not follow each other."""
    found, letters = [], list(zip(places.sequence_M, classes, places.place_M, strict=True))
    for sequence, label, place in letters:
        if found and found[-1][:2] == [sequence, label] and found[-1][3] == place - 1:
            found[-1][3] = place
        else:
            found.append([sequence, label, place, place])
    return found


@pytest.mark.parametrize("tolerance", [0, 1, 2])
def test_segments_match_where_both_ends_are_near(tolerance):
    keep = RNG.random(M) < 0.9
    places, true = PLACES.take(keep), np.sort(CLASSES.reshape(-1, 2), axis=0).ravel()[keep]
    predicted = np.where(RNG.random(keep.sum()) < 0.8, true, CLASSES[keep])
    ((scores, by_class),) = score_letters(
        Task.CLASSIFICATION, true, [np.eye(3)[predicted]], places, n_resamples=0, tolerance=tolerance
    )
    real, told = _segments(true, places), _segments(predicted, places)
    free, right = list(told), 0
    for sequence, label, first, last in real:
        for each in free:
            near = abs(each[2] - first) <= tolerance and abs(each[3] - last) <= tolerance
            held = np.flatnonzero((places.sequence_M == sequence) & np.isin(places.place_M, [first, each[2]]))
            whole = len(np.unique(np.cumsum(places.begins_M)[held])) == 1
            if each[:2] == [sequence, label] and near and whole:
                free.remove(each)
                right += 1
                break
    found = {score.metric: score.value for score in scores}
    assert found["segment_f1"] == pytest.approx(2 * right / (len(real) + len(told)))
    assert right > 3
    supports = {each.label: each.support for each in by_class if each.metric == "segment_f1"}
    assert supports == {label: sum(each[1] == label for each in real) for label in range(3)}


def test_of_two_classes_the_segments_of_class_1_count():
    places = LetterPlaces(sequence_M=np.zeros(12, int), place_M=np.arange(12))
    true = np.array([0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0])
    told = np.array([0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    ((scores, by_class),) = score_letters(
        Task.CLASSIFICATION, true, [np.eye(2)[told]], places, n_resamples=0, tolerance=1
    )
    assert {score.metric: score.value for score in scores}["segment_f1"] == pytest.approx(2 / 3)
    assert [each.value for each in by_class if each.metric == "segment_f1"] == [
        pytest.approx(2 / 5),
        pytest.approx(2 / 3),
    ]


def test_few_sequences_have_no_interval_however_many_letters():
    places = LetterPlaces(sequence_M=np.repeat(np.arange(4), 100), place_M=np.tile(np.arange(100), 4))
    targets = RNG.integers(0, 2, 400)
    predictions = np.full((400, 2), 0.5) + RNG.normal(size=(400, 1)) * [[0.1, -0.1]]
    ((scores, _),) = score_letters(Task.CLASSIFICATION, targets, [predictions], places)
    assert {score.low for score in scores} == {None}
    assert "4 items" in scores[0].reason
    assert effective_items(Task.CLASSIFICATION, targets, "f1", 2, places.clusters_S) == 4


def test_columns_of_drawn_clusters_hold_whole_clusters_and_small_integers_suffice():
    sizes = np.array([30_000, 10, 20, 5])
    chunks = list(cluster_resamples(sizes, 40, 0))
    drawn_SR = np.concatenate(list(item_resamples(4, 40, 0)), axis=1)
    weights_NR = np.concatenate(chunks, axis=1)
    assert np.array_equal(weights_NR, np.repeat(drawn_SR, sizes, axis=0))
    most = int(weights_NR.sum(axis=0, dtype=np.int64).max())
    assert most > 2**16  # more than 16 bits hold, though there are fewer letters
    targets = RNG.integers(0, 2, sizes.sum())
    places = LetterPlaces(
        sequence_M=np.repeat(np.arange(4), sizes), place_M=np.concatenate([np.arange(n) for n in sizes])
    )
    predictions = np.stack([1 - targets * 0.8, targets * 0.8], axis=1)
    for metric in ("accuracy", "roc_auc", "ece"):
        (found,) = replicates(
            Task.CLASSIFICATION, targets, [predictions], metric, n_resamples=40, places=places
        )
        assert np.nanmin(found) >= 0
        assert np.nanmax(found) <= 1


def test_places_have_to_be_of_the_letters():
    with pytest.raises(ProbeError, match="don't go with"):
        score_letters(Task.CLASSIFICATION, CLASSES[:-1], [SHARES[:-1]], PLACES)
