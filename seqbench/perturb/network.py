"""The set-to-set network: control cells and a perturbation's vector in, perturbed cells out.

Cells of a set attend to each other without positions, so that permuting the controls permutes what is
predicted.

Shape letters: S sets of a batch, N cells of a set, C width of a control cell, F of a perturbation's vector,
H of the transformer, O of what is predicted.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from seqbench.networks.perceptron import Perceptron
from seqbench.networks.set_transformer import SetTransformer


class StateTransition(nn.Module):
    """Encoders of cell and perturbation, summed; a transformer over the set; output layer and decoder."""

    def __init__(
        self,
        *,
        n_inputs: int,
        n_features: int,
        n_outputs: int,
        hidden: int,
        blocks: int,
        heads: int,
        dropout: float,
        residual: bool,
        decoder: Sequence[int] | None,
    ) -> None:
        """Make the network.

        Args:
            n_inputs: C: genes, or the width of a cell embedding.
            n_features: F.
            n_outputs: Genes.
            hidden: H.
            blocks: Of the transformer.
            heads: Attention heads of a block.
            dropout: Within the transformer.
            residual: Whether the control cells are added to what comes out: to the genes where the input is
                genes, else to the cell embedding that is then decoded.
            decoder: Hidden widths of what makes genes of the output embedding; None where the output layer
                gives genes itself, which takes an input of genes.
        """
        super().__init__()
        if decoder is None and n_inputs != n_outputs:
            raise ValueError("genes of cell embeddings take a decoder")
        self.cell = Perceptron(n_inputs, [hidden], hidden, activation="gelu")
        self.perturbation = Perceptron(n_features, [hidden], hidden, activation="gelu")
        self.transformer = SetTransformer(hidden, blocks=blocks, heads=heads, dropout=dropout)
        # What is embedded is predicted as an embedding; genes through a decoder come from the hidden state.
        self.is_embedded = n_inputs != n_outputs
        width = hidden if decoder is not None and not self.is_embedded else n_inputs
        self.output = Perceptron(hidden, [hidden], width, activation="gelu")
        self.decoder = None if decoder is None else Perceptron(width, decoder, n_outputs, activation="gelu")
        self.residual = residual
        ends = self.output if self.decoder is None or self.is_embedded else self.decoder
        last = ends.layers[-1]
        if residual and isinstance(last, nn.Linear):  # training starts from "nothing happens"
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, controls_SNC: Tensor, features_SF: Tensor) -> tuple[Tensor, Tensor | None]:
        """Predict perturbed cells.

        Args:
            controls_SNC: Control cells of each set, in any order.
            features_SF: The vector of each set's perturbation.

        Returns:
            Genes of as many cells, (S, N, O), and the predicted cell embedding, (S, N, C), where the input
            is one.
        """
        hidden_SNH = self.cell(controls_SNC) + self.perturbation(features_SF)[:, None]
        found = self.output(self.transformer(hidden_SNH))
        if self.is_embedded:
            embedded_SNC = controls_SNC + found if self.residual else found
            assert self.decoder is not None
            return self.decoder(embedded_SNC), embedded_SNC
        genes_SNO = found if self.decoder is None else self.decoder(found)
        return (controls_SNC + genes_SNO if self.residual else genes_SNO), None


def count_parameters(network: nn.Module) -> int:
    """Weights that are trained."""
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
