"""The head `st`: training the set-to-set network and predicting with it.

Shape letters: S sets of a batch, N cells of a set, B cells, G genes, C width of a control cell.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.catalog.records import EpochRecord
from seqbench.config.perturb import StateTransitionConfig
from seqbench.core.progress import Advance
from seqbench.errors import ConfigError, ProbeError
from seqbench.perturb.baselines import train_and_eval
from seqbench.perturb.effects import Effects
from seqbench.perturb.expression import CellMatrix
from seqbench.perturb.features import GeneFeatures
from seqbench.perturb.health import Telling, judge
from seqbench.perturb.network import StateTransition, count_parameters
from seqbench.perturb.scores import MOST_CELLS
from seqbench.perturb.set_losses import energy_loss, mean_loss, mmd_loss
from seqbench.perturb.sets import CellGroup, SetBatch, SetBatches, SetSource
from seqbench.perturb.splits import Pair
from seqbench.training.checkpoint import Checkpoint
from seqbench.training.loop import EVAL_LOSS, TRAIN_LOSS, Course, Loop
from seqbench.training.network import NetworkTraining, evaluating
from seqbench.training.optimizer import Rate, rated_adamw
from seqbench.training.schedule import Schedule

LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "energy": energy_loss,
    "mse": mean_loss,
    "mmd": mmd_loss,
}
EVAL_BATCHES = 16
"""Batches of eval that are looked at, the same each time."""
DECODER = (1024, 1024, 512)
"""Of cell embeddings where the config names none: something has to make genes of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetObjective:
    """The loss of a batch is the mean over its sets; see `training.network.Objective`."""

    loss: Callable[[Tensor, Tensor], Tensor]

    @property
    def is_linear(self) -> bool:
        """A mean over sets is."""
        return True

    def weights(self, batch: SetBatch) -> Tensor:
        """Sets."""
        return torch.tensor([float(len(batch))])

    def sums(self, network: nn.Module, batch: SetBatch) -> Tensor:
        """Losses summed over sets; of embedded cells those of the embedding and of the decoded genes."""
        device = next(network.parameters()).device
        genes_SNG, embedded_SNC = network(batch.controls_SNC.to(device), batch.features_SF.to(device))
        total = self.loss(genes_SNG.float(), batch.real_SNG.to(device))
        if embedded_SNC is not None and batch.real_SNC is not None:
            total = total + self.loss(embedded_SNC.float(), batch.real_SNC.to(device))
        return (total * len(batch)).reshape(1)

    def mean(self, sums_M: Tensor, weights_M: Tensor) -> Tensor:
        """Per set."""
        return (sums_M / weights_M).sum()


@dataclass(frozen=True, kw_only=True, eq=False)
class StateTransitionResponse:
    """A trained `st`, as `baselines.Response`."""

    network: StateTransition
    effects: Effects
    features: GeneFeatures
    embedding: CellMatrix | None
    set_size: int
    seed: int
    history: tuple[EpochRecord, ...]
    """A point an evaluation; `epoch` counts them."""
    chosen: int
    n_points: int
    convergence: str
    advice: str | None
    """What to change about the training."""
    n_train: int
    """Cells that were trained on."""
    hyperparameters: Mapping[str, float | int | str] = field(default_factory=dict)

    def delta(self, pair: Pair) -> NDArray[np.float64]:
        """Mean of predicted minus mean of the control cells that they were predicted from, (G,)."""
        rows = self.effects.sample((self.effects.control, pair[1]), MOST_CELLS, self.seed)
        controls_BG = self.effects.matrix.rows(rows)
        predicted_BG = self._predict(pair, rows)
        return np.asarray(
            predicted_BG.mean(axis=0, dtype=np.float64) - controls_BG.mean(axis=0, dtype=np.float64)
        )

    def cells(self, pair: Pair, rows_B: NDArray[np.int64]) -> NDArray[np.float32]:
        """Predicted cells, (B, G), from control cells by their rows."""
        return self._predict(pair, rows_B)

    def _predict(self, pair: Pair, rows_B: NDArray[np.int64]) -> NDArray[np.float32]:
        """In sets of the size that was trained; the last one is filled up with cells of the first."""
        short = -len(rows_B) % self.set_size
        filled = np.concatenate([rows_B, np.resize(rows_B, short)])
        values = (self.embedding or self.effects.matrix).rows(filled)
        device = next(self.network.parameters()).device
        controls_SNC = torch.from_numpy(values.reshape(-1, self.set_size, values.shape[1])).to(device)
        vector_F = torch.from_numpy(self.features.of([pair[0]])).to(device)
        with evaluating(self.network):
            genes_SNG, _ = self.network(controls_SNC, vector_F.expand(len(controls_SNC), -1))
        found: NDArray[np.float32] = genes_SNG.float().cpu().numpy().reshape(len(filled), -1)[: len(rows_B)]
        return found


def fit_state_transition(
    source: SetSource,
    settings: StateTransitionConfig,
    *,
    checkpoint: Checkpoint | None,
    device: torch.device,
    advance: Advance,
    note: Callable[[str], None],
) -> StateTransitionResponse:
    """Train the network on train's sets; the weights of the lowest loss on eval's are kept.

    Args:
        source: Cells, features and seed.
        settings: Of the head.
        checkpoint: Where the state is kept, and found again by an equal training of fewer or as many steps.
        device: Where it trains.
        advance: Told of shares of the training, 1 in all.
        note: Told what the user should know.

    Raises:
        ConfigError: The vectors are of another width than `pert_width`.
        ProbeError: Training diverged at once.
    """
    effects, features = source.effects, source.features
    if settings.pert_width not in (None, features.width):
        raise ConfigError(
            f"perturb.st.pert_width is {settings.pert_width}, the vectors of {features.model} (layer "
            f"{features.layer}) are {features.width} wide: set it to that, or to null"
        )
    train, evaluation = train_and_eval(effects, source.seed)
    network = _network(source, settings).to(device)
    objective = SetObjective(loss=LOSSES[settings.loss])
    judged = source.groups(evaluation)
    training = NetworkTraining(
        network,
        objective,
        rated_adamw(network, Rate(lr=settings.lr, weight_decay=settings.weight_decay)),
        evaluate=lambda: {
            EVAL_LOSS: _eval_loss(network, objective, _first(source, judged, settings.batch_sets))
        },
        seed=source.seed,
        clip=settings.clip,
        halve=_halves,
        note=note,
        way_out="lower perturb.st.set_size or perturb.st.hidden",
    )
    loop = Loop(_course(settings), training, SetBatches(source, train, settings.batch_sets))
    if checkpoint is not None and (state := checkpoint.load(device)) is not None:
        loop.restore(state)
    told = 0.0

    def progress(share: float) -> None:
        nonlocal told
        advance(share - told)
        told = share

    loop.run(progress=progress, save=None if checkpoint is None else checkpoint.save)
    training.take_kept()
    fit, unchanged = _fit(source, objective, network, train, settings.batch_sets)
    return _response(source, settings, network, loop, train, fit=fit, unchanged=unchanged)


def _halves(batch: SetBatch) -> list[SetBatch]:
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]] if middle else [batch]


def _network(source: SetSource, settings: StateTransitionConfig) -> StateTransition:
    n_genes = len(source.effects.matrix.genes)
    n_inputs = n_genes if source.embedding is None else len(source.embedding.genes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(source.seed)
        return StateTransition(
            n_inputs=n_inputs,
            n_features=source.features.width,
            n_outputs=n_genes,
            hidden=settings.hidden,
            blocks=settings.blocks,
            heads=settings.heads,
            dropout=settings.dropout,
            residual=settings.residual,
            decoder=settings.decoder or (DECODER if source.embedding is not None else None),
        )


def _course(settings: StateTransitionConfig) -> Course:
    return Course(
        n_steps=settings.steps,
        schedule=Schedule(warmup=settings.warmup, decay=settings.decay),
        accumulate=settings.accumulate,
        evaluate_every=settings.val_every,
        patience=settings.patience,
        checkpoint_every=settings.checkpoint_steps,
        tell_every=10,
    )


def _first(source: SetSource, groups: Sequence[CellGroup], batch_sets: int) -> Iterator[SetBatch]:
    """Some batches, the same at every look; read anew, as they would take hundreds of megabytes."""
    return islice(source.batches(groups, 0, batch_sets), EVAL_BATCHES)


def _eval_loss(network: nn.Module, objective: SetObjective, batches: Iterator[SetBatch]) -> float:
    found = [(objective.sums(network, batch).cpu(), float(len(batch))) for batch in batches]
    sums_M = torch.stack([sums_M for sums_M, _ in found]).sum(0)
    return float(objective.mean(sums_M, torch.tensor([sum(n_sets for _, n_sets in found)])))


def _fit(
    source: SetSource, objective: SetObjective, network: nn.Module, pairs: Sequence[Pair], batch_sets: int
) -> tuple[float | None, float | None]:
    """The loss on some batches of train of the network, and of control cells as they are.

    Where control cells are embeddings they can't stand for genes: None.
    """
    if source.embedding is not None:
        return None, None
    total = np.zeros(3)
    with evaluating(network):
        for batch in _first(source, source.groups(pairs), batch_sets):
            unchanged = objective.loss(batch.controls_SNC, batch.real_SNG)
            network_loss = objective.sums(network, batch)
            total += [float(network_loss), float(unchanged) * len(batch), len(batch)]
    return float(total[0] / total[2]), float(total[1] / total[2])


def _response(
    source: SetSource,
    settings: StateTransitionConfig,
    network: StateTransition,
    loop: Loop[SetBatch],
    train: Sequence[Pair],
    *,
    fit: float | None,
    unchanged: float | None,
) -> StateTransitionResponse:
    train_E = np.array([float(point.values[TRAIN_LOSS]) for point in loop.curve])
    eval_E = np.array([float(point.values[EVAL_LOSS]) for point in loop.curve])
    chosen = int(loop.best_point_G)
    if not chosen:
        raise ProbeError(
            "the loss was no number at the first look at eval: lower perturb.st.lr, or set perturb.st.clip"
        )
    history = tuple(
        EpochRecord(epoch=number, train_loss=_finite(train), eval_loss=_finite(loss), eval_score=None)
        for number, (train, loss) in enumerate(zip(train_E, eval_E, strict=True), 1)
    )
    health = judge(
        Telling(
            eval_E=eval_E,
            train_E=train_E,
            fit=fit,
            unchanged=unchanged,
            seconds=loop.seconds,
            seconds_waiting=loop.seconds_waiting,
        )
    )
    return StateTransitionResponse(
        network=network,
        effects=source.effects,
        features=source.features,
        embedding=source.embedding,
        set_size=settings.set_size,
        seed=source.seed,
        history=history,
        chosen=chosen,
        n_points=len(history),
        convergence=health.verdict,
        advice=health.advice,
        n_train=sum(len(source.effects.sets[pair].rows) for pair in train),
        hyperparameters={"parameters": count_parameters(network), "best_step": loop.curve[chosen - 1].step},
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
