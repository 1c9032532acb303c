"""A folder in which examples run: a small model, data sets, a config, and what comes of it."""

import json
import shutil
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from seqbench.cli.main import app
from tests.data import write_split
from tests.tiny import letter_tokenizer

CONFIG = """\
models:
  - {path: checkpoints/dna-bert, dtype: float32}
  - {kind: kmer, k: 2}
datasets: {root: data}
probe: {heads: [linear], seeds: [1], save_heads: heads}
"""
ITEMS = {"train": 80, "eval": 30, "test": 40}


def make_world(folder: Path) -> None:
    """Fill a folder: `checkpoints/dna-bert`, `data/{promoters,expression}`, `my.yaml` and what a run leaves.

    `variants.csv` has sequences and values of `expression`.
    The model has six blocks of width 16; both data sets have tens of items. The run leaves a store, a catalog
    with a copy, `other.duckdb`, and trained heads.
    """
    _save_model(folder / "checkpoints" / "dna-bert")
    for split, items in ITEMS.items():
        write_split(folder / "data" / "promoters", split, items=items)
        _write_values(folder / "data" / "expression", split, items)
    promoters = (folder / "data" / "promoters" / "test.jsonl").read_text(encoding="utf-8")
    (folder / "new.jsonl").write_text(promoters, encoding="utf-8")
    _write_table(folder / "variants.csv", folder / "data" / "expression" / "train.jsonl")
    (folder / "my.yaml").write_text(CONFIG, encoding="utf-8")
    for stage in ("extract", "probe"):
        done = CliRunner().invoke(app, [stage, str(folder / "my.yaml")])
        assert done.exit_code == 0, done.output
    shutil.copy(folder / "catalog.duckdb", folder / "other.duckdb")


def _save_model(folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertModel

    tokenizer = letter_tokenizer(specials_around=True, max_length=64)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=6,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertModel(config)
        for parameter in model.parameters():  # default initialisation leaves layers too alike
            parameter.data += 0.05 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _write_values(folder: Path, split: str, items: int) -> None:
    """A regression: how much GC a sequence has, with some noise."""
    rng = np.random.default_rng([*split.encode()])
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for _ in range(items):
        sequence = "".join(rng.choice(list("ACGT"), 40))
        share = (sequence.count("G") + sequence.count("C")) / 40
        lines.append(json.dumps({"seq": sequence, "label": [round(share + rng.normal(0, 0.02), 4)]}))
    (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_table(path: Path, items: Path) -> None:
    rows = [json.loads(line) for line in items.read_text(encoding="utf-8").splitlines()]
    lines = [f"v{number},{row['seq']},{row['label'][0]}" for number, row in enumerate(rows)]
    path.write_text("\n".join(["mutant,sequence,activity", *lines]) + "\n", encoding="utf-8")
