"""A checkpoint as a network to be trained: token ids in, last hidden states or logits out.

Shape letters: B windows in a batch, T tokens, H hidden width, V vocabulary.

    model = open_encoder(source, "dna")
    hidden_BTH = model(model.inputs(ids_BT, mask_BT))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seqbench.core.alphabets import Alphabet
from seqbench.core.identity import ModelIdentity
from seqbench.errors import ModelError
from seqbench.models.arithmetic import is_emulated
from seqbench.models.base import told
from seqbench.models.batches import pad
from seqbench.models.checkpoint import Checkpoint, LanguageHead
from seqbench.models.tap import last_state
from seqbench.models.tokens import Tokens
from seqbench.models.transformer import Transformer

Objective = Literal["mlm", "clm"]
HEADS: dict[Objective, LanguageHead] = {"mlm": "AutoModelForMaskedLM", "clm": "AutoModelForCausalLM"}


class TrainableModel(nn.Module):
    """A model with float32 weights on its device, of which some are trained.

    `whole` is what is saved: the bare model, a language model, or a `peft.PeftModel` of either.
    """

    def __init__(
        self,
        whole: nn.Module,
        transformer: Transformer,
        alphabet: Alphabet | None,
        *,
        is_language_model: bool = False,
    ) -> None:
        """Try the model out, on its device.

        Args:
            whole: On the CPU, in float32.
            transformer: Made of its bare part.
            alphabet: Of the sequences that it is tried with.
            is_language_model: Whether logits come out, or hidden states.

        Raises:
            ModelError: It can't be run, or has no last hidden state of one position a token.
        """
        super().__init__()
        self.is_language_model, self.alphabet = is_language_model, alphabet
        self._transformer, self.tried = transformer, transformer.unchanged(alphabet)
        name, top = self.identity.name, self.tried.n_layers - 1
        if (why := self.tried.layers.left_out.get(top)) is not None:
            raise ModelError(f"model {name!r}: its last layer can't be trained on: {told({top: why})}")
        if not self.tried.state.switches:  # such as BigBird, whose passes must not hang on those before them
            self.tried.state.close()
        self.whole = whole.to(self.device)

    @property
    def is_adapted(self) -> bool:
        """Whether peft has put adapters into the model."""
        return hasattr(self.whole, "peft_config")

    @property
    def bare(self) -> Any:
        """The whole without what peft puts around it."""
        return self.whole.get_base_model() if self.is_adapted else self.whole  # type: ignore[operator]

    @property
    def encoder(self) -> Any:
        """The part that gives hidden states; of an encoder-decoder the encoder."""
        return self._transformer.model

    @property
    def identity(self) -> ModelIdentity:
        """Which weights training began with."""
        return self._transformer.identity

    @property
    def tokenizer(self) -> Any:
        """The checkpoint's."""
        return self._transformer.tokenizer

    @property
    def limit(self) -> int | None:
        """Most tokens of a window, special tokens included; None where nothing limits it."""
        return self._transformer.limit

    @property
    def hidden(self) -> int:
        """H."""
        return self.tried.layers.hidden

    @property
    def layer(self) -> int:
        """The layer whose hidden states come out: the last."""
        return self.tried.n_layers - 1

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.tried.device

    @property
    def pad_id(self) -> int:
        """What stands in padding."""
        return self.tried.pad_id

    @property
    def equal_lengths(self) -> bool:
        """Whether padding changes hidden states, so that windows of unlike lengths must not share a pass."""
        return self.tried.equal_lengths

    @property
    def n_trained(self) -> int:
        """Numbers that are trained."""
        return sum(weight.numel() for weight in self.parameters() if weight.requires_grad)

    @property
    def n_parameters(self) -> int:
        """Numbers of the model, those of adapters among them."""
        return sum(weight.numel() for weight in self.parameters())

    def tokens(self, *, overlong: Literal["window", "truncate", "error"], stride: int | None) -> Tokens:
        """The tokenizer made ready, as extraction has it; see `models.tokens`."""
        return Tokens(
            self.tokenizer, limit=self.limit, overlong=overlong, stride=stride, alphabet=self.alphabet
        )

    def inputs(self, ids_BT: NDArray[np.int64], mask_BT: NDArray[np.int64]) -> dict[str, Any]:
        """Arguments of the model for a batch, on the device; a mask of ones is left out where it may be.

        Args:
            ids_BT: Token ids, padded on the right.
            mask_BT: 1 where a token is real.

        Raises:
            ModelError: An id is beyond the embedding.
        """
        self.tried.check_vocabulary(ids_BT)
        return self.tried.inputs(ids_BT, mask_BT)

    def forward(self, inputs: Mapping[str, Any]) -> Tensor:
        """Run a batch of `inputs`.

        Returns:
            Last hidden states (B, T, H); of a language model, logits (B, T, V).

        Raises:
            ModelError: There is not one position a token.
        """
        output = (self.bare if self.is_language_model else self.encoder)(**inputs)
        found: Tensor = output.logits if self.is_language_model else last_state(output)
        if found.shape[:2] != inputs["input_ids"].shape:
            raise ModelError(
                f"model {self.identity.name!r}: gives {tuple(found.shape[:2])} positions for "
                f"{tuple(inputs['input_ids'].shape)} tokens, so it can't be trained here"
            )
        return found

    def states(self, windows: Sequence[NDArray[np.int32]]) -> tuple[Tensor, Tensor]:
        """Run windows of any lengths, in one pass where padding changes nothing, else one a length.

        Returns:
            What `forward` gives, (B, T, …), anything in padding; and which tokens are real, (B, T) booleans.
        """
        ids_BT, mask_BT = pad(windows, self.pad_id)
        real_BT = torch.from_numpy(mask_BT).to(self.device).bool()
        lengths = mask_BT.sum(1)
        if not self.equal_lengths or len(set(lengths.tolist())) == 1:
            return self(self.inputs(ids_BT, mask_BT)), real_BT
        found: list[Tensor] = [torch.empty(0)] * len(windows)
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            part = self(self.inputs(ids_BT[rows, :length], mask_BT[rows, :length]))
            for row, states_TH in zip(rows.tolist(), part, strict=True):
                found[row] = nn.functional.pad(states_TH, (0, 0, 0, ids_BT.shape[1] - length))
        return torch.stack(found), real_BT


def open_encoder(source: Checkpoint, alphabet: Alphabet | None) -> TrainableModel:
    """Load a checkpoint in float32 as it is, without saying what is trained.

    Raises:
        ModelError: It can't be loaded or run.
    """
    source = replace(source, dtype="float32")
    whole = source.whole()
    return TrainableModel(whole, source.transformer(whole, source.identity()), alphabet)


def open_language_model(
    source: Checkpoint,
    objective: Objective,
    alphabet: Alphabet | None,
    note: Callable[[str], None] = lambda text: None,
) -> TrainableModel:
    """As `open_encoder`, with the head of masked or causal language modelling.

    Raises:
        ModelError: It has an encoder and a decoder; or it can't be loaded or run.
    """
    source = replace(source, dtype="float32")
    if source.config.is_encoder_decoder:
        raise ModelError(
            f"model {source.name!r}: has an encoder and a decoder, which neither masked nor causal language "
            "modelling trains (take an encoder or a decoder)"
        )
    whole = source.whole(HEADS[objective], note)
    transformer = source.transformer(whole.base_model, source.identity())
    return TrainableModel(whole, transformer, alphabet, is_language_model=True)


def objective_of(source: Checkpoint) -> Objective:
    """Masked or causal language modelling: what the checkpoint was trained with, else what its kind has."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING

    architectures = " ".join(getattr(source.config, "architectures", None) or ())
    if "MaskedLM" in architectures or "PreTraining" in architectures:
        return "mlm"
    if "CausalLM" in architectures or "LMHead" in architectures:
        return "clm"
    custom = getattr(source.config, "auto_map", None) or {}
    has_masked = type(source.config) in MODEL_FOR_MASKED_LM_MAPPING or HEADS["mlm"] in custom
    return "mlm" if has_masked else "clm"


def autocast_dtype(dtype: str, device: torch.device) -> torch.dtype | None:
    """The type that a model of a dtype is trained in beside float32 weights; None for float32 throughout.

    bfloat16 where the device computes in it; float16 too, whose gradients would need scaling.
    """
    if dtype == "float32":
        return None
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else None
    return None if is_emulated(torch.bfloat16) else torch.bfloat16
