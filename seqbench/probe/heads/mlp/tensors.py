"""The data of a block of networks on the device that trains, shared where fits have the same.

Shape letters: F fits, C rates, L layers, G = C × F × L networks, N items, B items of a batch, H features,
K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqbench.core.types import SplitName
from seqbench.probe.heads.mlp.blocks import Block, Sharing
from seqbench.probe.heads.mlp.network_targets import ByTarget, NetworkTargets
from seqbench.probe.heads.scaling import Scaling

_BLOCK_ROWS = 4096
"""Items standardised at once, so that no second copy of a layer is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledFeatures:
    """Features at some layers, standardised as on train when they are asked for."""

    features_LNH: NDArray[np.float32]
    layers: tuple[int, ...]
    scalings_L: tuple[Scaling | None, ...]
    """Of the layers; None for features as they are."""

    @property
    def n_items(self) -> int:
        """Items of the split."""
        return int(self.features_LNH.shape[1])

    def rows(self, rows: slice) -> NDArray[np.float32]:
        """Some items, (B, L, H): all layers of an item together, so that a batch is one gather."""
        first, last, _ = rows.indices(self.n_items)
        scaled_BLH = np.empty((last - first, len(self.layers), self.features_LNH.shape[2]), dtype=np.float32)
        for start in range(first, last, _BLOCK_ROWS):
            block = slice(start, min(start + _BLOCK_ROWS, last))
            for at, (layer, scaling) in enumerate(zip(self.layers, self.scalings_L, strict=True)):
                features_BH = self.features_LNH[layer, block]
                part = features_BH if scaling is None else scaling.apply(features_BH)
                scaled_BLH[block.start - first : block.stop - first, at] = part
        return scaled_BLH

    def tensor(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """All items, (N, L, H)."""
        return torch.from_numpy(self.rows(slice(None))).to(device=device, dtype=dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTensors:
    """A split of every fit of a block; what fits share is the same tensor."""

    features_F: tuple[Tensor, ...]
    """(N, L, H) each."""
    targets_F: tuple[Tensor, ...]
    """(N, K) each, float32, standardised where regression asks for it; NaN where a label is missing."""

    @property
    def n_items(self) -> int:
        """Items of the split, the same for all fits."""
        return len(self.targets_F[0])

    def batch(self, rows_F: Sequence[Tensor | slice], n_rates: int) -> tuple[Tensor, Tensor]:
        """Features (G, B, H) and targets (G, B, K) of all networks.

        Args:
            rows_F: Which items, for each fit.
            n_rates: How often the fits' networks are repeated, C.
        """
        features, targets = self.features_F, self.targets_F
        n_layers = features[0].shape[1]
        if len(features) * n_rates == 1:
            target_BK = _rows(targets[0], rows_F[0])
            return _rows(features[0], rows_F[0]).transpose(0, 1), target_BK.expand(n_layers, -1, -1)
        gathered: dict[tuple[int, int], Tensor] = {}
        for tensor, rows in zip(features, rows_F, strict=True):
            if (id(tensor), id(rows)) not in gathered:
                gathered[id(tensor), id(rows)] = _rows(tensor, rows)
        parts = [gathered[id(tensor), id(rows)] for tensor, rows in zip(features, rows_F, strict=True)]
        x_BGH = torch.cat(parts * n_rates, dim=1)
        targets_FBK = torch.stack([_rows(tensor, rows) for tensor, rows in zip(targets, rows_F, strict=True)])
        targets_CFLBK = targets_FBK[:, None].expand(n_rates, -1, n_layers, -1, -1)
        return x_BGH.transpose(0, 1), targets_CFLBK.flatten(0, 2)


def _rows(tensor: Tensor, rows: Tensor | slice) -> Tensor:
    return tensor[rows] if isinstance(rows, slice) else tensor.index_select(0, rows)


class BlockData:
    """Everything that a block of networks trains and is tested on.

    Features are standardised on each fit's train split, once where fits share it.
    """

    def __init__(
        self,
        targets: NetworkTargets,
        fits: Sequence[ByTarget],
        block: Block,
        sharing: Sharing,
        *,
        standardize: bool,
        device: torch.device,
        mixed: bool,
    ) -> None:
        """Bring train and eval to the device.

        Args:
            targets: What is predicted.
            fits: All of them, each by target; the block says which are wanted.
            block: Fits and layers.
            sharing: Which fits have the same features.
            standardize: Whether features and regression targets are standardised at all.
            device: Where train and eval shall lie.
            mixed: Keep train's features in bfloat16, to which the first product would round them anyway.
        """
        self._fits, self._block, self._sharing = [of_fit[0] for of_fit in fits], block, sharing
        self._standardize, self._device = standardize, device
        self._scaled: dict[tuple[SplitName, tuple[int, int]], ScaledFeatures] = {}
        self._tensors: dict[tuple[SplitName, tuple[int, int]], Tensor] = {}
        self.target_scalings_FT = [
            targets.scalings(fits[number], standardize=standardize) for number in block.fits
        ]
        """Of each fit's targets."""
        self.test_F = tuple(self._features("test", number) for number in block.fits)
        """Standardised only when it is predicted; the same object where fits share it."""
        self.feature_scalings_FL = tuple(self._features("train", number).scalings_L for number in block.fits)
        by_target = [fits[number] for number in block.fits]
        self.train = self._split(targets, by_target, "train", torch.bfloat16 if mixed else torch.float32)
        self.evaluation = self._split(targets, by_target, "eval", torch.float32)

    def _features(self, name: SplitName, number: int) -> ScaledFeatures:
        key = name, self._sharing.key(name, number)
        if key not in self._scaled:
            train_LNH = self._fits[number].train.features_LNH
            layers = self._block.layers
            if name == "train":
                scalings = tuple(Scaling.fit(train_LNH[at]) if self._standardize else None for at in layers)
            else:
                scalings = self._features("train", number).scalings_L
            self._scaled[key] = ScaledFeatures(
                features_LNH=self._fits[number].splits[name].features_LNH, layers=layers, scalings_L=scalings
            )
        return self._scaled[key]

    @property
    def is_complete(self) -> bool:
        """Whether all labels of train and eval are known."""
        parts = (*self.train.targets_F, *self.evaluation.targets_F)
        return not any(bool(targets.isnan().any()) for targets in parts)

    def _split(
        self, targets: NetworkTargets, by_target: Sequence[ByTarget], name: SplitName, dtype: torch.dtype
    ) -> SplitTensors:
        features, matrices = [], []
        for number, fits, scalings in zip(self._block.fits, by_target, self.target_scalings_FT, strict=True):
            key = name, self._sharing.key(name, number)
            if key not in self._tensors:
                self._tensors[key] = self._features(name, number).tensor(self._device, dtype)
            features.append(self._tensors[key])
            matrix = targets.matrix([fit.splits[name].targets for fit in fits], scalings)
            matrices.append(matrix.to(self._device))
        return SplitTensors(features_F=tuple(features), targets_F=tuple(matrices))
