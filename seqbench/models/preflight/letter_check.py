"""Whether every letter has a place in the model's embedding and gives numbers, before lengths are judged."""

from collections.abc import Sequence
from typing import Final

import torch

from seqbench.core.alphabets import Alphabet
from seqbench.models.preflight.certificate import Check, Verdict
from seqbench.models.preflight.passes import Passes
from seqbench.models.tap import FAULTS

NAME: Final = "letters"

CODES: Final[dict[Alphabet, str]] = {
    "dna": "ACGTRYSWKMBDHVN",
    "rna": "ACGURYSWKMBDHVN",
    "protein": "ACDEFGHIKLMNPQRSTVWYBJOUXZ",
}
"""What a data set may hold: the letters, and the codes of ambiguity of IUPAC (nucleotides) and UniProt."""

RUN_LETTERS: Final = 12
"""A letter is tried as a run of itself: whole words for k-mers of 1, 2, 3, 4 and 6 letters."""


def check_letters(passes: Passes, sequences: Sequence[str], dataset: str) -> Check:
    """Hold the ids of letters and special tokens against the embedding, and run each letter.

    Tokens that are found to be at fault are left out of the windows that other checks run.

    Args:
        passes: Of the model.
        sequences: A sample of the data set.
        dataset: Its name; empty for random sequences, which stand for any, so that all codes are tried.
    """
    held = sorted(set().union(*sequences))
    codes = CODES.get(passes.embedder.facts.alphabet, "")
    letters = held if dataset else sorted({*held, *codes})
    ids = {letter: _ids(passes, letter) for letter in letters}
    rows = passes.forward.vocabulary
    largest = {name: max(own) for name, own in (ids | _special_ids(passes)).items()}
    beyond = {} if rows is None else {name: each for name, each in largest.items() if each >= rows}
    sound = [letter for letter in letters if letter not in beyond]
    broken = _not_finite(passes, {letter: ids[letter] for letter in sound})
    passes.leave_out({each for letter in (*beyond, *broken) for each in ids.get(letter, ())})
    if beyond:
        named = ", ".join(f"{name} (id {found})" for name, found in sorted(beyond.items()))
        return Check(
            name=NAME,
            verdict=Verdict.FAIL,
            measured=f"{' '.join(sorted(beyond))} beyond {rows:,} ids",
            value=float(max(beyond.values())),
            says=f"The embedding has {rows:,} ids; beyond them lie those of {named}.",
            advice="Drop the items with these letters, or resize the model's embedding to its tokenizer.",
        )
    if broken:
        named = ", ".join(f"{letter} (from layer {layer} on)" for letter, layer in broken.items())
        return Check(
            name=NAME,
            verdict=Verdict.FAIL,
            measured=f"{' '.join(broken)} gives NaN",
            says=f"Of the letters, {named} gives NaN or infinity; the others do not.",
            advice="Set dtype to bfloat16 or float32: float16 ends at 65,504."
            if passes.dtype == "float16"
            else "The weights hold it: drop the items with these letters.",
        )
    pad_id, stands = passes.embedder.tokens.pad_id, ""
    if passes.forward.pad_id != pad_id:
        stands = f" Its pad token (id {pad_id}) lies beyond, but padding is masked."
    return Check(
        name=NAME,
        verdict=Verdict.PASS,
        measured=f"{len(letters)} within {rows:,} ids" if rows is not None else f"{len(letters)} tried",
        says=f"The embedding has {' '.join(letters)} and the special tokens, and all give numbers." + stands,
    )


def _ids(passes: Passes, letter: str) -> list[int]:
    tokens = passes.embedder.tokens
    found = [int(each) for each in tokens.encode([letter * RUN_LETTERS])[0]]
    return found or [0]  # what the tokenizer leaves out reaches no embedding


def _special_ids(passes: Passes) -> dict[str, list[int]]:
    tokens = passes.embedder.tokens
    around = [int(each) for each in (*tokens.prefix, *tokens.suffix)]
    unknown = [] if tokens.unknown_id is None else [tokens.unknown_id]
    named = {"special tokens": around, "the unknown token": unknown}
    return {name: own for name, own in named.items() if own}


def _not_finite(passes: Passes, ids: dict[str, list[int]]) -> dict[str, int]:
    """Letters that give NaN or infinity where others do not, with the first such layer."""
    first = (
        {letter: _first_broken(passes, own) for letter, own in ids.items()} if _differs(passes, ids) else {}
    )
    found = {letter: layer for letter, layer in first.items() if layer is not None}
    return found if len(found) < len(ids) else {}


def _differs(passes: Passes, ids: dict[str, list[int]]) -> bool:
    """Whether all letters together, in one pass, give something else than numbers."""
    every = [each for own in ids.values() for each in own[:1]]
    return _first_broken(passes, every) is not None


def _first_broken(passes: Passes, own: Sequence[int]) -> int | None:
    room = len(own) if passes.limit is None else passes.limit - passes.embedder.tokens.n_special
    try:
        finite = passes.reduce(lambda hidden_BTH: torch.isfinite(hidden_BTH).all(), passes.around(own[:room]))
    except FAULTS:
        return None  # of its own, which the next check tells
    return next((layer for layer, is_finite in finite.items() if not bool(is_finite)), None)
