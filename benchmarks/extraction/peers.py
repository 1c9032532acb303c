"""The contenders: the reference loop, and sentence-transformers' encode.

Shape letters: N sequences, B sequences in a batch, T tokens, H hidden width.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoModel, AutoTokenizer

REFERENCE_BATCH = 8
BATCH_SIZES = (8, 16, 32, 64)


class ReferenceLoop:
    """Extraction as the reference system does it, written from its description.

    It reads a split's JSONL, goes through it in file order in batches of 8 padded to the longest, asks for
    all hidden states, averages each over the attention mask in the model's dtype, keeps all of it as float32
    in memory and saves a `.pt` a layer. The mask is *not* given to the model, as there: that makes it faster
    and lets padding leak into embeddings.
    """

    def __init__(self, model: Path, dtype: torch.dtype, device: torch.device) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(model)
        self._model = AutoModel.from_pretrained(model, dtype=dtype).to(device).eval()
        self._device = device

    def extract(self, dataset: Path, out: Path) -> float:
        """Extract the splits of a data set, all layers, and give the seconds that it took."""
        began = time.perf_counter()
        out.mkdir(parents=True, exist_ok=True)
        for split in ("train", "test"):
            self._split(dataset / f"{split}.jsonl", out, f"{dataset.name}-{{layer}}layer_{split}.pt")
        return time.perf_counter() - began

    def _split(self, path: Path, out: Path, name: str) -> None:
        items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        labels = torch.tensor([item["label"] for item in items])
        layers: list[list[torch.Tensor]] = []
        for start in range(0, len(items), REFERENCE_BATCH):
            pooled = self._batch([item["seq"] for item in items[start : start + REFERENCE_BATCH]])
            layers = layers or [[] for _ in pooled]
            for kept, rows_BH in zip(layers, pooled, strict=True):
                kept.append(rows_BH)
        for layer, kept in enumerate(layers):
            torch.save({"embeddings": torch.cat(kept), "labels": labels}, out / name.format(layer=layer))

    @torch.no_grad()
    def _batch(self, sequences: list[str]) -> list[torch.Tensor]:
        encoded = self._tokenizer(sequences, padding=True, return_tensors="pt").to(self._device)
        hidden_states = self._model(encoded["input_ids"], output_hidden_states=True).hidden_states
        mask_BT1 = encoded["attention_mask"].unsqueeze(-1)
        return [
            ((hidden_BTH * mask_BT1).sum(1) / mask_BT1.sum(1)).float().cpu() for hidden_BTH in hidden_states
        ]


class LastLayer:
    """sentence-transformers: mean pooling of the last layer, all that it offers; nothing is written."""

    def __init__(self, model: Path, dtype: torch.dtype, device: torch.device, longest: int) -> None:
        transformer = Transformer(str(model), model_kwargs={"dtype": dtype}, max_seq_length=longest)
        width = transformer.get_embedding_dimension()
        self._model = SentenceTransformer(modules=[transformer, Pooling(width, "mean")], device=str(device))
        self.batch_size = REFERENCE_BATCH
        self.rows_NH: NDArray[Any] = np.empty((0, width))

    def rows(self) -> NDArray[Any]:
        """What was encoded last, (N, H)."""
        return self.rows_NH

    def choose_batch_size(self, sequences: Sequence[str], rounds: int) -> str:
        """Take the fastest batch size, and tell what each of them took.

        Args:
            sequences: A part of the data set.
            rounds: How often each size is tried, in turns; the best counts.
        """
        self.encode(sequences[: REFERENCE_BATCH * 2])
        seconds = dict.fromkeys(BATCH_SIZES, float("inf"))
        for _ in range(rounds):
            for size in BATCH_SIZES:
                self.batch_size = size
                try:
                    seconds[size] = min(seconds[size], self.encode(sequences))
                except torch.OutOfMemoryError:  # a large batch of long sequences; the smaller ones count
                    torch.cuda.empty_cache()
        self.batch_size = min(seconds, key=lambda size: seconds[size])
        tried = ", ".join(f"{size}: {took:.2f} s" for size, took in seconds.items())
        return f"batches of {self.batch_size} (tried on {len(sequences)} sequences: {tried})"

    def encode(self, sequences: Sequence[str]) -> float:
        """Encode from a list in memory, keep the rows, and give the seconds that it took."""
        began = time.perf_counter()
        self.rows_NH = np.asarray(
            self._model.encode(
                list(sequences),
                batch_size=self.batch_size,
                show_progress_bar=False,
                normalize_embeddings=False,
            )
        )
        return time.perf_counter() - began
