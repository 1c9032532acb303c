"""Models in the format of Hugging Face, from a directory or the hub, trained or with random weights."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from seqbench.errors import ModelError, ModelNotFoundError
from seqbench.identity import ModelIdentity, Settings
from seqbench.models.base import EmbedOptions
from seqbench.models.fingerprint import hash_files, support_files, weight_files
from seqbench.models.transformer import Transformer

Dtype = Literal["float32", "bfloat16", "float16"]

UNUSED_HEADS = ("pooler.", "contact_head.", "lm_head.")
"""Parts of base models that checkpoints often lack and that hidden states do not pass through."""

SMALL_FILES = ("*.json", "*.txt", "*.model", "*.py", "vocab*")
"""What is fetched of a hub repository beside its weights."""


@dataclass(frozen=True, kw_only=True)
class _Checkpoint:
    """A folder with a config, a tokenizer and perhaps weights."""

    name: str
    path: str
    dtype: Dtype = "bfloat16"
    revision: str | None = None
    trust_remote_code: bool = False
    options: EmbedOptions

    @cached_property
    def folder(self) -> Path:
        """The local directory; a hub repository is fetched, or taken from the cache when offline."""
        local = Path(self.path)
        if local.is_dir():
            if not (local / "config.json").is_file():
                raise ModelNotFoundError(f"model {self.name!r}: {local} has no config.json")
            return local
        return self._snapshot()

    def _snapshot(self) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        def fetch(*patterns: str) -> Path:
            return Path(snapshot_download(self.path, revision=self.revision, allow_patterns=list(patterns)))

        try:
            folder = fetch(*SMALL_FILES, "*.safetensors")
            return folder if weight_files(folder) else fetch(*SMALL_FILES, "pytorch_model*.bin")
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
            raise ModelNotFoundError(
                f"model {self.name!r}: {self.path} is no directory and can't be had from the hub{offline}: "
                f"{_first_line(error)}"
            ) from error

    @cached_property
    def config(self) -> Any:
        """The model's transformers config; of an encoder-decoder, the encoder's numbers hold."""
        from transformers import AutoConfig

        with self._faults():
            return AutoConfig.from_pretrained(self.folder, trust_remote_code=self.trust_remote_code)

    def declared(self) -> Settings:
        """Settings of the config; the limit of tokens only where the config sets it."""
        options = self.options
        known: Settings = {"dtype": self.dtype, "pooling": options.pooling, "overlong": options.overlong}
        return known if options.max_tokens is None else {**known, "max_tokens": options.max_tokens}

    def _identity(self, kind: str, fingerprint: str) -> ModelIdentity:
        local = Path(self.path).is_dir()
        text = self.config.get_text_config() if hasattr(self.config, "get_text_config") else self.config
        return ModelIdentity(
            name=self.name,
            kind=kind,
            path=self.path,
            revision=self.revision if local else self.folder.name,
            fingerprint=fingerprint,
            n_layers=int(text.num_hidden_layers) + 1,
            hidden=int(text.hidden_size),
        )

    def _transformer(self, model: Any, identity: ModelIdentity) -> Transformer:
        from transformers import AutoTokenizer

        with self._faults():
            tokenizer = AutoTokenizer.from_pretrained(
                self.folder, trust_remote_code=self.trust_remote_code, padding_side="right"
            )
        if self.config.is_encoder_decoder:
            model = model.get_encoder()
        model = model.to(dtype=getattr(torch, self.dtype), device=default_device()).eval()
        return Transformer(
            model=model,
            tokenizer=tokenizer,
            config=self.config,
            identity=identity,
            options=self.options,
            dtype=self.dtype,
        )

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn what transformers raises for a broken or unsafe folder into one line."""
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        except (OSError, ValueError, KeyError, ImportError, json.JSONDecodeError) as error:
            hint = " (set trust_remote_code: true if you trust it)" if "trust_remote" in str(error) else ""
            raise ModelError(
                f"model {self.name!r}: {self.path} can't be loaded: {_first_line(error)}{hint}"
            ) from error


@dataclass(frozen=True, kw_only=True)
class HuggingFace(_Checkpoint):
    """A trained model, with the weights of its folder or hub repository."""

    def identity(self) -> ModelIdentity:
        """Hash weights, config and tokenizer."""
        weights = weight_files(self.folder)
        if not weights:
            raise ModelNotFoundError(
                f"model {self.name!r}: {self.path} has no weights (*.safetensors or pytorch_model*.bin)"
            )
        fingerprint = hash_files([*weights, *support_files(self.folder)])
        return self._identity("huggingface", fingerprint)

    def load(self) -> Transformer:
        """Load the weights onto the device.

        Raises:
            ModelError: The folder can't be loaded, or lacks weights that hidden states depend on.
        """
        from transformers import AutoModel

        with self._faults():
            model, info = AutoModel.from_pretrained(
                self.folder,
                config=self.config,
                dtype=getattr(torch, self.dtype),
                trust_remote_code=self.trust_remote_code,
                output_loading_info=True,
            )
        lacking = sorted(key for key in info["missing_keys"] if not key.startswith(UNUSED_HEADS))
        if self.config.is_encoder_decoder:
            lacking = [key for key in lacking if not key.startswith("decoder.")]
        if lacking:
            raise ModelError(
                f"model {self.name!r}: the weights in {self.path} lack {len(lacking)} tensors of a "
                f"{type(model).__name__} (first: {lacking[0]}), which would be random numbers"
            )
        return self._transformer(model, self.identity())


@dataclass(frozen=True, kw_only=True)
class RandomInit(_Checkpoint):
    """The control that knows nothing: same architecture and tokenizer, seeded random weights."""

    seed: int = 0

    def identity(self) -> ModelIdentity:
        """Hash config, tokenizer and seed."""
        fingerprint = hash_files(support_files(self.folder), {"kind": "random-init", "seed": self.seed})
        return self._identity("random-init", fingerprint)

    def load(self) -> Transformer:
        """Draw the weights as the architecture's own initialisation does, on the CPU, in float32."""
        from transformers import AutoModel

        with self._faults(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = AutoModel.from_config(
                self.config, dtype=torch.float32, trust_remote_code=self.trust_remote_code
            )
        return self._transformer(model, self.identity())


def default_device() -> torch.device:
    """The first CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
