"""Batch normalisation whose statistics padding does not enter.

Shape letters: B sequences in a batch, C channels; `…` one or two axes of tokens, or none.
"""

import torch
from torch import Tensor, nn

EPSILON = 1e-5
MOMENTUM = 0.1
"""Both are those of `torch.nn.BatchNorm1d`."""


class MaskedBatchNorm(nn.Module):
    """`torch.nn.BatchNorm1d` over the real tokens of all sequences of a batch; channels come second."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        """Make scale, shift and running statistics.

        Args:
            channels: C.
        """
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise each channel.

        Args:
            x: (B, C, …), 0 in padding.
            mask: (B, …), True where a token is real; None: all are.

        Returns:
            The same shape. In padding it is whatever the shift makes of 0: put zeros there again.
        """
        mean_C, var_C = self.running_mean, self.running_var
        if self.training:
            mean_C, var_C = self._statistics(x.float(), mask)
        scale_C = self.weight * torch.rsqrt(var_C + EPSILON)
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return (x * scale_C.view(shape) + (self.bias - mean_C * scale_C).view(shape)).to(x.dtype)

    def _statistics(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and variance of a batch, which go into the running ones; those, where one value alone is."""
        others = [axis for axis in range(x.dim()) if axis != 1]
        real = torch.ones_like(x[:, :1]) if mask is None else mask[:, None].to(x.dtype)
        count = real.sum()
        shape = (1, -1) + (1,) * (x.dim() - 2)
        mean_C = (x * real).sum(others) / count.clamp_min(1)
        var_C = ((x - mean_C.view(shape)).square() * real).sum(others) / count.clamp_min(1)
        # A single value has no variance; dividing by 0 would make a constant of it.
        enough = count > 1
        with torch.no_grad():
            step = MOMENTUM * enough
            self.running_mean.lerp_(mean_C.to(self.running_mean.dtype), step)
            self.running_var.lerp_(
                (var_C * count / (count - 1).clamp_min(1)).to(self.running_var.dtype), step
            )
        return torch.where(enough, mean_C, self.running_mean), torch.where(enough, var_C, self.running_var)
