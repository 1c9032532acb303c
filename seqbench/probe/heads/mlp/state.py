"""A trained MLP of one layer as plain arrays, and predicting with it.

Shape letters: N items, B items of a batch, H features, K outputs.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.probe.heads.base import HeadState
from seqbench.probe.heads.mlp.blocks import predict_rows
from seqbench.probe.heads.mlp.network import logits
from seqbench.probe.heads.mlp.stack import Architecture, Parameters
from seqbench.probe.heads.scaling import Scaling
from seqbench.training.losses import TaskLoss


def head_state(
    task: Task,
    architecture: Architecture,
    network: Parameters,
    features: Scaling | None,
    targets: Scaling | None,
) -> HeadState:
    """Copy a network and its scalings.

    Returns:
        Tensors `weight_i` (inputs, outputs) and `bias_i` of every linear map, `scale_i` and `shift_i` of
        every norm, float32; `feature_mean`, `feature_sd`, `target_mean`, `target_sd` where there are scalings
    """
    tensors: dict[str, NDArray[np.generic]] = {}
    for name, by_depth in _named(network).items():
        for depth, tensor_1IO in enumerate(by_depth):
            values_IO = tensor_1IO[0].cpu().numpy().copy()
            tensors[f"{name}_{depth}"] = values_IO if name == "weight" else values_IO[0]
    for name, scaling in (("feature", features), ("target", targets)):
        if scaling is not None:
            tensors |= {f"{name}_mean": scaling.mean_H, f"{name}_sd": scaling.sd_H}
    facts = {
        "task": task.value,
        "activation": architecture.activation,
        "norm": architecture.norm,
        "widths": list(architecture.widths),
    }
    return HeadState(kind="mlp", tensors=tensors, facts=facts)


@torch.no_grad()
def predict(state: HeadState, features_NH: NDArray[np.float32]) -> NDArray[np.float32]:
    """See `MlpHead.predict`."""
    facts = state.facts
    architecture = Architecture(
        widths=tuple(facts["widths"]), activation=facts["activation"], norm=facts["norm"]
    )
    if features_NH.shape[1] != architecture.widths[0]:
        raise ProbeError(
            f"the features are {features_NH.shape[1]} wide, but the head was trained on "
            f"{architecture.widths[0]}; take the model, layer and pooling that it was trained on"
        )
    network, scaling, loss = _network(state), _scaling(state, "feature"), TaskLoss(task=Task(facts["task"]))
    n_rows = predict_rows(1, architecture)
    parts = [torch.empty(1, 0, architecture.widths[-1])]
    for first in range(0, len(features_NH), n_rows):
        rows_BH = features_NH[first : first + n_rows]
        rows_BH = np.array(rows_BH, np.float32) if scaling is None else scaling.apply(rows_BH)
        parts.append(loss.predictions(logits(network, architecture, torch.from_numpy(rows_BH)[None])))
    return in_own_units(torch.cat(parts, dim=1)[0], _scaling(state, "target"))


def in_own_units(values_NK: Tensor, scaling: Scaling | None) -> NDArray[np.float32]:
    """Predictions as an array, the targets' standardisation undone."""
    found: NDArray[np.float32] = values_NK.numpy()
    return found if scaling is None else scaling.undo(found).astype(np.float32)


def _named(network: Parameters) -> Mapping[str, tuple[Tensor, ...]]:
    return {
        "weight": network.weights_GIO,
        "bias": network.biases_G1O,
        "scale": network.scales_G1O,
        "shift": network.shifts_G1O,
    }


def _network(state: HeadState) -> Parameters:
    n_maps = len(state.facts["widths"]) - 1

    def by_depth(name: str, count: int) -> tuple[Tensor, ...]:
        arrays = [np.array(state.tensors[f"{name}_{depth}"], np.float32) for depth in range(count)]
        return tuple(torch.from_numpy(array.reshape(1, -1, array.shape[-1])) for array in arrays)

    n_norms = n_maps - 1 if state.facts["norm"] == "layer" else 0
    return Parameters(
        weights_GIO=by_depth("weight", n_maps),
        biases_G1O=by_depth("bias", n_maps),
        scales_G1O=by_depth("scale", n_norms),
        shifts_G1O=by_depth("shift", n_norms),
    )


def _scaling(state: HeadState, name: str) -> Scaling | None:
    if f"{name}_mean" not in state.tensors:
        return None
    return Scaling(mean_H=state.tensors[f"{name}_mean"], sd_H=state.tensors[f"{name}_sd"])
