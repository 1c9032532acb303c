"""What a run will cost: tokens a second, memory of the largest batch, time for a data set."""

import statistics
import time
from collections.abc import Sequence
from typing import Final

from seqbench.core.progress import human
from seqbench.models.preflight.certificate import Check, Verdict
from seqbench.models.preflight.memory import BATCH_TOKENS, activation_bytes, device_memory, weight_bytes
from seqbench.models.preflight.passes import Passes
from seqbench.models.preflight.sample import Sample
from seqbench.models.preflight.subject import Ready

SECONDS: Final = 1.0
"""A measurement that took this long is long enough."""

GROWTH: Final = 8
"""How many times more sequences the next measurement may take: a slow model is not kept for minutes."""

MEMORY_SHARE: Final = 0.9
"""Share of the memory that a batch may need without a word."""


def check_speed(embedder: Ready, sample: Sample) -> Check:
    """Measure the engine on sequences of the data set's lengths, and work out the time for all of them."""
    rate = tokens_per_second(embedder, sample.sequences)
    per_letter = sum(_lengths(embedder, sample)) / sum(map(len, sample.sequences))
    expected = per_letter * sample.facts.letters
    measured = f"{human(rate)} tokens/s"
    says = f"{human(rate)} tokens a second with every layer pooled, on {embedder.forward.device}"
    if expected:
        measured += f", {duration(expected / rate)}"
        says += (
            f"; {human(expected)} tokens take about {duration(expected / rate)}, less where sequences repeat"
        )
    return Check(
        name="speed",
        dataset=sample.facts.name or None,
        verdict=Verdict.PASS,
        measured=measured,
        value=rate,
        says=f"{says}.",
    )


def tokens_per_second(embedder: Ready, sequences: Sequence[str]) -> float:
    """Rate of embedding every layer, tokenising included; the first, shortest measurement is a warm-up.

    Args:
        embedder: Ready for the data set.
        sequences: Of its lengths; a spread of all of them is used.
    """
    by_length = sorted(sequences, key=len)
    layers = embedder.forward.layers.numbers
    count = 1
    while True:
        # Middles of equal stretches: one sequence is the median, many have the data set's own lengths.
        chosen = [by_length[(2 * number + 1) * len(by_length) // (2 * count)] for number in range(count)]
        began = time.perf_counter()
        tokens = int(embedder.embed(chosen, layers).tokens.sum())
        seconds = time.perf_counter() - began
        if seconds >= SECONDS or (count == len(by_length) and count > 1) or len(by_length) == 1:
            return tokens / seconds
        count = min(len(by_length), count * GROWTH, max(count + 1, int(count * 1.5 * SECONDS / seconds)))


def check_memory(embedder: Ready, sample: Sample) -> Check:
    """Estimate the memory of the largest batch from a measured one of the data set's typical length."""
    lengths = _lengths(embedder, sample)
    typical = min(BATCH_TOKENS, int(statistics.median(lengths)))
    weights = weight_bytes(embedder.forward.model)
    a_token = activation_bytes(Passes(embedder, sample.sequences), typical)
    largest = max(embedder.budget.tokens, *lengths)
    need, there = weights + a_token * largest, device_memory(embedder.forward.device)
    fits = need <= MEMORY_SHARE * there
    return Check(
        name="memory",
        dataset=sample.facts.name or None,
        verdict=Verdict.PASS if fits else Verdict.WARN,
        measured=f"{human(need)}B of {human(there)}B",
        value=float(need),
        tolerance=MEMORY_SHARE * there,
        says=f"Weights take {human(weights)}B, a token in flight {human(a_token)}B, so the largest batch "
        f"({largest:,} tokens) needs about {human(need)}B of the device's {human(there)}B.",
        advice="" if fits else "Lower extract.tokens_per_batch, or extract.max_tokens for long sequences.",
    )


def _lengths(embedder: Ready, sample: Sample) -> list[int]:
    """Tokens of each window of the sample."""
    return [len(ids) for ids in embedder.tokens.windows(sample.sequences).ids]


def duration(seconds: float) -> str:
    """A time at a glance: 8 s, 12 min, 3.4 h, 2.1 days."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s"
