"""Which letters of a sequence each of its tokens stands for.

Shape letters: T tokens of a sequence.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import ModelError
from seqbench.models.writing import Ids, SequenceWriter

MARKS = ("##", "▁", "Ġ")
"""What WordPiece, SentencePiece and byte-level BPE put before a token's text."""

NO_SPANS = np.zeros((0, 2), dtype=np.int32)


def by_letter(n_tokens: int, width: int = 1, step: int = 1) -> NDArray[np.int32]:
    """Tokens of so many letters, each beginning so many letters after the one before; (T, 2)."""
    start_T = np.arange(n_tokens, dtype=np.int32) * np.int32(step)
    return np.stack([start_T, start_T + np.int32(width)], axis=1)


def letter_spans(
    writer: SequenceWriter, sequences: Sequence[str], ids: Sequence[Ids]
) -> list[NDArray[np.int32]]:
    """Find the letters of each token: by words, as the tokenizer itself tells, or by the tokens' texts.

    Args:
        writer: The tokenizer as it is used.
        sequences: Of letters.
        ids: Their tokens, as the writer encodes them; none of those that it refuses.

    Returns:
        For each sequence (T, 2): a token's first letter and the one behind its last.

    Raises:
        ModelError: None of these tells it.
    """
    word = writer.style.word
    found: list[NDArray[np.int32] | None] = [
        _by_word(len(sequence), len(own), word) for sequence, own in zip(sequences, ids, strict=True)
    ]
    rest = [at for at, spans in enumerate(found) if spans is None]
    told = writer.offsets([sequences[at] for at in rest]) if rest else []
    for place, at in enumerate(rest):
        spans = None if told is None else _of_letters(told[place], word)
        if spans is None or len(spans) != len(ids[at]):
            spans = _by_text(writer, sequences[at], ids[at])
        found[at] = spans
    return [spans for spans in found if spans is not None]


def _by_word(n_letters: int, n_tokens: int, word: int) -> NDArray[np.int32] | None:
    """Where each overlapping word, or each spaced letter, became one token."""
    if not n_tokens:
        return NO_SPANS
    if word and n_tokens == max(1, n_letters - word + 1):
        return by_letter(n_tokens, min(word, n_letters))
    return None


def _of_letters(offsets_T2: NDArray[np.int32], word: int) -> NDArray[np.int32]:
    """From places in the written text to letters: word w of k letters and a space begins at (k + 1) w."""
    if not word:
        return offsets_T2
    first_T, last_T = offsets_T2[:, 0], np.maximum(offsets_T2[:, 1] - 1, offsets_T2[:, 0])
    return np.stack(
        [first_T // (word + 1) + first_T % (word + 1), last_T // (word + 1) + last_T % (word + 1) + 1], axis=1
    ).astype(np.int32)


def _by_text(writer: SequenceWriter, sequence: str, ids: Ids) -> NDArray[np.int32]:
    """By count where letters or codons are tokens, else by following the tokens' texts along the letters."""
    if writer.style.word == 0 and len(ids) * writer.unit == len(sequence):
        return by_letter(len(ids), writer.unit, writer.unit)
    text, at = writer.write(sequence).replace(" ", "").casefold(), 0
    spans = []
    for token in writer.texts(ids):
        bare = token
        for mark in MARKS:
            bare = bare.removeprefix(mark)
        if writer.style.word > 1 or not text.startswith(bare.casefold(), at):
            raise ModelError(
                f"the tokenizer does not tell which letters its tokens stand for (at token {token!r}), which "
                "extract.tokens and labels of letters need (take the model out, or do without these)"
            )
        spans.append((at, at + len(bare)))
        at += len(bare)
    return np.asarray(spans, dtype=np.int32).reshape(-1, 2)
