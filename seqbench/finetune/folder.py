"""The folder of a fine-tuned model: in a layout that others open, with the head and what it takes to predict.

Beside `config.json` and `model.safetensors` (transformers) or `adapter_config.json` and
`adapter_model.safetensors` (peft) and the tokenizer lie `head.safetensors`, `finetuned.json` (this record,
with the names of the outputs) and `README.md`, the model card.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from seqbench.catalog.training_records import Encoder
from seqbench.config.finetune import PairCombine, TrainedHead
from seqbench.core.alphabets import Alphabet
from seqbench.core.json_records import read_record
from seqbench.core.types import Overlong, Task
from seqbench.errors import ModelError, ModelNotFoundError, said
from seqbench.finetune.batches import outputs_of
from seqbench.finetune.items import Item
from seqbench.finetune.letter_head import LetterHead
from seqbench.finetune.network import FineTuned, Head
from seqbench.models.base import EmbedOptions
from seqbench.models.checkpoint import Checkpoint
from seqbench.models.tokens import Tokens
from seqbench.training.losses import TaskLoss
from seqbench.tuning.saving import open_model, source_of, write_model
from seqbench.tuning.trainable import TrainableModel, autocast_dtype

FORMAT: Final = "seqbench fine-tuned model 1"
RECORD, HEAD = "finetuned.json", "head.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFacts:
    """What a head is made with; see `network.Head`, and `letter_head.LetterHead` of kind `token`."""

    kind: TrainedHead
    combine: PairCombine
    width: int
    n_seqs: int
    n_outputs: int
    dropout: float

    @property
    def is_of_letters(self) -> bool:
        """Whether it answers for each letter."""
        return self.kind == "token"

    def make(self) -> Head | LetterHead:
        """A head with weights as torch draws them."""
        if self.kind == "token":
            return LetterHead(width=self.width, n_outputs=self.n_outputs, dropout=self.dropout)
        return Head(
            self.kind,
            self.combine,
            width=self.width,
            n_seqs=self.n_seqs,
            n_outputs=self.n_outputs,
            dropout=self.dropout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """How sequences become tokens."""

    alphabet: Alphabet
    seq_keys: tuple[str, ...]
    max_tokens: int | None
    """Tokens of a window, special tokens included; None for no limit."""
    overlong: Overlong
    stride: int | None
    special_tokens: bool

    @property
    def options(self) -> EmbedOptions:
        """The same, for opening the model."""
        return EmbedOptions(
            max_tokens=self.max_tokens or "whole",
            overlong=self.overlong,
            stride=self.stride,
            special_tokens=self.special_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """One target, and where its outputs come from."""

    name: str
    """Of the data set that it is scored as."""
    task: Task
    n_outputs: int
    classes: tuple[int, ...]
    class_names: tuple[str, ...]
    thresholds: tuple[float, ...] | None
    shift: tuple[float, ...]
    """What is added to each output after it was multiplied with `scale`; of values."""
    scale: tuple[float, ...]

    @property
    def outputs(self) -> Sequence[str | int]:
        """What each output stands for: its name, else the class's number, or the label's or target's."""
        return self.class_names or self.classes or range(self.n_outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTunedFacts:
    """What `finetuned.json` holds."""

    format: Literal["seqbench fine-tuned model 1"] = FORMAT
    key: str
    """Hash of everything that the weights depend on."""
    model: str
    dataset: str
    encoder: Encoder
    seed: int
    layer: int
    dtype: Literal["float32", "bfloat16", "float16"]
    """Asked for: where the device has it, the network computes in it beside float32 weights."""
    requires: str | None
    head: HeadFacts
    tokens: TokenFacts
    targets: tuple[TargetFacts, ...]
    scores: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    """By target, split and metric."""
    training: Mapping[str, Any]
    """Steps, items, tokens, seconds, device, parameters, and the learning curve."""
    settings: Mapping[str, Any]
    """The section of the config, in full."""


def write_folder(
    folder: Path, network: FineTuned, facts: FineTunedFacts, source: Checkpoint, card: str
) -> None:
    """Write everything into a folder that `core.atomic.atomic_folder` gives."""
    from safetensors.torch import save_file

    write_model(network.encoder, source, folder)
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.head.state_dict().items()}
    save_file(tensors, folder / HEAD, {"format": "pt"})
    text = json.dumps(asdict(facts), indent=2, ensure_ascii=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")


def is_finetuned(folder: Path) -> bool:
    """Whether a folder holds a fine-tuned model with its head."""
    return (folder / RECORD).is_file()


def read_facts(folder: Path) -> FineTunedFacts:
    """Read what a folder says of itself.

    Raises:
        ModelNotFoundError: It is not there.
        ModelError: It is damaged, or of a newer format.
    """
    path = folder / RECORD
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"{folder}: no {RECORD} there (is it a folder of finetune.out?)") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: can't be read: {said(error)}") from error
    try:
        return read_record(FineTunedFacts, content)
    except ValueError as error:
        raise ModelError(f"{path}: is no record of a fine-tuned model: {error}") from error


class Predictor:
    """A fine-tuned model that was read from its folder."""

    def __init__(
        self, facts: FineTunedFacts, encoder: TrainableModel, head: Head | LetterHead, *, device: torch.device
    ) -> None:
        self.facts = facts
        tokens = facts.tokens
        self.tokens: Tokens = encoder.tokens(overlong=tokens.overlong, stride=tokens.stride)
        self.network = FineTuned(
            encoder,
            head.to(device),
            special_tokens=tokens.special_tokens,
            n_around=(len(self.tokens.prefix), len(self.tokens.suffix)),
        ).eval()
        self._device = device
        self._autocast = autocast_dtype(facts.dtype, device)

    def predict(self, items: Sequence[Item], tokens_per_batch: int = 4096) -> Tensor:
        """Probabilities, or values in their own units, all targets side by side; (R, O) float32.

        A row is an item, or where the head answers for letters each letter that has a token.
        """
        outputs_RO = outputs_of(
            self.network,
            items,
            tokens_per_batch=tokens_per_batch,
            autocast=self._autocast,
            device=self._device,
        )
        parts, first = [], 0
        for target in self.facts.targets:
            own = TaskLoss(task=target.task).predictions(outputs_RO[:, first : first + target.n_outputs])
            parts.append(own * torch.tensor(target.scale) + torch.tensor(target.shift))
            first += target.n_outputs
        return torch.cat(parts, -1)


def open_folder(folder: Path, *, trust_remote_code: bool = False) -> Predictor:
    """Open a fine-tuned model to predict with.

    Args:
        folder: Of `write_folder`.
        trust_remote_code: Whether code of the checkpoint may run.

    Raises:
        ModelNotFoundError: There is none, or the checkpoint that adapters stand on is gone.
        ModelError: Files are damaged or do not fit each other.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    facts = read_facts(folder)
    source = source_of(
        folder,
        name=facts.model,
        options=facts.tokens.options,
        trust_remote_code=trust_remote_code,
        requires=facts.requires,
    )
    encoder = open_model(source, alphabet=facts.tokens.alphabet)
    head = facts.head.make()
    try:
        head.load_state_dict(load_file(folder / HEAD))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"{folder / HEAD}: can't be read as the head of this model: {said(error)}"
        ) from error
    if facts.head.width != encoder.hidden:
        raise ModelError(
            f"{folder}: its head reads {facts.head.width} numbers, its model has {encoder.hidden}"
        )
    return Predictor(facts, encoder, head, device=encoder.device)


def n_weights(network: nn.Module) -> tuple[int, int]:
    """Numbers that are trained, and all."""
    weights = list(network.parameters())
    return sum(each.numel() for each in weights if each.requires_grad), sum(each.numel() for each in weights)
