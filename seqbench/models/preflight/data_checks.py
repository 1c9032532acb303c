"""Checks of a tokenizer against a data set: letters that it does not know, and sequences over the limit."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from seqbench.models.base import OverlongSequenceError
from seqbench.models.preflight.certificate import Check, Verdict
from seqbench.models.preflight.subject import Ready
from seqbench.models.tokens import Tokens

WARN_SHARE: Final = 1e-3
"""Unknown tokens that are worth a word: one in a thousand."""
FAIL_SHARE: Final = 0.2
"""Unknown tokens above which the model sees another sequence than the data set holds."""

RUN_LETTERS: Final = 24
"""A letter is tried as a run of itself: whole words for k-mers of 1, 2, 3, 4, 6 and 8 letters."""

SHOWN_LETTERS: Final = 8
"""Unknown letters that are named."""


ADVICE: Final = {
    True: "Drop the items with these letters, or take a model that was trained on them.",
    False: "Words of the data set are not in the vocabulary: is the model one of this alphabet?",
}
"""By whether single letters are to blame."""


def check_unknown(tokens: Tokens, sequences: Sequence[str], dataset: str) -> Check:
    """Share of unknown tokens, and which letters make them.

    Args:
        tokens: The model's, for this data set's alphabet.
        sequences: A sample of the data set.
        dataset: Its name.
    """
    counts: Counter[str] = Counter()
    for sequence in sequences:
        counts.update(sequence)
    if tokens.alphabet == "text":  # single characters tell nothing of a tokenizer of words
        counts.clear()
    lacking = {letter: counts[letter] / counts.total() for letter in unknown_letters(tokens, sorted(counts))}
    # A tokenizer without an unknown token leaves such letters out; its tokens do not show that.
    share = max(tokens.unknown_share(sequences), sum(lacking.values()))
    shown = sorted(lacking, key=lambda letter: -lacking[letter])[:SHOWN_LETTERS]
    named = ", ".join(f"{letter} ({_percent(lacking[letter])}{_times(tokens, letter)})" for letter in shown)
    whole = _wholly_unknown(tokens, sequences)
    good = share <= WARN_SHARE and not whole
    return Check(
        name="unknown tokens",
        dataset=dataset,
        verdict=Verdict.PASS if good else Verdict.FAIL if share > FAIL_SHARE else Verdict.WARN,
        measured=f"{_percent(share)} {' '.join(shown)}".strip(),
        value=share,
        tolerance=WARN_SHARE,
        says=f"{_percent(share)} of the tokens are unknown to the tokenizer"
        + (f"; letters that it lacks, with their share: {named}." if named else ".")
        + (f" Of {whole:,} sequences no token is known, as of those shorter than a word." if whole else ""),
        advice="" if good else ADVICE[bool(shown)],
    )


def _wholly_unknown(tokens: Tokens, sequences: Sequence[str]) -> int:
    """Sequences that have tokens, of which none is known."""
    return sum(len(ids) > 0 and bool((ids == tokens.unknown_id).all()) for ids in tokens.encode(sequences))


def _times(tokens: Tokens, letter: str) -> str:
    """How many tokens one letter makes unknown among others, where it is more than one: up to k of k-mers."""
    middle = len(tokens.example) // 2
    (ids,) = tokens.encode([tokens.example[:middle] + letter + tokens.example[middle + 1 :]])
    count = int((ids == tokens.unknown_id).sum())
    return f", {count} tokens each" if count > 1 else ""


def unknown_letters(tokens: Tokens, letters: Sequence[str]) -> list[str]:
    """The letters that the tokenizer turns into its unknown token, or into nothing."""
    return [letter for letter in letters if _is_unknown(tokens, letter)]


def _is_unknown(tokens: Tokens, letter: str) -> bool:
    run = [letter * RUN_LETTERS]
    return len(tokens.encode(run)[0]) == 0 or tokens.unknown_share(run) > 0.5


def check_windows(embedder: Ready, sequences: Sequence[str], dataset: str) -> Check:
    """Share of sequences over the limit, and of tokens that are lost where they are cut."""
    limit, name = embedder.transformer.limit, "sequences over the limit"
    try:
        windows = embedder.tokens.windows(sequences)
    except OverlongSequenceError as error:
        return Check(
            name=name,
            dataset=dataset,
            verdict=Verdict.FAIL,
            measured=f"{error.tokens:,} tokens over {limit:,}",
            says=f"A sequence has {error.tokens:,} tokens, over the limit of {limit:,}; overlong is error.",
            advice="Set extract.overlong to window or truncate.",
        )
    longest = max(map(len, windows.ids), default=0)
    count = np.bincount(windows.owner_W, minlength=len(sequences))
    over = float(np.mean((count > 1) | ((windows.coverage < 1) & (count > 0))))
    readable = [index for index in range(len(sequences)) if index not in windows.unreadable]
    lost = float(1 - windows.coverage[readable].mean()) if readable else 0.0
    if lost > 0:
        return Check(
            name=name,
            dataset=dataset,
            verdict=Verdict.WARN,
            measured=f"{_percent(over)}, {_percent(lost)} lost",
            value=lost,
            tolerance=0.0,
            says=f"{_percent(over)} of the sequences have over {limit:,} tokens and are truncated; of an "
            f"average sequence the model sees {_percent(1 - lost)}.",
            advice="Set extract.overlong: window, or raise extract.max_tokens if the model allows it.",
        )
    return Check(
        name=name,
        dataset=dataset,
        verdict=Verdict.PASS,
        measured=f"{_percent(over)} in windows" if over else f"none, longest {longest:,}",
        value=over,
        says=f"{_percent(over)} of the sequences have over {limit:,} tokens and are cut into windows, "
        f"{int(count.max())} at most; nothing is lost."
        if over
        else f"No sequence of the sample is over the limit; the longest has {longest:,} tokens.",
    )


def check_unreadable(embedder: Ready, sequences: Sequence[str], dataset: str) -> list[Check]:
    """Share of sequences that have no token, with why the first has none; nothing where all have some."""
    ids = embedder.tokens.encode(sequences)
    without = [sequence for sequence, own in zip(sequences, ids, strict=True) if len(own) == 0]
    if not without:
        return []
    share = len(without) / len(sequences)
    why = f"{embedder.tokens.refusal(without[0])} (one of {len(without[0]):,} letters)"
    skipped = embedder.options.unreadable == "skip" and share < 1
    return [
        Check(
            name="unreadable sequences",
            dataset=dataset,
            verdict=Verdict.WARN if skipped else Verdict.FAIL,
            measured=_percent(share),
            value=share,
            tolerance=0.0,
            says=f"{_percent(share)} of the sequences have no token: {why}"
            + ("; extract.unreadable leaves them out." if skipped else "."),
            advice="" if skipped else "Drop or cut those items, or set extract.unreadable: skip.",
        )
    ]


def _percent(share: float) -> str:
    return "0 %" if share == 0 else f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"
