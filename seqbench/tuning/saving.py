"""Trained models in layouts that others open: of Hugging Face where all was trained, of peft for adapters.

with atomic_folder(path, replace=True) as partial:
    write_model(model, source, partial)
again = open_model(source_of(path, name="mine", options=options), alphabet="dna")
"""

import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from seqbench.core.alphabets import Alphabet
from seqbench.core.types import Dtype
from seqbench.errors import ModelError, ModelNotFoundError, said
from seqbench.models.adapter import check_adapter
from seqbench.models.base import EmbedOptions
from seqbench.models.checkpoint import Checkpoint
from seqbench.models.fingerprint import support_files
from seqbench.models.huggingface import HuggingFace
from seqbench.tuning.trainable import TrainableModel, open_encoder


def write_model(model: TrainableModel, source: Checkpoint, folder: Path) -> None:
    """Write a trained model and its tokenizer into a folder, which `core.atomic.atomic_folder` gives.

    A model whose adapters were trained becomes `adapter_config.json` and `adapter_model.safetensors`, which
    peft opens on the checkpoint that training began with. Any other becomes `config.json` and
    `model.safetensors` of the same class that was loaded: of T5 and its kin the encoder (`T5EncoderModel`),
    of other encoder-decoders all of it, the decoder as it was.

    Args:
        model: As trained.
        source: What it was loaded from; its tokenizer is copied, and its code where the model is whole.
        folder: Is there, and mostly empty.
    """
    whole: Any = model.whole
    if model.is_adapted:
        config = whole.peft_config["default"]
        config.base_model_name_or_path, config.revision = source.path, source.revision
    whole.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # peft's is an empty form
    for path in support_files(source.folder):
        is_code = path.suffix == ".py"
        if path.name != "config.json" and not (model.is_adapted and is_code):
            shutil.copyfile(path, folder / path.name)


def source_of(
    folder: Path,
    *,
    name: str,
    options: EmbedOptions,
    dtype: Dtype = "float32",
    trust_remote_code: bool = False,
    requires: str | None = None,
) -> HuggingFace:
    """The checkpoint in a folder of `write_model`; of adapters, with the checkpoint that they stand on.

    Raises:
        ModelNotFoundError: There is neither a model nor an adapter.
        ModelError: The adapter's files are damaged, or of another kind.
    """
    found = HuggingFace(
        name=name,
        path=str(folder.absolute()),
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        requires=requires,
        options=options,
    )
    return found.on_its_base()


def open_model(source: HuggingFace, *, alphabet: Alphabet | None) -> TrainableModel:
    """Open what `write_model` wrote, to compute as it did when it was trained; nothing of it is trained.

    Adapters are not merged: merged weights give other last digits.

    Args:
        source: Of `source_of`.
        alphabet: Of the sequences.
    """
    model = open_encoder(replace(source, adapter=None), alphabet)
    if source.adapter is not None:
        check_adapter(source.adapter)
        model.whole = _with_adapter(model, source.adapter)
    return model.requires_grad_(False).eval()


def _with_adapter(model: TrainableModel, folder: Path) -> nn.Module:
    try:
        from peft import PeftModel
    except ImportError as error:
        raise ModelError(f"adapter {folder}: this needs peft (pip install seqbench[lora])") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks by a name that transformers gives up
            found: nn.Module = PeftModel.from_pretrained(model.whole, str(folder))
        return found
    except (ValueError, RuntimeError, KeyError) as error:
        raise ModelNotFoundError(f"adapter {folder}: does not fit its base model: {said(error)}") from error
