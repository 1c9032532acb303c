"""Distances, tests and losses against SciPy and torch; heads on planted cells against what is known of
them."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.distance import cdist

from seqbench.core.types import Task
from seqbench.errors import DataError, NotApplicableError
from seqbench.metrics.names import METRICS, higher_is_better
from seqbench.perturb import baselines
from seqbench.perturb.cells import Cells
from seqbench.perturb.differential import GeneMoments, RunningMoments, gene_weights, significant, welch_t
from seqbench.perturb.distances import discrimination, energy_distance
from seqbench.perturb.effects import Effects
from seqbench.perturb.evaluation import Evaluation, Scores
from seqbench.perturb.features import GeneFeatures, one_hot
from seqbench.perturb.scores import RESPONSE_METRICS
from seqbench.perturb.set_losses import energy_loss, mmd_loss

DRAW = np.random.default_rng(0)
A, B = DRAW.normal(size=(40, 12)), DRAW.normal(size=(25, 12)) + 0.5
Planted = tuple[Cells, dict[str, np.ndarray], Effects]


def mean_of(scores: Scores, metric: str) -> float:
    return float(np.nanmean(scores.values_PQ[:, list(RESPONSE_METRICS).index(metric)]))


def true_features(vectors: dict[str, np.ndarray]) -> GeneFeatures:
    by_gene = {name: vector.astype(np.float32) for name, vector in vectors.items()}
    return GeneFeatures(model="truth", layer=0, n_layers=1, by_gene=by_gene, fingerprint="truth")


def test_the_catalog_and_the_registry_have_the_same_metrics_and_directions() -> None:
    assert tuple(RESPONSE_METRICS) == METRICS[Task.PERTURBATION]
    assert all(higher_is_better(name) == each.higher_is_better for name, each in RESPONSE_METRICS.items())


def test_the_energy_distance_is_scipys_distances_averaged() -> None:
    wanted = 2 * cdist(A, B).mean() - cdist(A, A).mean() - cdist(B, B).mean()
    assert energy_distance(A, B) == pytest.approx(wanted, rel=1e-9)
    assert energy_distance(A, A[::-1]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("n_sets", "n", "m"), [(2, 25, 25), (1, 300, 270), (9, 100, 40)])
def test_the_energy_loss_has_the_value_and_gradient_of_torchs_distances_in_float64(
    n_sets: int, n: int, m: int
) -> None:
    cells = torch.from_numpy(DRAW.normal(size=(n_sets, n + m, 12)) + 3)
    mine, theirs = cells[:, :n].float().requires_grad_(), cells[:, :n].clone().requires_grad_()
    exact = cells[:, n:] * 2
    wanted = (
        2 * torch.cdist(theirs, exact).mean()
        - torch.cdist(theirs, theirs).mean()
        - torch.cdist(exact, exact).mean()
    )
    loss = energy_loss(mine, exact.float())
    (3 * loss).backward()
    (3 * wanted).backward()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    torch.testing.assert_close(
        mine.grad.double(), theirs.grad, rtol=1e-5, atol=1e-5 * float(theirs.grad.abs().max())
    )


def test_the_discrepancy_of_equal_sets_is_0_and_grows_with_the_shift() -> None:
    real = torch.from_numpy(B[None]).float()
    found = [float(mmd_loss(real + shift, real)) for shift in (0.0, 0.5, 2.0)]
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert found[0] < found[1] < found[2]


def test_welchs_t_and_the_false_discovery_rate_are_scipys() -> None:
    a, b = GeneMoments.of(A), GeneMoments.of(B)
    found = stats.ttest_ind(A, B, equal_var=False)
    np.testing.assert_allclose(welch_t(a, b), found.statistic)
    wanted = stats.false_discovery_control(found.pvalue) <= 0.05
    assert significant(a, b).tolist() == wanted.tolist()


def test_moments_of_blocks_are_those_of_all_cells() -> None:
    running = RunningMoments(12)
    for part in (A[:1], A[1:1], A[1:30], A[30:]):
        running.add(part + 1e6)
    np.testing.assert_allclose(running.moments.mean_G, (A + 1e6).mean(axis=0))
    np.testing.assert_allclose(running.moments.variance_G, A.var(axis=0, ddof=1), rtol=1e-6)


def test_genes_weigh_as_much_as_train_changes_them_and_alike_where_it_changes_none() -> None:
    base = DRAW.normal(size=(50, 4))
    shifted = DRAW.normal(size=(50, 4)) + np.array([0, 0, 5, 0])
    weights = gene_weights([(GeneMoments.of(shifted), GeneMoments.of(base))])
    assert weights.argmax() == 2
    assert weights.sum() == pytest.approx(1)
    same = GeneMoments.of(base)
    np.testing.assert_allclose(gene_weights([(same, same)]), 0.25)


@pytest.mark.parametrize("measure", ["l1", "l2", "cosine"])
def test_discrimination_is_1_for_the_truth_half_for_one_answer_and_0_for_the_worst(measure) -> None:
    real = np.eye(5) + 0.1
    assert discrimination(real[2], real, 2, measure) == 1
    assert np.mean([discrimination(np.ones(5), real, own, measure) for own in range(5)]) == 0.5
    assert discrimination(real.sum(axis=0) - 3 * real[2], real, 2, measure) == 0
    assert np.isnan(discrimination(real[0], real[:1], 0, measure))


def test_true_features_reach_the_ceiling_and_one_hot_stays_at_the_mean(planted: Planted) -> None:
    cells, vectors, effects = planted
    evaluation = Evaluation(effects=effects)
    ceiling = mean_of(evaluation.ceiling("test"), "pearson_delta")
    known = evaluation.scores(baselines.ridge(effects, true_features(vectors), seed=0), "test")
    blind = evaluation.scores(baselines.ridge(effects, one_hot(cells.perturbations), seed=0), "test")
    mean = evaluation.scores(baselines.perturbation_mean(effects), "test")
    assert mean_of(known, "pearson_delta") > 0.95 * ceiling
    np.testing.assert_allclose(blind.values_PQ[:, 0], mean.values_PQ[:, 0], atol=1e-6)
    assert mean_of(known, "discrimination_l2") > 0.9


def test_baselines_are_the_averages_that_they_are_called_after(planted: Planted) -> None:
    _cells, _, effects = planted
    pair, train = effects.pairs("test")[0], effects.train_deltas
    overall = np.mean(list(train.values()), axis=0)
    here = np.mean([delta for key, delta in train.items() if key[1] == pair[1]], axis=0)
    np.testing.assert_allclose(baselines.control_mean(effects).delta(pair), 0)
    np.testing.assert_allclose(baselines.perturbation_mean(effects).delta(pair), overall)
    np.testing.assert_allclose(baselines.context_mean(effects).delta(pair), here)
    known = effects.pairs("train")[0]
    same = np.mean([delta for key, delta in train.items() if key[0] == known[0]], axis=0)
    np.testing.assert_allclose(baselines.perturbation_mean(effects).delta(known), same)
    with pytest.raises(NotApplicableError, match=r"additive needs combinations"):
        baselines.additive(effects)


def test_the_nearest_perturbation_of_train_lends_its_effect(planted: Planted) -> None:
    _, vectors, effects = planted
    pair, twin = effects.pairs("test")[0], effects.pairs("train")[0][0]
    lent = true_features(vectors | {pair[0]: vectors[twin] * 1.01})
    found = baselines.nearest(effects, lent).delta(pair)
    np.testing.assert_allclose(found, effects.train_deltas[twin, pair[1]])


def test_a_perturbation_without_a_vector_is_named_never_made_up(planted: Planted) -> None:
    _, vectors, _effects = planted
    some = true_features({name: vector for name, vector in vectors.items() if name not in ("G3", "G7")})
    with pytest.raises(DataError, match=r"no vector for 2 perturbations: G3, G7 \(.*perturb.missing: skip"):
        some.of(["G1", "G3", "G7"])
    np.testing.assert_allclose(some.of(["G1+G2"])[0], vectors["G1"] + vectors["G2"], rtol=1e-6)
