"""Training all networks of an MLP head block by block, within the memory and through its end.

Shape letters: C rates, F fits, L layers, G = C × F × L networks of a block in this order, K outputs.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from seqbench.config.heads import MlpConfig
from seqbench.core.memory import is_out_of_memory
from seqbench.core.progress import Advance
from seqbench.probe.heads.base import (
    ChooseEpoch,
    ClassWeights,
    FittedHead,
    Problem,
    Resources,
    nonfinite_error,
)
from seqbench.probe.heads.mlp.blocks import Block, Cost, Sharing, plan
from seqbench.probe.heads.mlp.losses import LossByHand, LossOfGaps, class_weights
from seqbench.probe.heads.mlp.network_targets import ByTarget, NetworkTargets
from seqbench.probe.heads.mlp.outcomes import Candidate, Outcomes
from seqbench.probe.heads.mlp.stack import Architecture
from seqbench.probe.heads.mlp.tensors import BlockData
from seqbench.probe.heads.mlp.training import Setup, StackTraining
from seqbench.probe.heads.threads import torch_threads
from seqbench.training.batches import BatchPlan
from seqbench.training.checkpoint import Checkpoint, fingerprint
from seqbench.training.loop import Course, Loop
from seqbench.training.losses import TaskLoss
from seqbench.training.optimizer import Rate
from seqbench.training.schedule import Schedule

TOO_LARGE = "out of memory with a single network; lower probe.mlp.hidden or probe.mlp.batch_size"

_SAMPLED_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How every network is trained, whatever the fit and the layer."""

    settings: MlpConfig
    architecture: Architecture
    targets: NetworkTargets
    class_weights: ClassWeights
    choose_epoch: ChooseEpoch
    device: torch.device

    @property
    def choices(self) -> dict[str, tuple[float, ...]]:
        """Values of `lr` and `weight_decay`; every combination is tried."""
        return {"lr": _listed(self.settings.lr), "weight_decay": _listed(self.settings.weight_decay)}

    @property
    def keeps(self) -> bool:
        """Whether other weights than those of the last step may predict."""
        return self.choose_epoch == "best" or self.settings.patience is not None

    def course(self, n_items: int) -> Course:
        """How a training on so many items goes."""
        settings = self.settings
        batches = BatchPlan(n_items=n_items, seed=0, batch_size=settings.batch_size)
        return Course(
            n_steps=settings.steps or batches.n_steps(settings.epochs, settings.accumulate),
            schedule=Schedule(warmup=settings.warmup, decay=settings.decay),
            accumulate=settings.accumulate,
            patience=settings.patience,
            choose=self.choose_epoch,
            checkpoint_every=settings.checkpoint_steps,
        )

    @property
    def rates(self) -> list[Rate]:
        """Every combination of the choices."""
        lrs, decays = self.choices.values()
        return [Rate(lr=lr, weight_decay=decay) for lr in lrs for decay in decays]

    @property
    def mixed(self) -> bool:
        """GPUs multiply bfloat16 several times faster; CPUs need not."""
        return self.device.type == "cuda"


class Fitting:
    """One call of `MlpHead.fit`."""

    def __init__(
        self, recipe: Recipe, fits: Sequence[ByTarget], resources: Resources, advance: Advance
    ) -> None:
        self._recipe, self._by_target = recipe, fits
        self._fits = [of_fit[0] for of_fit in fits]
        """Items, features and seed are the same for all targets."""
        self._memory_bytes, self._advance = resources.memory_bytes, advance
        self._checkpoint = resources.checkpoint if recipe.settings.checkpoint_steps else None
        self._cost = Cost(
            fits=self._fits,
            sharing=Sharing.of(self._fits),
            architecture=recipe.architecture,
            batch_size=recipe.settings.batch_size,
            bytes_per_feature=2 if recipe.mixed else 4,
        )
        self._best: dict[tuple[int, int], Candidate] = {}

    def run(self) -> list[list[list[FittedHead]]]:
        """Train everything; for each target and fit one outcome a layer."""
        n_layers = self._fits[0].train.features_LNH.shape[0]
        sound = [self._sound_layers(number, n_layers) for number in range(len(self._fits))]
        # What is handed back stays in memory until the end; training has at least half of what is allowed.
        results = 4 * self._recipe.architecture.n_values * len(self._fits) * n_layers
        memory_bytes = max(self._memory_bytes - results, self._memory_bytes // 2)
        blocks = list(plan(self._cost, sound, self._recipe.rates, memory_bytes))
        waiting = [_Work(block=block, amount=self._amount(block)) for block in reversed(blocks)]
        most = max((block.n_networks for block in blocks), default=0)
        while waiting:
            work = waiting.pop()
            if work.block.n_networks <= most:
                if self._train_in_memory(work, only=len(blocks) == 1 and work.block == blocks[0]):
                    continue
                most = max(1, work.block.n_networks // 2)
            if work.block.n_networks > 1:
                waiting += work.halves()
            else:
                self._keep(work.block.fits[0], self._failed(work.block.layers[0], TOO_LARGE))
                work.progress(self._advance)(1.0)
        if self._checkpoint is not None:
            Checkpoint(path=self._checkpoint, fingerprint="").remove()
        return [
            [
                [self._best[number, layer].fitted_T[target] for layer in range(n_layers)]
                for number in range(len(self._fits))
            ]
            for target in range(len(self._recipe.targets.problems))
        ]

    def _amount(self, block: Block) -> float:
        """A block's share of the progress, in layers."""
        return block.n_networks / len(self._recipe.rates)

    def _sound_layers(self, number: int, n_layers: int) -> list[int]:
        sound = []
        for layer in range(n_layers):
            error = nonfinite_error(self._fits[number].splits, layer)
            if error is None:
                sound.append(layer)
            else:
                self._keep(number, self._failed(layer, error))
                self._advance(1.0)
        return sound

    def _train_in_memory(self, work: "_Work", *, only: bool) -> bool:
        """Train a block; False where the memory did not suffice."""
        try:
            self._train(work, only=only)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            return True
        if self._recipe.device.type == "cuda":
            torch.cuda.empty_cache()
        return False

    def _train(self, work: "_Work", *, only: bool) -> None:
        began, recipe, block = time.perf_counter(), self._recipe, work.block
        checkpoint = self._checkpoint_of(block, only)
        with torch_threads(self._cost.step_flop(block)):
            data = BlockData(
                recipe.targets,
                self._by_target,
                block,
                self._cost.sharing,
                standardize=recipe.settings.standardize,
                device=recipe.device,
                mixed=recipe.mixed,
            )
            setup = self._setup(block, is_complete=data.is_complete)
            training = StackTraining(setup, data.train, data.evaluation)
            loop = Loop(recipe.course(data.train.n_items), training, training.batches)
            self._run(loop, work, checkpoint, only=only)
            found = list(Outcomes(block, setup, training, loop, data, recipe.choices).candidates())
        seconds = (time.perf_counter() - began) / len(found)
        for number, candidate in found:
            self._keep(number, candidate.took(seconds))

    @torch.no_grad()
    def _run(self, loop: Loop[Any], work: "_Work", checkpoint: Checkpoint | None, *, only: bool) -> None:
        """Go on from the state that is kept, if there is one, to the end."""
        state = checkpoint.load(self._recipe.device) if checkpoint else None
        if state is not None:
            loop.restore(state)
        loop.run(work.progress(self._advance), checkpoint.save if checkpoint else None)
        if checkpoint and not only:
            checkpoint.save(loop.state())

    def _setup(self, block: Block, *, is_complete: bool) -> Setup:
        recipe, n_layers = self._recipe, len(block.layers)
        weights_T = [
            self._weights(block, target, problem) for target, problem in enumerate(recipe.targets.problems)
        ]
        rule = recipe.targets.rule(weights_T)
        by_hand = is_complete and isinstance(rule, TaskLoss)
        return Setup(
            settings=recipe.settings,
            architecture=recipe.architecture,
            rates=block.rates,
            seeds=[self._fits[number].seed for number in block.fits],
            n_layers=n_layers,
            targets=recipe.targets,
            loss=LossByHand(rule) if by_hand and isinstance(rule, TaskLoss) else LossOfGaps(rule),
            mixed=recipe.mixed,
            keeps=recipe.keeps,
        )

    def _weights(self, block: Block, target: int, problem: Problem) -> torch.Tensor | None:
        """Weights of a target's classes or labels for each network, (G, 2, K); None for all 1."""
        of_fits = [
            class_weights(self._by_target[number][target].train.targets, problem, self._recipe.class_weights)
            for number in block.fits
        ]
        known = [weights_2K for weights_2K in of_fits if weights_2K is not None]
        if not known:
            return None
        weights_F2K = torch.from_numpy(np.stack(known)).to(self._recipe.device)
        by_network = weights_F2K[:, None].expand(len(block.rates), -1, len(block.layers), -1, -1)
        return by_network.flatten(0, 2)

    def _failed(self, layer: int, error: str) -> Candidate:
        failed = FittedHead(layer_index=layer, error=error)
        return Candidate(loss=math.inf, fitted_T=(failed,) * len(self._recipe.targets.problems))

    def _checkpoint_of(self, block: Block, only: bool) -> Checkpoint | None:
        """Where several blocks share the training, each has a file, kept until all are done."""
        if self._checkpoint is None:
            return None
        settings = repr((self._recipe, block.rates, block.layers))
        parts = [part for number in block.fits for part in _told_apart_by(self._by_target[number])]
        checkpoint = Checkpoint(
            path=self._checkpoint,
            fingerprint=fingerprint(settings, *parts),
            way_out="make room there, or set probe.mlp.checkpoint_steps to null",
        )
        return checkpoint if only else checkpoint.as_part()

    def _keep(self, number: int, candidate: Candidate) -> None:
        """Keep the better candidate where a layer's rates did not fit into one block."""
        place = number, candidate.fitted_T[0].layer_index
        before = self._best.get(place)
        if before is None:
            self._best[place] = candidate
            return
        better = candidate if candidate.loss < before.loss else before
        self._best[place] = better.took(before.fitted_T[0].seconds + candidate.fitted_T[0].seconds)


@dataclass(slots=True, kw_only=True)
class _Work:
    """A block to be trained, and its share of the progress."""

    block: Block
    amount: float
    told: float = 0.0

    def progress(self, advance: Advance) -> Callable[[float], None]:
        """Take shares of the block that are done; what was told once is not told again."""

        def reach(share: float) -> None:
            more = self.amount * share - self.told
            if more > 0:
                self.told += more
                advance(more)

        return reach

    def halves(self) -> "list[_Work]":
        """The rest of the work in two parts, the first one last."""
        left = (self.amount - self.told) / self.block.n_networks
        return [_Work(block=half, amount=left * half.n_networks) for half in reversed(self.block.halves())]


def _told_apart_by(fits: ByTarget) -> Iterator[str | bytes]:
    """Seed and data; of features some rows, enough to tell data sets and splits apart."""
    yield str(fits[0].seed)
    for parts in ([fit.train for fit in fits], [fit.evaluation for fit in fits]):
        for data in parts:
            yield f"{data.features_LNH.shape} {data.targets.dtype}"
            yield data.targets.tobytes()
        some = slice(None, None, max(1, parts[0].n_items // _SAMPLED_ROWS))
        yield parts[0].features_LNH[:, some].tobytes()


def _listed(value: float | Sequence[float]) -> tuple[float, ...]:
    return (float(value),) if isinstance(value, int | float) else tuple(value)
