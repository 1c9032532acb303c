"""Scoring new items with a trained head, piece by piece.

Shape letters: N items, S sequences of an item, H hidden width, K outputs.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqbench.config import ModelConfig
from seqbench.config.tokens import TOKEN_HEADS
from seqbench.core.combining import combined
from seqbench.core.progress import Advance, Reporter
from seqbench.core.types import Task
from seqbench.errors import DataError, ProbeError
from seqbench.predict.arrays import (
    FILES,
    is_stored,
    open_file,
    open_stored,
    open_stored_tokens,
    pieces,
)
from seqbench.predict.embedding import NO_MODEL, ItemEmbedder
from seqbench.predict.items import FASTA, JSONL, Item, is_readable, read_items
from seqbench.predict.letters import LetterTable
from seqbench.predict.outputs import Answers, Output, Predicted, Scored
from seqbench.probe.head_check import predict_with
from seqbench.probe.letter_vectors import means_by_letter
from seqbench.probe.saved_head import SavedHead
from seqbench.probe.token_heads.state import TokenPredictor
from seqbench.store import Ragged
from seqbench.store.tokens import offsets_of

PIECE_BYTES = 64 * 1024**2
"""Bytes of embeddings in memory at once."""

PIECE_LETTERS = 2 * 1024**2
"""Letters that are tokenised and sorted by length together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Some items on their way to the head."""

    rows_NSH: NDArray[np.float32] | None
    """None where the head reads tokens."""
    ids: Sequence[str | None] | None
    tokens: Ragged | None = None
    spans: Sequence[NDArray[np.int32]] = ()
    """The letters of the tokens of each sequence."""
    texts: Sequence[str] | None = None
    """The sequences, where they are known."""

    def __len__(self) -> int:
        return len(self.rows_NSH if self.tokens is None else self.tokens)  # type: ignore[arg-type]


def predict(
    head: SavedHead,
    where: Path,
    given: str,
    out: Path,
    model: ModelConfig | None,
    reporter: Reporter,
    *,
    attention: Path | None = None,
) -> int:
    """Score every item of an input and write a row for each.

    Args:
        head: The trained head.
        where: Its file, for messages.
        given: A file of sequences (JSONL, FASTA) or embeddings (.npy, .pt, .parquet), or a split in a store,
            `STORE/model/dataset/split`.
        out: File to write, .tsv, .jsonl, .parquet or .npy; it appears when it is whole.
        model: Where the head's model is to be found; needed for sequences. None where embeddings came from
            files.
        reporter: Shows progress.
        attention: File of the weight that each letter got, .tsv; None: none. Of heads that weigh tokens.

    Returns:
        Items scored.

    Raises:
        SeqbenchError: Input, model and head do not fit together, or a file can't be read or written.
    """
    count, empty = 0, 0
    weighing = None if attention is None else _weighing(head, where)
    with Output(out, head) as output, nullcontext() if attention is None else LetterTable(attention) as table:
        for piece in _pieces(head, where, given, model, reporter):
            scores_NK = _scores(head, piece, where)
            if weighing is not None and table is not None:
                _write_weights(weighing, table, piece, count)
            missing_N = np.asarray(np.isnan(scores_NK).all(axis=1))
            predicted = decided(head, scores_NK, missing_N)
            texts = piece.texts if is_of_letters(head) else None
            output.write(
                Scored(first=count, ids=piece.ids, predicted=predicted, scores_NK=scores_NK, texts=texts)
            )
            count += len(piece)
            empty += int(missing_N.sum())
    if empty:
        what = "letters have no token" if is_of_letters(head) else "items have no embedding (NaN)"
        reporter.note(f"warning: {given}: {empty:,} {what}, so no scores")
    return count


def is_of_letters(head: SavedHead) -> bool:
    """Whether a head answers for each letter."""
    return bool(head.spec.get("level") == "token")


def needs_model(given: str) -> bool:
    """Whether an input is sequences, which a model must embed.

    Raises:
        ProbeError: It is nothing that can be scored.
    """
    if is_readable(Path(given)):
        return True
    if is_stored(given) or Path(given).suffix in FILES:
        return False
    files = ", ".join((*JSONL, *FASTA, *FILES))
    raise ProbeError(
        f"{given}: must be a file that ends in {files}, or a split in a store (STORE/model/dataset/test)"
    )


def _pieces(
    head: SavedHead, where: Path, given: str, model: ModelConfig | None, reporter: Reporter
) -> Iterator[_Piece]:
    if needs_model(given):
        if model is None:
            raise ProbeError(f"{where}: {NO_MODEL}")
        yield from _embedded(head, ItemEmbedder(head, model, where), Path(given), reporter)
        return
    origin = head.origin
    if is_of_letters(head):
        raise ProbeError(f"{given}: the {head.head} head answers for each letter: give it sequences")
    if head.state.kind in TOKEN_HEADS:
        if not is_stored(given):
            raise ProbeError(
                f"{given}: the {head.head} head reads tokens: give sequences, or a split in a store"
            )
        yield from _stored_tokens(head, given, reporter)
        return
    rows = open_stored(given, origin) if is_stored(given) else open_file(Path(given))
    with reporter.task("predict", rows.shape[0], "items") as advance:
        for rows_NSH in pieces(rows, origin, given, _piece_items(head)):
            yield _Piece(rows_NSH=rows_NSH, ids=None)
            advance(len(rows_NSH))


def _stored_tokens(head: SavedHead, given: str, reporter: Reporter) -> Iterator[_Piece]:
    """The tokens of a split in a store."""
    entry, array, split = open_stored_tokens(given, head.origin)
    per_item = max(1, array.n_tokens // max(1, len(array)))
    step = max(1, PIECE_BYTES // (4 * head.origin.hidden * per_item))
    with reporter.task("predict", len(array), "items") as advance:
        for start in range(0, len(array), step):
            stop = min(start + step, len(array))
            tokens = array[start:stop]
            spans_R2 = entry.spans(split, start, stop)
            spans = np.split(spans_R2, tokens.offsets_Q[1:-1])
            yield _Piece(rows_NSH=None, ids=None, tokens=tokens, spans=spans)
            advance(stop - start)


def _weighing(head: SavedHead, where: Path) -> TokenPredictor:
    if head.state.kind not in TOKEN_HEADS:
        raise ProbeError(f"{where}: the {head.head} head does not read tokens, so it gives letters no weight")
    return TokenPredictor(head.state)


def _write_weights(weighing: TokenPredictor, table: LetterTable, piece: _Piece, first: int) -> None:
    if piece.tokens is None:
        return
    n_seqs = piece.tokens.n_seqs
    for at, weights_T in enumerate(weighing.weights(piece.tokens)):
        item, seq = divmod(at, n_seqs)
        name = None if piece.ids is None else piece.ids[item]
        text = None if piece.texts is None else piece.texts[at]
        table.write(first + item, name, seq, text, weights_T, piece.spans[at])


def _embedded(head: SavedHead, embedder: ItemEmbedder, path: Path, reporter: Reporter) -> Iterator[_Piece]:
    """Read and embed; a piece ends after so many letters or bytes of embeddings."""
    keys = str(head.origin.embedding.get("seq_keys") or "seq").split(",")
    waiting: list[Item] = []
    number, letters, done, has_ids = 0, 0, 0, False
    total = path.stat().st_size if path.is_file() else 0
    with reporter.task("predict", total, "B") as advance:
        items = read_items(path, keys, is_text=head.origin.alphabet == "text")
        for number, item in enumerate(items, start=1):
            has_ids = has_ids if number > 1 else item.id is not None
            waiting.append(item)
            letters += sum(map(len, item.sequences))
            if letters >= _piece_letters(head) or len(waiting) >= _piece_items(head):
                yield _piece(head, embedder, waiting, path, has_ids)
                done = _advance_to(item.position, done, advance)
                waiting, letters = [], 0
        if waiting:
            yield _piece(head, embedder, waiting, path, has_ids)
            _advance_to(total, done, advance)
        if not number:
            raise DataError(f"{path}: holds no items")


def _advance_to(position: int, done: int, advance: Advance) -> int:
    advance(position - done)
    return position


def _piece(
    head: SavedHead, embedder: ItemEmbedder, items: Sequence[Item], path: Path, has_ids: bool
) -> _Piece:
    ids = [item.id for item in items] if has_ids else None
    if _reads_tokens(head):
        tokens, spans = embedder.tokens(items, path)
        texts = [text for item in items for text in item.sequences]
        return _Piece(rows_NSH=None, ids=ids, tokens=tokens, spans=spans, texts=texts)
    return _Piece(rows_NSH=embedder.rows(items, path), ids=ids)


def _reads_tokens(head: SavedHead) -> bool:
    return head.state.kind in TOKEN_HEADS or is_of_letters(head)


def _piece_items(head: SavedHead) -> int:
    return max(1, PIECE_BYTES // (4 * head.origin.n_seqs * head.origin.hidden))


def _piece_letters(head: SavedHead) -> int:
    """Letters that are embedded together: as many, or of heads that read tokens as these leave room for."""
    if _reads_tokens(head):
        return max(1, min(PIECE_LETTERS, PIECE_BYTES // (4 * head.origin.hidden)))
    return PIECE_LETTERS


def _scores(head: SavedHead, piece: _Piece, where: Path) -> NDArray[np.float32]:
    """What the head predicts, (N, K); NaN where an embedding is not finite."""
    if is_of_letters(head):
        return _letter_scores(head, piece, where)
    if piece.tokens is not None:
        return _token_scores(head, piece.tokens, where)
    rows_NSH = piece.rows_NSH
    assert rows_NSH is not None
    features_ND = combined(rows_NSH, head.origin.combine)
    sound_N = np.isfinite(features_ND).all(axis=1)
    scores_NK = np.full((len(features_ND), head.n_outputs), math.nan, dtype=np.float32)
    if sound_N.any():
        scores_NK[sound_N] = predict_with(head.state, np.ascontiguousarray(features_ND[sound_N]), where)
    return scores_NK


def _letter_scores(head: SavedHead, piece: _Piece, where: Path) -> NDArray[np.float32]:
    """The same of each letter of all items, (letters, K); NaN where no token stands for one."""
    assert piece.tokens is not None
    assert piece.texts is not None
    starts = offsets_of(np.array([len(text) for text in piece.texts], dtype=np.int64))
    spans = [own.astype(np.int64) + start for own, start in zip(piece.spans, starts, strict=False)]
    letters, values_CH = means_by_letter(piece.tokens.values_RH, np.concatenate(spans))
    features: NDArray[np.float32] | Ragged = values_CH
    if head.state.kind in TOKEN_HEADS:
        lengths = np.diff(np.searchsorted(letters, starts))
        features = Ragged(values_RH=values_CH, offsets_Q=offsets_of(lengths), n_seqs=1)
    scores_MK = np.full((int(starts[-1]), head.n_outputs), math.nan, dtype=np.float32)
    if len(letters):
        scores_MK[letters] = predict_with(head.state, features, where)
    return scores_MK


def _token_scores(head: SavedHead, tokens: Ragged, where: Path) -> NDArray[np.float32]:
    """The same of tokens."""
    scores_NK = np.full((len(tokens), head.n_outputs), math.nan, dtype=np.float32)
    broken_R = ~np.isfinite(tokens.values_RH).all(axis=1)
    item_R = np.repeat(np.arange(len(tokens.lengths_Q)), tokens.lengths_Q) // tokens.n_seqs
    sound_N = np.setdiff1d(np.arange(len(tokens)), item_R[broken_R])
    if len(sound_N):
        scores_NK[sound_N] = predict_with(head.state, tokens.take(sound_N), where)
    return scores_NK


def decided(
    head: Answers, scores_NK: NDArray[np.float32], missing_N: NDArray[np.bool_]
) -> Sequence[Predicted] | None:
    """The class or the labels of each item, decided as `seqbench.metrics.score` does."""
    found: list[Predicted]
    # In float64, as thresholds are: rounded to float32 they could fall on the other side of a score.
    exact_NK = scores_NK.astype(np.float64)
    if head.task is Task.REGRESSION:
        return None
    if head.task is Task.LABELS:
        yes_NK = exact_NK > 0.5 if head.thresholds is None else exact_NK >= np.asarray(head.thresholds)
        found = [[head.outputs[index] for index in np.flatnonzero(yes_K).tolist()] for yes_K in yes_NK]
    else:
        index_N = exact_NK.argmax(axis=1)
        if head.thresholds is not None:
            index_N = (exact_NK[:, 1] >= head.thresholds[0]).astype(np.intp)
        found = [head.outputs[index] for index in index_N.tolist()]
    return [None if missing else each for missing, each in zip(missing_N, found, strict=True)]
