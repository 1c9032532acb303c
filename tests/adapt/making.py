"""Tiny language models of real families, and a corpus of DNA with something to learn."""

import json
import random
from pathlib import Path
from typing import Any

from seqbench.adapt.batches import ExampleMaker
from seqbench.config.adapt import AdaptConfig
from seqbench.models.base import EmbedOptions
from seqbench.models.huggingface import HuggingFace
from seqbench.tuning.trainable import TrainableModel, objective_of, open_language_model
from tests.tiny import DECODERS, FAMILIES, LETTERS, SPECIALS, letter_tokenizer

HEADS = {"mlm": "AutoModelForMaskedLM", "clm": "AutoModelForCausalLM"}


def save_language_model(family: str, folder: Path, *, max_length: int = 64, **changed: Any) -> Path:
    """Write config, seeded weights with the head, and a tokenizer of letters with a mask token."""
    import torch
    import transformers

    name, parameters = FAMILIES[family]
    tokenizer = letter_tokenizer(specials_around=family not in DECODERS, max_length=max_length)
    tokenizer.add_special_tokens({"mask_token": "<mask>"})
    ids = {"bos_token_id": 2 if family == "modernbert" else None, "eos_token_id": 3, "mask_token_id": 25}
    vocabulary = {"vocab_size": len(SPECIALS) + len(LETTERS) + 1, "pad_token_id": 0}
    config = getattr(transformers, name)(**{**vocabulary, **ids, **parameters, **changed})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        auto = getattr(transformers, HEADS["clm" if family in DECODERS else "mlm"])
        model = auto.from_config(config)
        for parameter in model.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def source(folder: Path) -> HuggingFace:
    return HuggingFace(name=folder.name, path=str(folder), dtype="float32", options=EmbedOptions())


def opened(folder: Path, **entry: Any) -> tuple[TrainableModel, ExampleMaker]:
    """A model and what makes examples for it."""
    objective = objective_of(source(folder))
    model = open_language_model(source(folder), objective, "dna")
    return model, ExampleMaker(model, objective, adaptation(folder, **entry), "dna")


def adaptation(folder: Path, **changed: Any) -> AdaptConfig:
    """An entry of `adapt` with the corpus beside the model."""
    small = {"steps": 12, "warmup_steps": 2, "lr": 1e-3, "tokens_per_batch": 512, "dtype": "float32"}
    corpora = [{"path": folder.parent / "corpus.jsonl"}]
    entry = {"name": "adapted", "model": folder.name, "corpora": corpora, **small, **changed}
    return AdaptConfig.model_validate(entry)


def write_corpus(path: Path, *, documents: int = 120, seed: int = 0, letters: str = "ACGT") -> Path:
    """Documents of DNA in which most letters follow from the one before."""
    draw = random.Random(seed)
    lines = []
    for _ in range(documents):
        text = draw.choice(letters)
        for _ in range(draw.randrange(20, 90)):
            step = 1 if draw.random() < 0.8 else draw.randrange(len(letters))
            text += letters[(letters.index(text[-1]) + step) % len(letters)]
        lines.append(json.dumps({"seq": text}))
    path.write_text("\n".join(lines) + "\n")
    return path
