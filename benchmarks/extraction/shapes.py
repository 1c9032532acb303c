"""The models that are benchmarked: shapes with random weights, their tokenizer, and what a sequence costs.

Letters: T tokens of a sequence, H hidden width.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModel, BertConfig, LlamaConfig, PreTrainedTokenizerFast
from transformers.utils import logging

VOCABULARY = ["<cls>", "<pad>", "<eos>", "<unk>", "A", "C", "G", "T", "N", "<mask>"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large a transformer is."""

    family: Literal["bert", "llama"]
    blocks: int
    hidden: int
    heads: int
    intermediate: int
    kv_heads: int | None = None
    """Heads of keys and values; None for as many as heads."""
    positions: int = 640
    """Tokens of the longest input; a BERT has a table of so many."""

    @property
    def specials(self) -> int:
        """Special tokens that its tokenizer puts around a sequence."""
        return 2 if self.family == "bert" else 0

    def flops(self, tokens: Iterable[int]) -> float:
        """Floating-point operations of all blocks over sequences of so many tokens, padding not counted.

        A multiplication and an addition are two. Per token and block the projections of attention take
        2 · (2 H² + 2 H · kv) and the MLP 2 · m · H · I, with kv the width of keys and values, I the
        intermediate width, and m = 2 matrices in a BERT, 3 in a gated MLP: for a BERT with I = 4 H that is
        2 · 12 H².
        Scores and weighted sum of attention take 4 · T · H per token and block, T being the sequence's own
        tokens; half of it in a decoder, whose tokens see only those before. Embeddings, norms and softmax,
        a per cent or so, are left out.
        """
        kv = self.hidden * (self.kv_heads or self.heads) // self.heads
        matrices = 3 if self.family == "llama" else 2
        per_token = 2 * (
            2 * self.hidden**2 + 2 * self.hidden * kv + matrices * self.hidden * self.intermediate
        )
        attended = 2 if self.family == "llama" else 4
        return float(sum(self.blocks * (per_token * n + attended * n * n * self.hidden) for n in tokens))

    def config(self) -> Any:
        """The shape as transformers has it."""
        common = {
            "vocab_size": len(VOCABULARY),
            "hidden_size": self.hidden,
            "num_hidden_layers": self.blocks,
            "num_attention_heads": self.heads,
            "intermediate_size": self.intermediate,
            "max_position_embeddings": self.positions,
            "pad_token_id": VOCABULARY.index("<pad>"),
        }
        if self.family == "bert":
            return BertConfig(**common)
        ids = {"bos_token_id": VOCABULARY.index("<cls>"), "eos_token_id": VOCABULARY.index("<eos>")}
        return LlamaConfig(**common, **ids, num_key_value_heads=self.kv_heads or self.heads)

    def save(self, folder: Path) -> Path:
        """Write config, weights of seed 0 in float32, and tokenizer; what is there already is kept."""
        if not (folder / "config.json").is_file():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                logging.disable_progress_bar()
                AutoModel.from_config(self.config()).save_pretrained(folder)
            self._tokenizer().save_pretrained(folder)
        return folder

    def _tokenizer(self) -> PreTrainedTokenizerFast:
        """One token a base; between `<cls>` and `<eos>` for a BERT, bare for a decoder."""
        ids = {token: index for index, token in enumerate(VOCABULARY)}
        made = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
        made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
        if self.specials:
            made.post_processor = processors.TemplateProcessing(
                single="<cls> $A <eos>", special_tokens=[("<cls>", ids["<cls>"]), ("<eos>", ids["<eos>"])]
            )
        names = {"cls_token": "<cls>", "pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}
        return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=self.positions, **names)


SMALL_BERT = Shape(family="bert", blocks=6, hidden=256, heads=4, intermediate=1024)
"""The model of the issue's table: BERT, 6 blocks, 256 wide."""
DEEP_BERT = Shape(family="bert", blocks=12, hidden=256, heads=4, intermediate=1024)
NARROW_BERT = Shape(family="bert", blocks=12, hidden=64, heads=2, intermediate=256)
TINY_BERT = Shape(family="bert", blocks=1, hidden=32, heads=2, intermediate=64)
LONG_LLAMA = Shape(family="llama", blocks=2, hidden=64, heads=2, intermediate=256, positions=2**20)
BERT_BASE = Shape(family="bert", blocks=12, hidden=768, heads=12, intermediate=3072, positions=8192)
LLAMA_1B = Shape(
    family="llama", blocks=16, hidden=2048, heads=32, kv_heads=8, intermediate=8192, positions=8192
)
