"""The set-to-set head: equivariant, changed by every key, and resumed to the bit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench.config.perturb import StateTransitionConfig
from seqbench.errors import ConfigError
from seqbench.perturb.cells import Cells
from seqbench.perturb.effects import Effects
from seqbench.perturb.evaluation import Evaluation
from seqbench.perturb.features import GeneFeatures
from seqbench.perturb.network import StateTransition
from seqbench.perturb.sets import SetSource
from seqbench.perturb.state_transition import StateTransitionResponse, fit_state_transition
from seqbench.training.checkpoint import Checkpoint, fingerprint
from tests.perturb.conftest import ignore
from tests.perturb.test_perturb_scores import mean_of, true_features

Planted = tuple[Cells, dict[str, np.ndarray], Effects]
SMALL = {"set_size": 8, "hidden": 16, "blocks": 1, "heads": 2, "steps": 4, "val_every": 2, "batch_sets": 2}


def fitted(
    planted: Planted, checkpoint: Checkpoint | None = None, features: GeneFeatures | None = None, **changed
) -> StateTransitionResponse:
    cells, vectors, effects = planted
    settings = StateTransitionConfig(**(SMALL | {"checkpoint_steps": None} | changed))
    source = SetSource(
        effects=effects,
        features=features or true_features(vectors),
        batch=cells.batch,
        embedding=None,
        set_size=settings.set_size,
        seed=0,
    )
    return fit_state_transition(
        source, settings, checkpoint=checkpoint, device=torch.device("cpu"), advance=ignore, note=print
    )


def weights_of(response: StateTransitionResponse) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in response.network.parameters()])


@pytest.mark.parametrize(("n_inputs", "decoder"), [(12, None), (12, (8,)), (5, (8,))])
def test_permuting_the_cells_of_a_set_permutes_what_is_predicted(n_inputs: int, decoder) -> None:
    torch.manual_seed(0)
    network = StateTransition(
        n_inputs=n_inputs, n_features=3, n_outputs=12, hidden=16, blocks=2, heads=4, dropout=0.0,
        residual=False, decoder=decoder,
    ).eval()  # fmt: skip
    controls, features, order = torch.randn(2, 9, n_inputs), torch.randn(2, 3), torch.randperm(9)
    genes, embedded = network(controls, features)
    permuted, _ = network(controls[:, order], features)
    torch.testing.assert_close(permuted, genes[:, order], atol=1e-6, rtol=1e-5)
    assert genes.shape == (2, 9, 12)
    assert (embedded is None) == (n_inputs == 12)


def test_a_residual_network_begins_with_nothing_happening() -> None:
    network = StateTransition(
        n_inputs=6, n_features=3, n_outputs=6, hidden=8, blocks=1, heads=2, dropout=0.0, residual=True,
        decoder=None,
    )  # fmt: skip
    controls = torch.randn(1, 4, 6)
    assert torch.equal(network(controls, torch.randn(1, 3))[0], controls)


@pytest.mark.parametrize(
    "changed",
    [
        {"set_size": 5}, {"hidden": 32}, {"blocks": 2}, {"heads": 4}, {"dropout": 0.5}, {"loss": "mse"},
        {"loss": "mmd"}, {"residual": False}, {"decoder": (8,)}, {"steps": 6}, {"val_every": 1}, {"lr": 1e-2},
        {"weight_decay": 0.5, "lr": 1e-2}, {"warmup": 0.5}, {"decay": "linear"}, {"decay": "cosine"},
        {"clip": 1e-3}, {"accumulate": 2}, {"batch_sets": 3},
    ],
    ids=lambda changed: " ".join(map(str, changed.items())),
)  # fmt: skip
def test_every_key_changes_what_is_learned(changed: dict, planted: Planted) -> None:
    before, after = fitted(planted), fitted(planted, **changed)
    same = weights_of(before).shape == weights_of(after).shape and torch.equal(
        weights_of(before), weights_of(after)
    )
    assert not same or len(before.history) != len(after.history)


def test_patience_ends_a_training_that_does_not_improve(planted: Planted) -> None:
    assert len(fitted(planted, patience=1, val_every=1, steps=40, lr=0.3).history) < 40


def test_a_longer_training_goes_on_from_the_checkpoint_of_a_shorter_one(
    planted: Planted, tmp_path: Path
) -> None:
    file = Checkpoint(path=tmp_path / "st", fingerprint=fingerprint("same"))
    fitted(planted, file, checkpoint_steps=2, steps=4, patience=None)
    resumed = fitted(planted, file, checkpoint_steps=2, steps=8, patience=None)
    whole = fitted(planted, steps=8, patience=None)
    assert torch.equal(weights_of(whole), weights_of(resumed))
    assert whole.history == resumed.history


def test_vectors_of_another_width_than_the_config_says_are_named(planted: Planted) -> None:
    with pytest.raises(ConfigError, match=r"pert_width is 5120, the vectors of truth \(layer 0\) are 3 wide"):
        fitted(planted, pert_width=5120)


def test_true_features_come_near_the_ceiling_on_held_out_perturbations(planted: Planted) -> None:
    evaluation = Evaluation(effects=planted[2])
    response = fitted(
        planted, set_size=16, hidden=32, steps=250, val_every=50, batch_sets=8, lr=3e-3, patience=None
    )
    found = mean_of(evaluation.scores(response, "test"), "pearson_delta")
    assert found > 0.95 * mean_of(evaluation.ceiling("test"), "pearson_delta")


def test_a_training_that_learns_nothing_is_underfitting_and_one_that_learns_is_not(planted: Planted) -> None:
    idle = fitted(planted, steps=10, val_every=10, lr=1e-12)
    assert idle.convergence == "underfitting"
    assert "perturb.st.lr" in str(idle.advice)
    assert "no better than by control cells" not in str(fitted(planted, steps=60, val_every=20).advice)
