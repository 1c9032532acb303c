"""Tokenizers of every kind that models of DNA, RNA and proteins use, made in memory."""

from itertools import product
from pathlib import Path
from typing import Any

SPECIALS = ["<pad>", "<unk>", "<cls>", "<eos>"]
RESIDUES = "ACDEFGHIKLMNPQRSTVWYX"


def wrap(tokenizer: Any, *, around: bool = True, **names: Any) -> Any:
    """A tokenizer of the tokenizers library as one of transformers, perhaps with `<cls> … <eos>` around."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    if around:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<cls> $A <eos>", special_tokens=[("<cls>", 2), ("<eos>", 3)]
        )
        names = {"cls_token": "<cls>", "pad_token": "<pad>", **names}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **{"unk_token": "<unk>", **names})


def characters(letters: str = "ACGTN", **names: Any) -> Any:
    """One token a letter."""
    from tokenizers import Regex, Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel

    tokenizer = Tokenizer(WordLevel(_numbered(letters), unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    return wrap(tokenizer, **names)


def words_between_spaces(words: list[str]) -> Any:
    """As BertTokenizer with a vocabulary of single residues (ProtBert) or of k-mers (DNABERT)."""
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordPiece

    tokenizer = Tokenizer(WordPiece(_numbered(words), unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return wrap(tokenizer)


def kmers(k: int) -> Any:
    """The vocabulary of DNABERT: all k-mers."""
    return words_between_spaces(["".join(word) for word in product("ATCG", repeat=k)])


def sentencepiece() -> Any:
    """As ProtT5: residues that begin a word, `</s>` behind, nothing before."""
    from tokenizers import Tokenizer, pre_tokenizers, processors
    from tokenizers.models import Unigram

    pieces = [
        (piece, 0.0 if piece in SPECIALS else -1.0) for piece in [*SPECIALS, *("▁" + r for r in RESIDUES)]
    ]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=1))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 3)])
    return wrap(tokenizer, around=False, eos_token="<eos>", pad_token="<pad>")


def bpe() -> Any:
    """Byte pairs, as DNABERT-2: merges of two to four letters."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    merges = [("A", "T"), ("C", "G"), ("AT", "CG"), ("G", "G")]
    vocabulary = _numbered([*"ACGTN", "AT", "CG", "ATCG", "GG"])
    return wrap(Tokenizer(BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True)))


def characters_with_one_long_token() -> Any:
    """A WordPiece that reads letters, and one word of nine letters that random sequences hardly hold."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece

    letters = "ACGTN"
    vocabulary = _numbered([*letters, *("##" + letter for letter in letters), "##GATTACAGA"])
    return wrap(Tokenizer(WordPiece(vocabulary, unk_token="<unk>", max_input_chars_per_word=10**6)))


class GivesUp:
    """A character tokenizer that makes one unknown token of a sequence over a length, as WordPiece does."""

    def __init__(self, length: int) -> None:
        self.inner, self.length = characters(), length
        self.unk_token_id, self.pad_token_id = 1, None

    def __call__(self, texts: list[str], **options: Any) -> dict[str, list[list[int]]]:
        ids = self.inner(texts, **options)["input_ids"]
        return {
            "input_ids": [
                [1] if len(text) > self.length else each for text, each in zip(texts, ids, strict=True)
            ]
        }


class Codons:
    """As multimolecule 0.2.2's RnaTokenizer(codon=True): refuses what is no multiple of three letters."""

    def __init__(self, unit: int = 3) -> None:
        self.unit = unit
        self.unk_token_id, self.pad_token_id = 1, 0

    def __call__(self, texts: list[str], *, add_special_tokens: bool, **rest: Any) -> dict[str, Any]:
        for text in texts:
            if len(text) % self.unit:
                raise ValueError(
                    f"length of input sequence must be a multiple of {self.unit}, got {len(text)}"
                )
        around = ([2], [3]) if add_special_tokens else ([], [])
        return {"input_ids": [[*around[0], *self._words(text), *around[1]] for text in texts]}

    def _words(self, text: str) -> list[int]:
        starts = range(0, len(text), self.unit)
        return [self._number(text[start : start + self.unit]) for start in starts]

    def _number(self, word: str) -> int:
        if not set(word) <= set("ACGU"):
            return 1
        return 4 + sum("ACGU".index(letter) * 4**power for power, letter in enumerate(word))


def letters_or_nothing() -> Any:
    """Byte pairs without an unknown token: what the vocabulary lacks is left out in silence."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    return wrap(Tokenizer(BPE(_numbered("ACGT"), [])), unk_token=None)


def esm(folder: Path, words: list[str]) -> Any:
    """The tokenizer class of ESM-2 (residues) and of the Nucleotide Transformer (6-mers and letters)."""
    from transformers import EsmTokenizer

    (folder / "vocab.txt").write_text("\n".join(["<cls>", "<pad>", "<eos>", "<unk>", *words, "<mask>"]))
    return EsmTokenizer(str(folder / "vocab.txt"))


def python_bytes() -> Any:
    """ByT5's: pure Python, one token a byte."""
    from transformers import ByT5Tokenizer

    return ByT5Tokenizer()


def _numbered(words: Any) -> dict[str, int]:
    return {word: index for index, word in enumerate([*SPECIALS, *words])}
