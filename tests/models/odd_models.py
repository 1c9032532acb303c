"""Models as custom code writes them: other numbers of hidden states, other positions, other widths."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.tiny import LETTERS, SPECIALS

WIDTH = 16
VOCABULARY = len(SPECIALS) + len(LETTERS)


class Mix(nn.Module):
    """A block: every token sees its neighbours."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, hidden_BTH: Tensor) -> Tensor:
        return hidden_BTH + torch.tanh(self.mix(hidden_BTH.transpose(1, 2)).transpose(1, 2))


class Odd(nn.Module):
    """Three blocks and a norm; takes no mask.

    Args:
        returns: Hidden states that it declares: `all`, `blocks` (NeoBERT), `norm too` (HyenaDNA), …
        registers: Learned tokens before the sequence, which it keeps.
        pads_to: Pads inside to a multiple of this, as Reformer and BigBird do.
        strands: 2 for twice the width that a config would say, as Caduceus's equivariant models.
        halves: Whether the last block keeps every second position.
        narrow: Whether the last state is half as wide, as OPT's `project_out` makes it.
        hidden_blocks: Whether blocks are not in one list, so that hooks have no place.
    """

    def __init__(
        self,
        returns: str = "all",
        *,
        registers: int = 0,
        pads_to: int = 1,
        strands: int = 1,
        halves: bool = False,
        narrow: bool = False,
        hidden_blocks: bool = False,
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        width = WIDTH * strands
        self.returns, self.pads_to, self.halves = returns, pads_to, halves
        self.embed = nn.Embedding(VOCABULARY, width)
        self.registers = nn.Parameter(torch.randn(1, registers, width))
        blocks = [Mix(width) for _ in range(3)]
        self.blocks = (
            nn.ModuleDict({str(i): block for i, block in enumerate(blocks)})
            if hidden_blocks
            else nn.ModuleList(blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, width // 2) if narrow else nn.Identity()

    def forward(self, input_ids: Tensor, output_hidden_states: bool = False) -> Any:
        tokens = input_ids.shape[1]
        registers = self.registers.expand(len(input_ids), -1, -1)
        hidden = torch.cat([registers, self.embed(input_ids)], dim=1)
        hidden = nn.functional.pad(hidden, (0, 0, 0, -hidden.shape[1] % self.pads_to))
        states = [hidden]
        for block in self.blocks.values() if isinstance(self.blocks, nn.ModuleDict) else self.blocks:
            hidden = block(hidden)
            states.append(hidden)
        last = self.project(self.norm(hidden))
        last = last[:, :tokens] if self.pads_to > 1 else last[:, ::2] if self.halves else last
        declared = {
            "all": states,
            "blocks": states[1:],
            "norm too": [*states, last],
            "few": states[2:],
            "none": None,
        }
        return SimpleNamespace(last_hidden_state=last, hidden_states=declared[self.returns])
