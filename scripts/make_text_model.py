#!/usr/bin/env python
"""Make a small BERT with random weights, and a WordPiece tokenizer trained on corpora of text.

python scripts/make_text_model.py checkpoints/bert-small corpora/biomed.jsonl corpora/finance.jsonl

Takes some 20 seconds for 6 MB of text. The model learns language by `seqbench adapt`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from seqbench.corpora.corpus import open_corpus
from seqbench.corpora.source import CorpusSource

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def main() -> None:
    """Read the arguments and make the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="Where the model goes.")
    parser.add_argument("corpora", type=Path, nargs="+", help="Files of text.")
    parser.add_argument("--key", help="Key or column of the text.")
    parser.add_argument("--vocabulary", type=int, default=8000, help="Tokens.")
    parser.add_argument("--hidden", type=int, default=192, help="Width.")
    parser.add_argument("--blocks", type=int, default=4, help="Blocks.")
    parser.add_argument("--longest", type=int, default=256, help="Tokens of a window.")
    parser.add_argument("--seed", type=int, default=0, help="Of the weights.")
    given = parser.parse_args()
    tokenizer = train_tokenizer(given.corpora, given.key, given.vocabulary, given.longest)
    model = make_model(len(tokenizer), given.hidden, given.blocks, given.longest, given.seed)
    model.save_pretrained(given.folder)
    tokenizer.save_pretrained(given.folder)
    print(f"{given.folder}: {model.num_parameters():,} parameters, {len(tokenizer):,} tokens")


def documents(paths: list[Path], key: str | None) -> Iterator[str]:
    """All texts that are not empty."""
    for path in paths:
        for _, text in open_corpus(CorpusSource(name=path.stem, path=path, key=key)).documents():
            yield text


def train_tokenizer(paths: list[Path], key: str | None, size: int, longest: int) -> object:
    """A WordPiece tokenizer of lower-cased text, as BERT's."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizerFast

    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(
        documents(paths, key), vocab_size=size, special_tokens=SPECIALS, show_progress=False
    )
    return BertTokenizerFast(tokenizer_object=trained._tokenizer, model_max_length=longest)


def make_model(size: int, hidden: int, blocks: int, longest: int, seed: int) -> object:
    """A BERT with the head of masked language modelling and seeded random weights."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(seed)
    return BertForMaskedLM(
        BertConfig(
            vocab_size=size,
            hidden_size=hidden,
            num_hidden_layers=blocks,
            num_attention_heads=max(1, hidden // 48),
            intermediate_size=4 * hidden,
            max_position_embeddings=longest,
            pad_token_id=0,
        )
    )


if __name__ == "__main__":
    main()
