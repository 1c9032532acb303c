"""The network that is fine-tuned: a model, what pools its last hidden states, and one linear map.

Shape letters: B items of a batch, S sequences of an item, Q = B·S sequences, W windows, T tokens, H hidden
width, F width of a pooled vector, O outputs of all targets, R rows of outputs: one an item, or of a
`LetterHead` one for each letter that has a token.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from seqbench.config.finetune import PairCombine, TokenHead
from seqbench.errors import TrainingError
from seqbench.finetune.items import Item
from seqbench.finetune.letter_head import LetterHead, own_places
from seqbench.networks.attention_pooling import AttentionPooling
from seqbench.networks.combining import combined
from seqbench.networks.convolution import ConvolutionTower
from seqbench.networks.masks import masked_mean
from seqbench.networks.shrinkage import ShrinkageNetwork
from seqbench.tuning.trainable import TrainableModel


class TokenPooling(nn.Module):
    """Makes one vector of the tokens of a sequence."""

    def __init__(self, kind: TokenHead, width: int) -> None:
        """Make what is trained of it.

        Args:
            kind: As in the config.
            width: H.
        """
        super().__init__()
        self.kind = kind
        self.n_outputs = width
        self.reader: nn.Module = nn.Identity()
        if kind == "attention":
            self.reader = AttentionPooling(width)
        elif kind == "conv":
            self.reader = ConvolutionTower(width, width)
        elif kind == "drsn":
            self.reader = network = ShrinkageNetwork(width)
            self.n_outputs = network.n_outputs

    def forward(self, tokens_QTH: Tensor, mask_QT: Tensor) -> Tensor:
        """Pool over the tokens that the mask has; (Q, F), whatever stands elsewhere."""
        if self.kind == "cls":
            return tokens_QTH[:, 0]
        if self.kind == "attention":
            pooled: Tensor = self.reader(tokens_QTH, mask_QT)
            return pooled
        if self.kind == "conv":
            return masked_mean(self.reader(tokens_QTH, mask_QT), mask_QT)
        if self.kind == "drsn":
            return masked_mean(*self.reader(tokens_QTH, mask_QT))
        return masked_mean(tokens_QTH, mask_QT)


class Head(nn.Module):
    """Pooling, combining the sequences of an item, dropout, and a linear map."""

    def __init__(
        self,
        kind: TokenHead,
        combine: PairCombine,
        *,
        width: int,
        n_seqs: int,
        n_outputs: int,
        dropout: float,
    ) -> None:
        """Make the parts.

        Args:
            kind: Of the pooling.
            combine: How the vectors of an item's sequences become one.
            width: H.
            n_seqs: S.
            n_outputs: O.
            dropout: Of the combined vector.
        """
        super().__init__()
        if combine == "symmetric" and n_seqs > 2:
            raise TrainingError(
                f"finetune.combine symmetric is of two sequences, items have {n_seqs} (choose concat, mean "
                "or ref_delta)"
            )
        self.combine: PairCombine = combine
        self.n_seqs = n_seqs
        self.pooling = TokenPooling(kind, width)
        n_vectors = 1 if combine == "mean" else n_seqs
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(n_vectors * self.pooling.n_outputs, n_outputs)

    def forward(self, tokens_QTH: Tensor, mask_QT: Tensor) -> Tensor:
        """Outputs (B, O), before softmax or sigmoid."""
        vectors_QF = self.pooling(tokens_QTH, mask_QT)
        vectors_BSF = vectors_QF.reshape(-1, self.n_seqs, vectors_QF.shape[-1])
        found: Tensor = self.output(self.dropout(combined(vectors_BSF, self.combine)))
        return found


class FineTuned(nn.Module):
    """A model and its head, trained together."""

    def __init__(
        self,
        encoder: TrainableModel,
        head: Head | LetterHead,
        *,
        special_tokens: bool,
        n_around: tuple[int, int],
    ):
        """Put them together.

        Args:
            encoder: Prepared.
            head: On the encoder's device.
            special_tokens: Whether the head reads special tokens too; one of letters never does.
            n_around: How many stand before and behind a window's own tokens.
        """
        super().__init__()
        self.encoder, self.head = encoder, head
        self._special, self._around = special_tokens, n_around

    def forward(self, items: Sequence[Item]) -> Tensor:
        """Outputs of items, (R, O)."""
        if isinstance(self.head, LetterHead):
            return self._of_letters(self.head, items)
        return self.head(*self.tokens(items))  # type: ignore[no-any-return]

    def _of_letters(self, head: LetterHead, items: Sequence[Item]) -> Tensor:
        sequences = [sequence for item in items for sequence in item]
        letters = [sequence.letters for sequence in sequences if sequence.letters is not None]
        found: Tensor = head(self.own_tokens(items), letters, [sequence.n_own for sequence in sequences])
        return found

    def own_tokens(self, items: Sequence[Item]) -> Tensor:
        """Last hidden states of all own tokens in a row, each once, as extraction stores them; (T, H)."""
        sequences = [sequence for item in items for sequence in item]
        states_WTH, _ = self.encoder.states([ids for sequence in sequences for ids in sequence.windows])
        window_T, place_T = map(torch.from_numpy, own_places(sequences, self._around[0]))
        return states_WTH[window_T.to(states_WTH.device), place_T.to(states_WTH.device)]

    def tokens(self, items: Sequence[Item]) -> tuple[Tensor, Tensor]:
        """Last hidden states of each sequence, its windows joined so that each token stands once.

        Returns:
            (Q, T, H), and a mask (Q, T) of the tokens that count.
        """
        sequences = [sequence for item in items for sequence in item]
        windows = [ids for sequence in sequences for ids in sequence.windows]
        states_WTH, real_WT = self.encoder.states(windows)
        overlaps = [overlap for sequence in sequences for overlap in sequence.overlaps]
        counted_WT = self._counted(real_WT, [len(ids) for ids in windows], overlaps)
        if len(windows) == len(sequences):
            return states_WTH, counted_WT
        return self._joined([len(sequence.windows) for sequence in sequences], states_WTH, counted_WT)

    def _counted(self, real_WT: Tensor, lengths: Sequence[int], overlaps: Sequence[int]) -> Tensor:
        """Tokens that count: all but those that the window before holds, and special ones if so set."""
        if self._special and not any(overlaps):
            return real_WT
        before, behind = self._around
        counted_WT = real_WT.clone()
        for row, (length, overlap) in enumerate(zip(lengths, overlaps, strict=True)):
            counted_WT[row, before : before + overlap] = False
            if not self._special:
                counted_WT[row, :before] = False
                counted_WT[row, length - behind : length] = False
        return counted_WT

    def _joined(
        self, n_windows: Sequence[int], states_WTH: Tensor, counted_WT: Tensor
    ) -> tuple[Tensor, Tensor]:
        tokens, masks, first = [], [], 0
        for count in n_windows:
            rows = range(first, first + count)
            own = torch.cat([states_WTH[row][counted_WT[row]] for row in rows])
            mask = own.new_ones(len(own), dtype=torch.bool)
            if (
                isinstance(self.head, Head) and self.head.pooling.kind == "cls"
            ):  # the first token, whether or not it counts elsewhere
                own = torch.cat([states_WTH[first][:1], own])
                mask = own.new_ones(len(own), dtype=torch.bool)
            tokens.append(own)
            masks.append(mask)
            first += count
        return pad_sequence(tokens, batch_first=True), pad_sequence(masks, batch_first=True)
