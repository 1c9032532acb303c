"""Train the small model that ships for the demo: a masked language model of planted sequences.

The shipped weights came from `python scripts/train_demo_model.py seqbench/demo/model`. It sees sequences of
the rules of the demo's data sets, made from another seed, and no labels: what it knows comes from context.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import EsmConfig, EsmForMaskedLM, PreTrainedTokenizerFast

from seqbench.datasets.planted.rules import Sizes
from seqbench.datasets.planted.write import make_planted

VOCABULARY = ["<cls>", "<pad>", "<eos>", "<unk>", "A", "C", "G", "T", "N", "<mask>"]
PAD, MASK = VOCABULARY.index("<pad>"), VOCABULARY.index("<mask>")
RULES = ("planted_motif", "planted_motifs4", "planted_splice", "planted_variant")
LETTERS = slice(VOCABULARY.index("A"), VOCABULARY.index("T") + 1)


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a base, between `<cls>` and `<eos>`."""
    made = Tokenizer(models.WordLevel({token: i for i, token in enumerate(VOCABULARY)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    made.post_processor = processors.TemplateProcessing(
        single="<cls> $A <eos>", special_tokens=[("<cls>", 0), ("<eos>", 2)]
    )
    names = {"cls_token": "<cls>", "pad_token": "<pad>", "eos_token": "<eos>"}
    names |= {"unk_token": "<unk>", "mask_token": "<mask>"}
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=514, **names)


def corpus(items: int, seed: int, longest: int) -> list[str]:
    """Sequences of the planted rules that have motifs or sites to learn, labels thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        made = make_planted(
            Path(folder),
            RULES,
            seed,
            sizes=Sizes(train=items, eval=100, test=100, min_length=60, max_length=longest),
        )
        lines = [line for path in made for line in (path / "train.jsonl").read_text().splitlines()]
    items_read = [json.loads(line) for line in lines]
    return [value for item in items_read for key, value in item.items() if key.startswith("seq")]


def batch(sequences: list[str], size: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Random sequences as ids, padded to the longest: (B, T) ids and attention mask."""
    chosen = [sequences[i] for i in torch.randint(len(sequences), (size,), generator=generator).tolist()]
    table = {letter: index for index, letter in enumerate(VOCABULARY)}
    rows = [[0, *(table[letter] for letter in sequence), 2] for sequence in chosen]
    width = max(map(len, rows))
    ids = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
    return ids, (ids != PAD).long()


def train(steps: int, size: int, lr: float, seed: int) -> tuple[EsmForMaskedLM, float]:
    """Masked-language-model training, 15 % of the bases masked; AdamW, warm-up then cosine."""
    torch.manual_seed(seed)
    model = EsmForMaskedLM(
        EsmConfig(
            vocab_size=len(VOCABULARY), hidden_size=64, num_hidden_layers=4, num_attention_heads=4,
            intermediate_size=256, max_position_embeddings=514, position_embedding_type="rotary",
            pad_token_id=PAD, mask_token_id=MASK, token_dropout=False, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )  # fmt: skip
    # Short sequences first: motifs are a larger share of them, so there is more to learn from a step.
    short, long = (corpus(items=30_000, seed=1_000 + seed, longest=longest) for longest in (60, 200))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01, betas=(0.9, 0.98))
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * step / steps))
    )
    generator = torch.Generator().manual_seed(seed)
    began, mean_loss = time.perf_counter(), math.log(4)
    for step in range(steps):
        ids, mask = batch(short if step < 0.9 * steps else long, size, generator)
        hidden = (
            (torch.rand(ids.shape, generator=generator) < 0.15)
            & (ids >= LETTERS.start)
            & (ids < LETTERS.stop)
        )
        logits = model(input_ids=ids.masked_fill(hidden, MASK), attention_mask=mask).logits
        loss = torch.nn.functional.cross_entropy(logits[hidden], ids[hidden])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        rate.step()
        mean_loss = 0.99 * mean_loss + 0.01 * loss.item()
        if step % 100 == 99:
            print(
                f"step {step + 1}/{steps} loss {mean_loss:.4f} ({time.perf_counter() - began:.0f} s)",
                flush=True,
            )
    return model, mean_loss


def main() -> None:
    """Train and write config, bfloat16 weights, tokenizer, and a note on how they came about."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, loss = train(arguments.steps, arguments.batch, arguments.lr, arguments.seed)
    model.esm.contact_head = None
    model.to(torch.bfloat16).save_pretrained(arguments.folder)
    tokenizer().save_pretrained(arguments.folder)
    note = {"steps": arguments.steps, "batch": arguments.batch, "lr": arguments.lr, "seed": arguments.seed}
    (arguments.folder / "training.json").write_text(json.dumps({**note, "loss": round(loss, 4)}) + "\n")


if __name__ == "__main__":
    main()
