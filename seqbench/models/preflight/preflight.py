"""Running the checks: the full preflight of a model, and the short one that goes with every extraction."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from seqbench.core.alphabets import LETTERS
from seqbench.errors import ModelError
from seqbench.models.base import SequenceFacts
from seqbench.models.preflight.certificate import Certificate, Check, Verdict
from seqbench.models.preflight.cost_checks import check_memory, check_speed
from seqbench.models.preflight.data_checks import check_unknown, check_unreadable, check_windows
from seqbench.models.preflight.forward_checks import (
    STATE_TOKENS,
    check_batch,
    check_determinism,
    check_finite,
    check_layers,
    check_padding,
    check_state,
)
from seqbench.models.preflight.hook_check import check_hooks
from seqbench.models.preflight.letter_check import check_letters
from seqbench.models.preflight.passes import Passes
from seqbench.models.preflight.position_check import TRIED_TOKENS, check_positions, check_runs
from seqbench.models.preflight.sample import Sample
from seqbench.models.preflight.subject import Loaded, Ready

CERTIFY_TOKENS: Final = 256
"""A limit above this is not tried when a certificate is made on the way of an extraction."""

CERTIFY_SEQUENCES: Final = 256
CERTIFY_LETTERS: Final = 200_000
"""Sequences that such a certificate looks at, and letters after which it has seen enough."""

STAND_INS: Final = 64
STAND_IN_LETTERS: Final = (72, 288)
STAND_IN_STEP: Final = 24
"""Random sequences for a model that is checked without a data set, their shortest and longest, and what their
lengths are multiples of: tokenizers of codons refuse others."""


def preflight(transformer: Loaded, samples: Sequence[Sample]) -> Certificate:
    """Check a model, and how it gets on with data sets.

    Args:
        transformer: Loaded.
        samples: One a data set; none to learn of the model alone, which then runs on random sequences.

    Returns:
        The checks of the model, run on sequences of the first data set that its tokenizer can read, then
        those of each data set. A tokenizer that can't read a data set is a failed check, no error. What
        a run costs is measured where nothing failed.
    """
    pairs = [(sample, _ready(transformer, sample.facts)) for sample in samples or _stand_ins()]
    readable = [(sample, found) for sample, found in pairs if not isinstance(found, ModelError)]
    checks = [] if samples else [_check_alphabets(pairs)]
    if readable:
        sample, embedder = readable[0]
        passes = Passes(embedder, sample.sequences)
        checks.append(check_letters(passes, sample.sequences, sample.facts.name))
        checks += _model_checks(passes, TRIED_TOKENS)
    sound = not _any_failed(checks)
    if samples:
        for sample, found in pairs:
            if not isinstance(found, ModelError) and found is not readable[0][1]:
                letters = check_letters(Passes(found, sample.sequences), sample.sequences, sample.facts.name)
                checks.append(replace(letters, dataset=sample.facts.name))
            checks += _on_data(found, sample, costs=sound)
    elif sound:
        checks += _cost_checks(embedder, sample)
    return _certificate(transformer, readable[0][1] if readable else None, checks)


def certify(embedder: Ready, sequences: Sequence[str]) -> Certificate:
    """Check a model on a data set in passing: everything but costs, and no long window.

    Args:
        embedder: Ready for the data set.
        sequences: Some of the data set's, at least one; of many or long ones, the first will do.
    """
    few = _few(sequences)
    passes = Passes(embedder, few)
    letters = check_letters(passes, few, embedder.facts.name)
    checks = [letters, *_model_checks(passes, CERTIFY_TOKENS)]
    return _certificate(embedder.transformer, embedder, [*checks, *_data_checks(embedder, few)])


def _model_checks(passes: Passes, tried_tokens: int) -> list[Check]:
    crash = check_runs(passes)
    if crash is not None:
        return [crash]
    window = passes.window(passes.long)
    states = passes.run(window)
    checks = [check_layers(passes, states), check_finite(passes, states)]
    if checks[-1].verdict is Verdict.PASS:
        steady = check_determinism(states, passes.run(window), passes.tolerance)
        checks.append(steady)
        # Of a model that draws random numbers, or gives NaN, no two passes can be compared.
        if steady.verdict is not Verdict.FAIL:
            checks += [check_hooks(passes, states), check_padding(passes), check_batch(passes, states)]
            checks.append(check_state(passes, at_most=min(tried_tokens, STATE_TOKENS)))
    return [*checks, check_positions(passes, at_most=tried_tokens)]


def _on_data(found: Ready | ModelError, sample: Sample, *, costs: bool) -> list[Check]:
    if isinstance(found, ModelError):
        return [_unreadable(found, sample.facts.name)]
    checks = _data_checks(found, sample.sequences)
    return checks + _cost_checks(found, sample) if costs and not _any_failed(checks) else checks


def _any_failed(checks: Sequence[Check]) -> bool:
    return any(check.verdict is Verdict.FAIL for check in checks)


def _data_checks(embedder: Ready, sequences: Sequence[str]) -> list[Check]:
    name = embedder.facts.name
    return [
        check_unknown(embedder.tokens, sequences, name),
        *check_unreadable(embedder, sequences, name),
        check_windows(embedder, sequences, name),
    ]


def _cost_checks(embedder: Ready, sample: Sample) -> list[Check]:
    return [check_speed(embedder, sample), check_memory(embedder, sample)]


def _certificate(transformer: Loaded, embedder: Ready | None, checks: Sequence[Check]) -> Certificate:
    forward = None if embedder is None else embedder.forward
    return Certificate(
        model=transformer.identity.name,
        fingerprint=transformer.identity.fingerprint,
        dtype=transformer.dtype,
        device=None if forward is None else str(forward.device),
        method=None if forward is None else forward.tap.method,
        checks=tuple(checks),
    )


def _ready(transformer: Loaded, facts: SequenceFacts) -> Ready | ModelError:
    try:
        return transformer.embedder(facts)
    except ModelError as error:
        return error


def _unreadable(error: ModelError, dataset: str) -> Check:
    return Check(
        name="unknown tokens",
        dataset=dataset,
        verdict=Verdict.FAIL,
        measured="unreadable",
        says=f"The data set can't be given to the model: {error}.",
        advice="Take a model of this alphabet, or complete the files of its tokenizer.",
    )


def _check_alphabets(pairs: Sequence[tuple[Sample, Ready | ModelError]]) -> Check:
    ways = {
        sample.facts.alphabet: found.tokens.style
        for sample, found in pairs
        if not isinstance(found, ModelError)
    }
    return Check(
        name="alphabets",
        verdict=Verdict.PASS if ways else Verdict.FAIL,
        measured=", ".join(ways) or "none",
        says="The tokenizer tells the letters apart of "
        + (", ".join(f"{alphabet} (written {way})" for alphabet, way in ways.items()) or "no alphabet")
        + ".",
        advice="" if ways else "The files of the tokenizer are incomplete, or another model's.",
    )


def _stand_ins() -> list[Sample]:
    drawn = random.Random(0)
    shortest, longest = STAND_IN_LETTERS
    lengths = range(shortest, longest + 1, STAND_IN_STEP)
    return [
        Sample(
            facts=SequenceFacts(name="", alphabet=alphabet, min_length=shortest, max_length=longest),
            sequences=tuple(
                "".join(drawn.choices(letters, k=drawn.choice(lengths))) for _ in range(STAND_INS)
            ),
        )
        for alphabet, letters in LETTERS.items()
        if alphabet != "text"
    ]


def _few(sequences: Sequence[str]) -> list[str]:
    chosen: list[str] = []
    letters = 0
    for sequence in sequences[:CERTIFY_SEQUENCES]:
        chosen.append(sequence)
        letters += len(sequence)
        if letters > CERTIFY_LETTERS:
            break
    return chosen
