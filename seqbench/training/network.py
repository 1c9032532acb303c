"""Training one ordinary torch network: the trainee of the loop with autograd.

Shape letters: M sums that a loss needs.

    objective = SupervisedObjective(loss, outputs=lambda network, batch: network(batch.x), targets=…)
    training = NetworkTraining(
        network, objective, rated_adamw(network, Rate(lr=1e-4, weight_decay=0.01)),
        evaluate=lambda: {"eval_loss": mean_loss(network, objective, eval_batches)}, seed=seed,
    )
    Loop(course, training, batches).run()
    training.take_kept()
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from seqbench.core.memory import is_out_of_memory
from seqbench.errors import TrainingError
from seqbench.training.loop import TRAIN_LOSS
from seqbench.training.memory import Halves, Parts
from seqbench.training.optimizer import RatedAdamW
from seqbench.training.randomness import seeded

_Batch = TypeVar("_Batch")
_Batch_contra = TypeVar("_Batch_contra", contravariant=True)


class Objective(Protocol[_Batch_contra]):
    """A loss that is a function of sums over items, so that batches can be added up.

    `losses.TaskLoss` says what sums and weights are.
    """

    @property
    def is_linear(self) -> bool:
        """Whether the mean is linear in the sums; if not, a step of several batches is computed twice."""

    def weights(self, batch: _Batch_contra) -> Tensor:
        """What the sums are divided by, (M,), from the labels alone: 0 where a batch has none."""

    def sums(self, network: nn.Module, batch: _Batch_contra) -> Tensor:
        """Run the network; losses summed over the batch's items, (M,), float32, with their graph."""

    def mean(self, sums_M: Tensor, weights_M: Tensor) -> Tensor:
        """The loss of everything summed, a scalar that autograd can go through."""


class LabelLoss(Protocol):
    """What `losses.TaskLoss` and `losses.SharedLoss` are."""

    @property
    def is_linear(self) -> bool:
        """Whether the mean is linear in the sums."""

    def sums(self, outputs_BK: Tensor, targets_BK: Tensor) -> Tensor:
        """Losses summed over items."""

    def weights(self, targets_BK: Tensor) -> Tensor:
        """Labels that are there."""

    def mean(self, sums_M: Tensor, weights_M: Tensor) -> Tensor:
        """Their mean."""


class SupervisedObjective(Generic[_Batch]):
    """A loss on labels, of a network's outputs and a batch's targets."""

    def __init__(
        self,
        loss: LabelLoss,
        *,
        outputs: Callable[[nn.Module, _Batch], Tensor],
        targets: Callable[[_Batch], Tensor],
    ) -> None:
        """Say where outputs and targets come from.

        Args:
            loss: Of both.
            outputs: Runs the network on a batch, (B, K); letters (B, T, K) are flattened to (B·T, K).
            targets: A target matrix of the same shape, NaN where a label is missing.
        """
        self._loss, self.outputs, self.targets = loss, outputs, targets

    @property
    def is_linear(self) -> bool:
        """See `Objective`."""
        return self._loss.is_linear

    def weights(self, batch: _Batch) -> Tensor:
        """See `Objective`."""
        return self._loss.weights(self.targets(batch))

    def sums(self, network: nn.Module, batch: _Batch) -> Tensor:
        """See `Objective`."""
        return self._loss.sums(self.outputs(network, batch), self.targets(batch))

    def mean(self, sums_M: Tensor, weights_M: Tensor) -> Tensor:
        """See `Objective`."""
        return self._loss.mean(sums_M, weights_M)


class NetworkTraining(Generic[_Batch]):
    """A network with its loss and optimiser, as the loop wants it; see `loop.Trainee`.

    The gradient of a step is that of the loss over all its items, however they are cut into batches.
    """

    n_networks = 1

    def __init__(
        self,
        network: nn.Module,
        objective: Objective[_Batch],
        optimizer: RatedAdamW,
        *,
        evaluate: Callable[[], Mapping[str, float]],
        seed: int,
        clip: float | None = None,
        autocast: torch.dtype | None = None,
        keeps: bool = True,
        halve: Callable[[_Batch], Sequence[_Batch]] | None = None,
        parts: Parts[_Batch] | None = None,
        note: Callable[[str], None] = lambda text: None,
        way_out: str = "make the batches smaller",
    ) -> None:
        """Put together what is trained.

        Args:
            network: On its device; weights that ask for no gradient stay as they are.
            objective: What is to be made small.
            optimizer: Of the weights that are trained.
            evaluate: Measures the network as it is, in evaluation mode and without gradients; `eval_loss` and
                whatever else is to be in the curve.
            seed: Of dropout and whatever else is random in the network.
            clip: Largest norm of the gradient; None: any.
            autocast: The network computes in this type where torch deems that safe, as bfloat16 on GPUs;
                weights and loss stay float32.
            keeps: Whether `keep` is of use: False saves the copy of the weights where the last ones predict.
            halve: Cuts a batch where memory does not suffice; see `batches.halves_of`.
            parts: How batches are cut, in place of `halve`.
            note: Told what the user should know.
            way_out: What a message says where a single item is too large for memory.
        """
        self.network, self._objective, self._optimizer = network, objective, optimizer
        self._evaluate, self._seed, self._clip = evaluate, seed, clip
        self._autocast = autocast
        self._parts: Parts[_Batch] = Halves(halve) if parts is None else parts
        self._note, self._way_out = note, way_out
        self.device = next(network.parameters()).device
        self._trained = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
        buffers = dict(network.named_buffers())
        self._running = {name: buffers[name] for name in network.state_dict().keys() & buffers.keys()}
        values = self._values()
        self._kept = {name: value.detach().clone() for name, value in values.items()} if keeps else None
        self._seen: tuple[Tensor, Tensor] | None = None

    def gradients(self, batches: Sequence[_Batch], step: int) -> None:
        """See `loop.Trainee`.

        Raises:
            TrainingError: There is too little memory for a single item.
        """
        running = {name: buffer.clone() for name, buffer in self._running.items()}
        while (error := self._try_gradients(batches, step)) is not None:
            self._wind_back(running)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            if not self._parts.cut_more(batches):
                raise TrainingError(f"out of memory with a single item; {self._way_out}") from error
            self._note(
                f"out of memory: batches are cut {self._parts.told()}, whose gradients are added up, from "
                "here on"
            )

    def step(self, factor: float) -> None:
        """See `loop.Trainee`."""
        if self._clip is not None:
            nn.utils.clip_grad_norm_(self._trained.values(), self._clip)
        self._optimizer.step(factor)

    def measure(self) -> Mapping[str, Tensor]:
        """See `loop.Trainee`."""
        if self._seen is None:
            raise RuntimeError("nothing was trained since the last point")
        values = {TRAIN_LOSS: float(self._objective.mean(*self._seen))}
        self._seen = None
        with evaluating(self.network):
            values |= self._evaluate()
        return {
            name: torch.tensor([value], dtype=torch.float64, device=self.device)
            for name, value in values.items()
        }

    @torch.no_grad()
    def keep(self, chosen_G: Tensor) -> None:
        """See `loop.Trainee`."""
        if self._kept is not None and bool(chosen_G.any()):
            for name, value in self._values().items():
                self._kept[name].copy_(value)

    @torch.no_grad()
    def take_kept(self) -> None:
        """Give the network the kept weights; without `keeps` it has the last ones."""
        if self._kept is not None:
            for name, value in self._values().items():
                value.copy_(self._kept[name])

    def state(self) -> dict[str, Any]:
        """See `loop.Trainee`; weights that are not trained are not in it."""
        return {
            "values": self._values(),
            "optimizer": self._optimizer.state(),
            "kept": self._kept,
            "seen": self._seen,
            "parts": self._parts.state(),
        }

    @torch.no_grad()
    def restore(self, state: Mapping[str, Any]) -> None:
        """See `loop.Trainee`."""
        for name, value in self._values().items():
            value.copy_(state["values"][name])
        self._optimizer.restore(state["optimizer"])
        if self._kept is not None and state["kept"] is not None:
            for name, value in self._kept.items():
                value.copy_(state["kept"][name])
        self._seen = state["seen"]
        self._parts.restore(state["parts"])

    def _values(self) -> dict[str, Tensor]:
        """Weights that are trained, and what training changes beside them (running means)."""
        return {**self._trained, **self._running}

    def _try_gradients(self, batches: Sequence[_Batch], step: int) -> BaseException | None:
        """Compute a step's gradients; gives back the error where memory did not suffice."""
        parts = [part for batch in batches for part in self._parts.of(batch)]
        for weight in self._trained.values():
            weight.grad = None
        self.network.train()
        try:
            weights_M = torch.stack([self._objective.weights(part).to(self.device) for part in parts]).sum(0)
            sums_M = None
            if len(parts) > 1 and not self._objective.is_linear:
                sums_M = self._sums_ahead(parts, step)
            found_M = self._accumulate(parts, step, sums_M, weights_M)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return error.with_traceback(None)  # its frames hold the tensors that were too much
        before = self._seen
        self._seen = (found_M, weights_M) if before is None else (before[0] + found_M, before[1] + weights_M)
        return None

    def _accumulate(
        self, parts: Sequence[_Batch], step: int, sums_M: Tensor | None, weights_M: Tensor
    ) -> Tensor:
        """Add up the gradients of all parts; the sums over them."""
        total_M = torch.zeros_like(weights_M)
        slopes_M = None if len(parts) == 1 else self._slopes(sums_M, weights_M)
        for place, part in enumerate(parts):
            with seeded(self.device, self._seed, step, place), self._precision():
                found_M = self._objective.sums(self.network, part)
                loss = (
                    self._objective.mean(found_M, weights_M)
                    if slopes_M is None
                    else (found_M * slopes_M).sum()
                )
            loss.backward()  # type: ignore[no-untyped-call]
            total_M += found_M.detach()
        return total_M

    def _slopes(self, sums_M: Tensor | None, weights_M: Tensor) -> Tensor:
        """By how much the mean loss of the whole step rises with each of its sums."""
        at_M = (torch.zeros_like(weights_M) if sums_M is None else sums_M).requires_grad_()
        (slopes_M,) = torch.autograd.grad(self._objective.mean(at_M, weights_M), at_M)
        return slopes_M

    @torch.no_grad()
    def _sums_ahead(self, parts: Sequence[_Batch], step: int) -> Tensor:
        """The sums of the whole step with the same dropout, before its gradients are computed."""
        running = {name: buffer.clone() for name, buffer in self._running.items()}
        found = []
        for place, part in enumerate(parts):
            with seeded(self.device, self._seed, step, place), self._precision():
                found.append(self._objective.sums(self.network, part))
        self._wind_back(running)
        return torch.stack(found).sum(0)

    @torch.no_grad()
    def _wind_back(self, running: Mapping[str, Tensor]) -> None:
        """What will be computed once more must not count twice in running means."""
        for name, buffer in self._running.items():
            buffer.copy_(running[name])

    def _precision(self) -> AbstractContextManager[Any]:
        if self._autocast is None:
            return nullcontext()
        return torch.autocast(self.device.type, self._autocast)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode, without gradients, within the block."""
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(was_training)


def mean_loss(network: nn.Module, objective: Objective[_Batch], batches: Iterable[_Batch]) -> float:
    """The loss over all items of some batches, in evaluation mode; NaN where there is no label.

    Args:
        network: As it is.
        objective: Of which the mean is told.
        batches: Of any sizes; items weigh the same.
    """
    with evaluating(network):
        pairs = [(objective.sums(network, batch), objective.weights(batch)) for batch in batches]
        if not pairs:
            return float("nan")
        sums_M = torch.stack([sums for sums, _ in pairs]).sum(0)
        weights_M = torch.stack([weights.to(sums_M.device) for _, weights in pairs]).sum(0)
        return float(objective.mean(sums_M, weights_M)) if bool(weights_M.any()) else float("nan")
