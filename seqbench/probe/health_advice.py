"""What to change in the config after a training that did not go well: one sentence, by verdict and head."""

from seqbench.config.tokens import TOKEN_HEADS
from seqbench.core.types import Task
from seqbench.probe.heads.base import FittedHead, Problem
from seqbench.training.health import Convergence

_SAME = "predictions are the same for all items: check that this layer's embeddings differ between items"
CHANGES: dict[Convergence, dict[str, str]] = {
    "degenerate": {
        "mlp": "change probe.mlp.lr or set probe.mlp.standardize: true",
        "linear": "add weaker regularisation to probe.linear.strengths (larger C, smaller alpha)",
        "xgb": "train on more items, raise probe.xgb.n_estimators or probe.xgb.learning_rate",
        "forest": "train on more items",
        "knn": "lower probe.knn.k",
    },
    "diverged": {
        "mlp": "lower probe.mlp.lr, or set probe.mlp.clip: 1.0",
        "xgb": "lower probe.xgb.learning_rate",
    },
    "unstable": {
        "mlp": "lower probe.mlp.lr, raise probe.mlp.batch_size, or set probe.mlp.decay: cosine",
        "xgb": "lower probe.xgb.learning_rate",
    },
    "overfitting": {
        "mlp": "set probe.mlp.patience to stop earlier, or raise probe.mlp.dropout or probe.mlp.weight_decay",
        "xgb": "set probe.xgb.patience to stop earlier, or lower probe.xgb.max_depth",
    },
    "still improving": {
        "mlp": "raise probe.mlp.epochs (probe.mlp.steps where that is set) or probe.mlp.lr",
        "xgb": "raise probe.xgb.n_estimators or probe.xgb.learning_rate",
    },
    "not converged": {"linear": "take the weakest regularisation out of probe.linear.strengths (largest C)"},
}
"""What helps, by verdict and head; keys of the config are written out."""
for _by_head in CHANGES.values():  # those that read tokens are trained as the mlp is
    if "mlp" in _by_head:
        _by_head |= {head: _by_head["mlp"].replace("probe.mlp.", f"probe.{head}.") for head in TOKEN_HEADS}


def advice_for(
    verdict: Convergence | None, problem: Problem, outcome: FittedHead, head: str, choose_epoch: str | None
) -> str | None:
    """Say in one sentence what was seen and which key of the config to change; None where nothing is to do.

    Args:
        verdict: How the training went.
        problem: What was predicted; class weights are no advice for values.
        outcome: Tells which epoch of how many predicts.
        head: The head's name in `HEADS`; of one without an entry only what was seen is said.
        choose_epoch: `best` or `last`; None for heads that have no epochs.
    """
    if verdict is None or verdict == "converged":
        return None
    changes = [CHANGES[verdict].get(head)]
    if verdict == "degenerate" and head != "knn" and problem.task is not Task.REGRESSION:
        changes.append("set probe.class_weights: balanced")
    if verdict == "overfitting" and choose_epoch == "last":
        changes.insert(0, "set probe.choose_epoch: best")
    seen = _seen(verdict, outcome, "round" if head == "xgb" else "epoch", choose_epoch)
    said = ", or ".join(change for change in changes if change)
    separator = "; if they do, " if verdict == "degenerate" else ": "
    return f"{seen}{separator}{said}" if said else seen


def _seen(verdict: Convergence, outcome: FittedHead, epoch: str, choose_epoch: str | None) -> str:
    n_epochs = outcome.n_epochs or len(outcome.history)
    if verdict == "overfitting":
        kept = f"the best {epoch} ({outcome.chosen_epoch} of {n_epochs}) was kept"
        predicts = f"the last {epoch} predicts"
        return f"the eval loss rises again; {predicts if choose_epoch == 'last' else kept}"
    return {
        "degenerate": _SAME,
        "diverged": "the loss became infinite or NaN",
        "unstable": "the eval loss jumps up and down",
        "still improving": f"the eval loss was still falling at {epoch} {n_epochs}",
        "not converged": "the solver stopped at its limit of iterations",
    }[verdict]
