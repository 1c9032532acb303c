"""Models in the format of Hugging Face, from a directory or the hub, trained or with random weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from seqbench.core.identity import ModelIdentity
from seqbench.errors import ModelNotFoundError
from seqbench.models.adapter import (
    CONFIG,
    WEIGHTS,
    adapter_settings,
    base_of_adapter,
    check_adapter,
    merge_adapter,
)
from seqbench.models.checkpoint import BLOCKS, Checkpoint, LanguageHead
from seqbench.models.fingerprint import hash_files, support_files, weight_files
from seqbench.models.fit import check_weights


@dataclass(frozen=True, kw_only=True)
class HuggingFace(Checkpoint):
    """A trained model, with the weights of its folder or hub repository, and perhaps a LoRA adapter."""

    adapter: Path | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, config, tokenizer and adapter."""
        weights = weight_files(self.folder)
        if not weights:
            raise ModelNotFoundError(
                f"model {self.name!r}: {self.path} has no weights (model.safetensors, pytorch_model.bin, or "
                "an index of shards)"
            )
        files = [*weights, *support_files(self.folder)]
        if self.adapter is None:
            return hash_files(files)
        check_adapter(self.adapter)
        return hash_files([*files, self.adapter / WEIGHTS], {"adapter": adapter_settings(self.adapter)})

    def on_its_base(self) -> "HuggingFace":
        """The same; where `path` is a folder of adapters, as fine-tuning leaves it, their base with them.

        Raises:
            ModelError: The adapters' config names no base, or they are of another kind than LoRA.
        """
        folder = Path(self.path)
        is_whole = (folder / "config.json").is_file() or not (folder / CONFIG).is_file()
        if self.adapter is not None or not self.is_local or is_whole:
            return self
        base, revision = base_of_adapter(folder)
        return replace(self, path=base, revision=revision, adapter=folder)

    def identity(self) -> ModelIdentity:
        """Read config and fingerprint."""
        return self.describe("huggingface", self.fingerprint)

    def whole(self, head: LanguageHead | None = None, note: Callable[[str], None] = lambda text: None) -> Any:
        """See `Checkpoint.whole`."""
        import torch

        auto, arguments = self.auto_class(head)
        with self.faults(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # of a head that the checkpoint lacks
            model, info = auto.from_pretrained(
                self.folder,
                config=self.fresh_config(),
                dtype=torch.float32 if self.adapter else getattr(torch, self.dtype),
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # told of by check_weights, by name and shape
                **arguments,
            )
            bare = bare_model(model)
            check_weights(
                f"model {self.name!r}: the weights in {self.path}",
                model,
                bare,
                info,
                blocks=self.number(BLOCKS),
                config=self.config,
            )
            if self.adapter is not None:
                merge_adapter(bare, self.adapter)
        start = f"{model.base_model_prefix}."
        lacking = [key for key in info["missing_keys"] if not key.startswith(start)]
        if head is not None and lacking:
            note(f"{self.name}: {self.path} has no head of a language model ({min(lacking)}), so it is drawn")
        return bare if head is None else model


@dataclass(frozen=True, kw_only=True)
class RandomInit(Checkpoint):
    """The control that knows nothing: same architecture and tokenizer, seeded random weights."""

    seed: int = 0
    fetch_weights: ClassVar[bool] = False

    @cached_property
    def fingerprint(self) -> str:
        """Hash of config, tokenizer and seed."""
        return hash_files(support_files(self.folder), {"kind": "random-init", "seed": self.seed})

    def identity(self) -> ModelIdentity:
        """Read config and fingerprint."""
        return self.describe("random-init", self.fingerprint)

    def whole(self, head: LanguageHead | None = None, note: Callable[[str], None] = lambda text: None) -> Any:
        """Draw the weights as the architecture's own initialisation does, on the CPU, in float32."""
        import torch

        auto, arguments = self.auto_class(head)
        with self.faults(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = auto.from_config(self.fresh_config(), dtype=torch.float32, **arguments)
            return bare_model(model) if head is None else model


def skeleton(source: Checkpoint) -> Any:
    """A checkpoint's bare model without weights, for the names of its parts; it can't be run.

    Raises:
        ModelError: Its code can't be run without weights.
    """
    import torch

    auto, arguments = source.auto_class()
    with source.faults(), torch.random.fork_rng(devices=[]), torch.device("meta"):
        return bare_model(auto.from_config(source.fresh_config(), **arguments))


def bare_model(model: Any) -> Any:
    """The model without a head: custom code may offer task models alone.

    Raises:
        ValueError: It is a task model that does not say which part is the bare model.
    """
    if model.get_output_embeddings() is None:
        return model
    if model.base_model is model:
        raise ValueError(
            f"its code offers {type(model).__name__} alone, whose base_model_prefix names no bare model in it"
        )
    return model.base_model
