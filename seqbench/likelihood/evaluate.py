"""One model on the documents of one corpus: a record for the catalog."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import numpy as np

from seqbench.catalog.likelihood_records import SYMBOLS, LikelihoodRecord
from seqbench.core.progress import Advance
from seqbench.likelihood.documents import ScoredCorpus
from seqbench.likelihood.keys import likelihood_key
from seqbench.likelihood.scorer import LetterScorer, SegmentBits
from seqbench.likelihood.segments import SegmentSettings
from seqbench.metrics.likelihood import bits_interval, mean_bits

_TOGETHER = 512
"""Segments that are scored between two reports of progress."""


def evaluate(
    scorer: LetterScorer,
    corpus: ScoredCorpus,
    settings: SegmentSettings,
    advance: Advance,
    *,
    run_id: str,
    model: str,
    base: str | None,
    step: int | None,
) -> LikelihoodRecord:
    """Score all documents.

    Args:
        scorer: The model.
        corpus: The documents.
        settings: How they were cut and hidden, to be recorded.
        advance: Told the letters of the documents.
        run_id: Of the run that records it.
        model: Its name in the config.
        base: What it was adapted from.
        step: Of the adaptation.

    Raises:
        ModelError: The tokenizer does not tell which letters its tokens stand for.
    """
    began = time.perf_counter()
    segments = [segment for document in corpus.documents for segment in document.segments]
    found: list[SegmentBits] = []
    for start in range(0, len(segments), _TOGETHER):
        part = segments[start : start + _TOGETHER]
        found += scorer.score(part)
        advance(sum(len(segment.text) for segment in part))
    owner = np.repeat(np.arange(len(corpus.documents)), [len(each.segments) for each in corpus.documents])
    bits_N, letters_N = (
        np.bincount(owner, [float(values[at]) for values in found], len(corpus.documents)).astype(np.float64)
        for at in (0, 1)
    )
    kept = np.flatnonzero(letters_N)
    rows_N = np.array([document.row for document in corpus.documents], dtype=np.int64)[kept]
    bits, low, high = bits_interval(mean_bits(bits_N[kept], letters_N[kept]), len(kept))
    fingerprint = scorer.model.identity.fingerprint
    return LikelihoodRecord(
        key=likelihood_key(fingerprint, corpus),
        run_id=run_id,
        model=model,
        fingerprint=fingerprint,
        base=base,
        step=step,
        corpus=corpus.name,
        documents_sha256=corpus.sha256,
        is_watched=corpus.is_watched,
        symbol=SYMBOLS[corpus.alphabet],
        objective=scorer.objective,
        bits=bits,
        low=low,
        high=high,
        n_tokens=sum(each.n_tokens for each in found),
        token_perplexity=_perplexity(found),
        seconds=time.perf_counter() - began,
        device=scorer.model.device.type,
        settings=_told(settings, scorer),
        finished_at=datetime.now(UTC),
        rows_N=rows_N,
        letters_N=letters_N[kept].astype(np.int64),
        bits_N=bits_N[kept],
    )


def _perplexity(found: Sequence[SegmentBits]) -> float:
    n_tokens = sum(each.n_tokens for each in found)
    return float(2.0 ** (sum(each.token_bits for each in found) / max(1, n_tokens)))


def _told(settings: SegmentSettings, scorer: LetterScorer) -> Mapping[str, object]:
    return {**asdict(settings), "max_tokens": scorer.max_tokens, "tokens_by": scorer.tokens_by}
