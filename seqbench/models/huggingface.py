"""Models in the format of Hugging Face, from a directory or the hub, trained or with random weights."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seqbench.errors import ModelError, ModelNotFoundError
from seqbench.identity import ModelIdentity, Settings
from seqbench.models.base import EmbedOptions
from seqbench.models.fingerprint import hash_files, support_files, weight_files
from seqbench.vocabulary import Dtype

if TYPE_CHECKING:
    from seqbench.models.transformer import Transformer

UNUSED_HEADS = ("pooler.", "contact_head.", "lm_head.")
"""Parts of base models that checkpoints often lack and that hidden states do not pass through."""

SMALL_FILES = ("*.json", "*.txt", "*.model", "*.py", "vocab*")
"""What is fetched of a hub repository beside its weights."""

TOKENIZER_FILES = ("tokenizer*", "vocab*", "*.model")
"""Without any of these transformers makes up a tokenizer that knows no letter."""


@dataclass(frozen=True, kw_only=True)
class _Checkpoint:
    """A folder with a config, a tokenizer and perhaps weights."""

    name: str
    path: str
    dtype: Dtype = "bfloat16"
    revision: str | None = None
    trust_remote_code: bool = False
    options: EmbedOptions
    fetch_weights: ClassVar[bool] = True

    @property
    def is_local(self) -> bool:
        """Whether the path is a directory: configs make those absolute, a hub id never is."""
        return Path(self.path).is_absolute()

    @cached_property
    def folder(self) -> Path:
        """The local directory; a hub repository is fetched, or taken from the cache when offline.

        Raises:
            ModelNotFoundError: There is no such directory or repository, or files are missing from it.
        """
        folder = Path(self.path) if self.is_local else self._snapshot()
        if not (folder / "config.json").is_file():
            raise ModelNotFoundError(f"model {self.name!r}: {folder} has no config.json")
        if not any(path for pattern in TOKENIZER_FILES for path in folder.glob(pattern)):
            raise ModelNotFoundError(
                f"model {self.name!r}: {folder} has no tokenizer (save it there beside the model)"
            )
        return folder

    def _snapshot(self) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        def fetch(*patterns: str) -> Path:
            return Path(snapshot_download(self.path, revision=self.revision, allow_patterns=list(patterns)))

        try:
            if not self.fetch_weights:
                return fetch(*SMALL_FILES)
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
        """The settings of the config; what `auto` comes to is known when the model is loaded."""
        return {
            "dtype": self.dtype,
            "pooling": self.options.pooling,
            "overlong": self.options.overlong,
            "max_tokens_asked": self.options.max_tokens or "auto",
        }

    def _identity(self, kind: str, fingerprint: str) -> ModelIdentity:
        text = self.config.get_text_config() if hasattr(self.config, "get_text_config") else self.config
        for needed in ("num_hidden_layers", "hidden_size"):
            if not isinstance(getattr(text, needed, None), int):
                raise ModelError(f"model {self.name!r}: {self.path}/config.json says nothing of {needed}")
        return ModelIdentity(
            name=self.name,
            kind=kind,
            path=self.path,
            revision=self.revision if self.is_local else self.folder.name,
            fingerprint=fingerprint,
            n_layers=int(text.num_hidden_layers) + 1,
            hidden=int(text.hidden_size),
        )

    def _transformer(self, model: Any, identity: ModelIdentity) -> "Transformer":
        import torch
        from transformers import AutoTokenizer

        from seqbench.models.transformer import Transformer, default_device

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
        except Exception as error:  # whatever transformers raises here is about the user's folder
            hint = " (set trust_remote_code: true if you trust it)" if "trust_remote" in str(error) else ""
            raise ModelError(
                f"model {self.name!r}: {self.path} can't be loaded: {_first_line(error)}{hint}"
            ) from error


@dataclass(frozen=True, kw_only=True)
class HuggingFace(_Checkpoint):
    """A trained model, with the weights of its folder or hub repository."""

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, config and tokenizer."""
        weights = weight_files(self.folder)
        if not weights:
            raise ModelNotFoundError(
                f"model {self.name!r}: {self.path} has no weights (*.safetensors or pytorch_model*.bin)"
            )
        return hash_files([*weights, *support_files(self.folder)])

    def identity(self) -> ModelIdentity:
        """Read config and fingerprint."""
        return self._identity("huggingface", self.fingerprint)

    def load(self) -> "Transformer":
        """Load the weights onto the device.

        Raises:
            ModelError: The folder can't be loaded, or lacks weights that hidden states depend on.
        """
        import torch
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
    fetch_weights: ClassVar[bool] = False

    @cached_property
    def fingerprint(self) -> str:
        """Hash of config, tokenizer and seed."""
        return hash_files(support_files(self.folder), {"kind": "random-init", "seed": self.seed})

    def identity(self) -> ModelIdentity:
        """Read config and fingerprint."""
        return self._identity("random-init", self.fingerprint)

    def load(self) -> "Transformer":
        """Draw the weights as the architecture's own initialisation does, on the CPU, in float32."""
        import torch
        from transformers import AutoModel

        with self._faults(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = AutoModel.from_config(
                self.config, dtype=torch.float32, trust_remote_code=self.trust_remote_code
            )
        return self._transformer(model, self.identity())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
