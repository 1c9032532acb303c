"""Scoring new sequences with a fine-tuned model that lies in its folder.

Shape letters: N items, R rows that outputs stand for (items, or letters that have a token), M rows that are
written (items, or all letters), O outputs of all targets, K outputs of a target.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqbench.core.progress import Reporter
from seqbench.errors import DataError, ProbeError
from seqbench.finetune.folder import Predictor, open_folder, read_facts
from seqbench.finetune.items import TokenisedItems, tokenise
from seqbench.finetune.letters import offsets_of
from seqbench.models.base import OverlongSequenceError
from seqbench.predict.items import FASTA, JSONL, Item, is_readable, read_items
from seqbench.predict.outputs import Output, Scored
from seqbench.predict.predict import decided

PIECE_LETTERS = 2 * 1024**2
PIECE_ITEMS = 4096
"""Letters and items that are tokenised and sorted by length together, at most."""


def predict_finetuned(
    folder: Path, given: str, out: Path, reporter: Reporter, *, trust_remote_code: bool = False
) -> tuple[int, list[Path]]:
    """Score every item of a file of sequences, and write a row for each.

    Args:
        folder: Of the fine-tuned model.
        given: A file of sequences, JSONL or FASTA.
        out: File to write; with several targets one for each, `<name>-<target>` before the ending.
        reporter: Shows progress.
        trust_remote_code: Whether code of the checkpoint may run.

    Returns:
        Items scored, and the files.

    Raises:
        SeqbenchError: Input and model do not fit together, or a file can't be read or written.
    """
    path = Path(given)
    if not is_readable(path):
        raise ProbeError(f"{given}: must be sequences, in a file that ends in {', '.join((*JSONL, *FASTA))}")
    facts = read_facts(folder)
    predictor = open_folder(folder, trust_remote_code=trust_remote_code)
    names = [target.name.rpartition("/")[2] for target in facts.targets]
    files = [out] if len(names) == 1 else [out.with_stem(f"{out.stem}-{name}") for name in names]
    tokens, count, waiting, letters, bare = facts.tokens, 0, list[Item](), 0, 0
    size = path.stat().st_size if path.is_file() else 0
    with ExitStack() as stack:
        outputs = [
            stack.enter_context(Output(file, target))
            for file, target in zip(files, facts.targets, strict=True)
        ]
        advance, done = stack.enter_context(reporter.task("predict", size, "B")), 0
        for item in read_items(path, tokens.seq_keys, is_text=tokens.alphabet == "text"):
            waiting.append(item)
            letters += sum(map(len, item.sequences))
            if letters >= PIECE_LETTERS or len(waiting) >= PIECE_ITEMS:
                bare += _score(predictor, waiting, path, count, outputs)
                advance(item.position - done)
                count, done, waiting, letters = count + len(waiting), item.position, [], 0
        if waiting:
            bare += _score(predictor, waiting, path, count, outputs)
            count += len(waiting)
        if not count:
            raise DataError(f"{path}: holds no items")
        advance(size - done)
    if bare:
        reporter.note(f"warning: {path}: {bare:,} letters have no token, so no scores")
    return count, files


def _score(
    predictor: Predictor, items: Sequence[Item], path: Path, first: int, outputs: Sequence[Output]
) -> int:
    """Score some items and write their rows.

    Returns:
        Letters that have no token, where the head answers for letters.
    """
    by_letter = predictor.facts.head.is_of_letters
    sequences = [item.sequences for item in items]
    try:
        tokenised, unreadable = tokenise(sequences, predictor.tokens, by_letter=by_letter)
    except OverlongSequenceError as error:
        item = items[error.index // len(items[0].sequences)]
        raise DataError(
            f"{path}:{item.line}: {error.tokens} tokens, the model was trained on {error.limit} at most"
        ) from error
    if unreadable:
        number, why = next(iter(unreadable.items()))
        raise DataError(f"{path}:{items[number].line}: {why} (drop the item)")
    scores_MO = predictor.predict(tokenised.items).numpy()
    if by_letter:
        scores_MO = _of_all_letters(scores_MO, tokenised)
    texts = [sequence for (sequence,) in sequences] if by_letter else None
    ids = [item.id for item in items] if any(item.id is not None for item in items) else None
    start = 0
    for target, output in zip(predictor.facts.targets, outputs, strict=True):
        scores_MK = np.ascontiguousarray(scores_MO[:, start : start + target.n_outputs])
        start += target.n_outputs
        predicted = decided(target, scores_MK, np.isnan(scores_MK).all(axis=1))
        output.write(Scored(first=first, ids=ids, predicted=predicted, scores_NK=scores_MK, texts=texts))
    return tokenised.n_bare


def _of_all_letters(scores_RO: NDArray[np.float32], tokenised: TokenisedItems) -> NDArray[np.float32]:
    """The scores of all letters of items, (M, O); NaN for those without a token."""
    letters = [
        sequence.letters for item in tokenised.items for sequence in item if sequence.letters is not None
    ]
    starts = offsets_of([own.n_letters for own in letters])
    found_MO = np.full((starts[-1], scores_RO.shape[1]), np.nan, dtype=np.float32)
    found_MO[np.concatenate([own.places_R + start for own, start in zip(letters, starts, strict=False)])] = (
        scores_RO
    )
    return found_MO
