"""A checkpoint's files: where they are, its config and tokenizer, and faults in them as one line."""

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from seqbench.core.alphabets import Alphabet
from seqbench.core.identity import ModelIdentity, Settings
from seqbench.core.kept import keep, recall
from seqbench.core.types import Dtype
from seqbench.errors import ModelError, ModelNotFoundError, SeqbenchError, said
from seqbench.models import adapter
from seqbench.models.base import EmbedOptions
from seqbench.models.consent import check_attention, code_arguments
from seqbench.models.fingerprint import hash_files, weight_files
from seqbench.models.limits import text_config
from seqbench.models.load_faults import explain
from seqbench.models.packages import import_package

if TYPE_CHECKING:
    from seqbench.models.transformer import Transformer

SMALL_FILES = ("*.json", "*.txt", "*.model", "*.py", "vocab*")
"""What is fetched of a hub repository beside its weights."""

TOKENIZER_FILES = ("tokenizer*", "vocab*", "*.model")
"""Without any of these transformers makes up a tokenizer that knows no letter."""

BLOCKS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
WIDTHS = ("hidden_size", "d_model", "n_embd", "dim")
"""Names in configs; those of transformers answer to the first, those of custom code to any."""

LanguageHead = Literal["AutoModelForMaskedLM", "AutoModelForCausalLM"]

AUTO_CLASSES = ("AutoModel", "AutoModelForMaskedLM", "AutoModelForCausalLM")
"""What custom code is asked for, in this order; of a task model the bare model inside is taken."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint(ABC):
    """A folder with a config, a tokenizer and perhaps weights."""

    name: str
    path: str
    dtype: Dtype = "bfloat16"
    revision: str | None = None
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    requires: str | None = None
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
            ModelError: The directory holds an adapter.
        """
        folder = Path(self.path) if self.is_local else self._snapshot()
        if (folder / adapter.CONFIG).is_file():  # transformers would apply it where peft is installed
            beside = (folder / "config.json").is_file()
            raise ModelError(
                f"model {self.name!r}: {folder} holds an adapter "
                + ("beside a model (move it to a folder of its own, " if beside else "(")
                + "set `path` to its base model and `adapter` to its folder)"
            )
        if not (folder / "config.json").is_file():
            raise ModelNotFoundError(
                f"model {self.name!r}: {folder} has no config.json (give a folder in the Hugging Face layout)"
            )
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
                f"{said(error)}"
            ) from error

    @cached_property
    def config(self) -> Any:
        """The model's transformers config; of an encoder-decoder, the encoder's numbers hold."""
        from transformers import AutoConfig

        if self.attn_implementation is None:
            check_attention(self.folder)
        if self.requires is not None:
            import_package(self.requires, self.name)
        with self.faults():
            return AutoConfig.from_pretrained(self.folder, **self._code)

    @cached_property
    def _code(self) -> dict[str, Any]:
        """What transformers is told about running code of the checkpoint."""
        revision = None if self.is_local else self.revision
        return code_arguments(self.folder, path=self.path, revision=revision, consents=self.trust_remote_code)

    def declared(self) -> Settings:
        """The settings of the config; what `auto` comes to is known when the model is loaded."""
        return {
            "dtype": self.dtype,
            "overlong": self.options.overlong,
            "max_tokens_asked": self.options.max_tokens,
            "special_tokens": self.options.special_tokens,
            "stride": self.options.stride,
        }

    def describe(self, kind: str, fingerprint: str) -> ModelIdentity:
        """What identifies the model, with the numbers of its config."""
        blocks, width = self._numbers()
        return ModelIdentity(
            name=self.name,
            kind=kind,
            path=self.path,
            revision=self.revision if self.is_local else self.folder.name,
            fingerprint=fingerprint,
            n_layers=blocks + 1,
            hidden=width,
        )

    def _numbers(self) -> tuple[int, int]:
        """Blocks and width; kept, since importing transformers to read a config takes seconds."""
        if self.attn_implementation is None:
            check_attention(self.folder)
        asked = None if "config" in self.__dict__ else self._asked_of_config()
        match recall("configs", asked) if asked else None:
            case [int(blocks), int(width)]:
                return blocks, width
        numbers = self.number(BLOCKS), self.number(WIDTHS)
        if asked:
            keep("configs", asked, numbers)
        return numbers

    def _asked_of_config(self) -> list[str] | None:
        """All that the numbers of a config depend on; None where that isn't known."""
        packages = ["transformers", *([self.requires] if self.requires else [])]
        try:
            versions = [version(package) for package in packages]
        except PackageNotFoundError:  # of a package that is named otherwise than what is imported of it
            return None
        files = [self.folder / "config.json", *sorted(self.folder.glob("*.py"))]
        return [hash_files(files, self._code | {"packages": packages, "keys": [BLOCKS, WIDTHS]}), *versions]

    def number(self, names: tuple[str, ...]) -> int:
        """The first of some keys of the config that is a number; of a composite config, of its text part.

        Raises:
            ModelError: None is.
        """
        text = text_config(self.config)
        values = [value for name in names if isinstance(value := getattr(text, name, None), int)]
        if values:
            return values[0]
        if latents := getattr(text, "num_latents", None):
            raise ModelError(
                f"model {self.name!r}: the blocks of a {type(text).__name__.removesuffix('Config')} see "
                f"{latents} latents instead of tokens, so none of its layers tells of a sequence's tokens "
                "(it can't be embedded; take it out of models)"
            )
        raise ModelError(
            f"model {self.name!r}: {self.path}/config.json says nothing of {names[0]} (nor of "
            f"{', '.join(names[1:])}; write it there if the model has such layers)"
        )

    def auto_class(self, head: LanguageHead | None = None) -> tuple[Any, dict[str, Any]]:
        """The Auto class that makes the bare model, or an encoder alone, and its common arguments.

        Args:
            head: The class of a language model, which is taken instead.

        Raises:
            ModelError: transformers knows no such attention.
        """
        import transformers

        arguments: dict[str, Any] = dict(self._code)
        if self.attn_implementation is not None:
            self._check_attention(self.attn_implementation)
            arguments["attn_implementation"] = self.attn_implementation
        if head is not None:
            return getattr(transformers, head), arguments
        custom = getattr(self.config, "auto_map", None) or {}
        if self.trust_remote_code and custom:
            name = next((name for name in AUTO_CLASSES if name in custom), "AutoModel")
            return getattr(transformers, name), arguments
        if self._has_encoder_class:
            return transformers.AutoModelForTextEncoding, arguments  # T5 and its kin, without the decoder
        return transformers.AutoModel, arguments

    @property
    def _has_encoder_class(self) -> bool:
        from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING as ENCODERS

        kind = type(self.config)
        return kind in ENCODERS and getattr(ENCODERS[kind], "__name__", "").endswith("EncoderModel")

    def _check_attention(self, wanted: str) -> None:
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

        from seqbench.models import attention

        theirs = (
            name
            for name in ALL_ATTENTION_FUNCTIONS.valid_keys()
            if "|" not in name and name != attention.NAME
        )
        known = ["eager", *sorted(theirs)]
        if wanted not in known:
            raise ModelError(
                f"model {self.name!r}: attn_implementation {wanted!r} is unknown; transformers knows "
                f"{', '.join(known)}"
            )

    def fresh_config(self) -> Any:
        """A copy of the config for a model to keep: some change it."""
        config = copy.deepcopy(self.config)
        if self._has_encoder_class:
            config.is_encoder_decoder = False  # T5GemmaEncoderModel refuses to be made of any other
        return config

    @abstractmethod
    def whole(self, head: LanguageHead | None = None, note: Callable[[str], None] = lambda text: None) -> Any:
        """The model with its weights on the CPU, an adapter merged; of most encoder-decoders all of it.

        Args:
            head: The Auto class of a language model; None for the bare model.
            note: Told that the checkpoint lacks the head, which is drawn then.

        Raises:
            ModelError: The folder can't be loaded, lacks weights that hidden states depend on, or holds
                blocks that its config does not tell of; or the adapter does not fit.
        """

    @abstractmethod
    def identity(self) -> ModelIdentity:
        """What identifies the model."""

    def load(self) -> "Transformer":
        """Load the model, which goes to the device when it is tried.

        Raises:
            ModelError: The folder can't be loaded, lacks weights that hidden states depend on, or holds
                blocks that its config does not tell of; or the adapter does not fit.
        """
        return self.transformer(self.whole(), self.identity())

    def transformer(self, model: Any, identity: ModelIdentity) -> "Transformer":
        """A bare model that goes to the device when it has been tried, with the checkpoint's tokenizer."""
        import torch
        from transformers import AutoTokenizer

        from seqbench.models.transformer import Transformer, default_device

        with self.faults():
            tokenizer = AutoTokenizer.from_pretrained(self.folder, **self._code)
        if self.config.is_encoder_decoder or type(model).__name__.endswith("EncoderModel"):
            model = model.get_encoder()
        model = model.to(dtype=getattr(torch, self.dtype)).eval()
        return Transformer(
            model=model,
            tokenizer=tokenizer,
            config=self.config,
            identity=identity,
            options=self.options,
            dtype=self.dtype,
            device=default_device(),
        )

    def tokens_per_letter(self, sequences: Sequence[str], alphabet: Alphabet) -> float:
        """How many tokens of its own the tokenizer makes of a letter, on average over some sequences.

        Raises:
            ModelError: The tokenizer can't be loaded, or does not tell which letters its tokens stand for.
        """
        from transformers import AutoTokenizer

        from seqbench.models.tokens import Tokens

        with self.faults():
            tokenizer = AutoTokenizer.from_pretrained(self.folder, **self._code)
        tokens = Tokens(tokenizer, limit=None, overlong="window", alphabet=alphabet)
        return sum(map(len, tokens.spans(sequences))) / max(1, sum(map(len, sequences)))

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn what transformers raises for a broken or unsafe folder into one line."""
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        except SeqbenchError:
            raise
        except Exception as error:  # whatever transformers raises here is about the user's folder
            why = explain(error, self.folder)
            raise ModelError(f"model {self.name!r}: {self.path} can't be loaded: {why}") from error
