"""Bits a letter of the selection's models: the last of each model and corpus, with gains over the base.

Shape letters: N documents.
"""

from typing import Any

import numpy as np

from seqbench.metrics.likelihood import mean_bits
from seqbench.metrics.paired import paired_difference
from seqbench.report.bits import BitsGain, CorpusBits
from seqbench.report.reading.current import Reader

_BITS = """
WITH last AS (
    SELECT model, corpus, arg_max(key, finished_at) AS key
    FROM likelihoods
    WHERE list_contains($models, model)
    GROUP BY ALL
)
SELECT
    key, model, base, step, corpus, is_watched, symbol, objective, n_documents, n_letters, bits, low, high,
    token_perplexity, documents_sha256
FROM likelihoods JOIN last USING (key, model, corpus)
ORDER BY is_watched, corpus, model
"""
_DOCUMENTS = """
SELECT document, a.bits, a.n_letters, b.bits, b.n_letters
FROM likelihood_documents a JOIN likelihood_documents b USING (document)
WHERE a.key = $model AND b.key = $base
ORDER BY document
"""


def read_bits(reader: Reader) -> tuple[CorpusBits, ...]:
    """Read them, by corpus in the order of names, watched ones last, and by model as selected."""
    rows = reader.named(_BITS)
    places = {name: place for place, name in enumerate(reader.selection.models)}
    keys = {(row[1], row[4]): (row[0], row[7], row[14]) for row in rows}
    found = [_bits(reader, row, keys) for row in rows]
    return tuple(sorted(found, key=lambda one: (one.is_watched, one.corpus, places[one.model])))


def _bits(
    reader: Reader, row: tuple[Any, ...], keys: dict[tuple[str, str], tuple[str, str, str]]
) -> CorpusBits:
    key, model, base, step, corpus, is_watched, symbol, objective, n_documents, n_letters = row[:10]
    bits, low, high, perplexity, asked = row[10:]
    other = None if base is None else keys.get((base, corpus))
    gain = None
    if other is not None and other[1:] == (objective, asked):
        gain = _gain(reader.catalog.query(_DOCUMENTS, {"model": key, "base": other[0]}).rows)
    return CorpusBits(
        model=model,
        base=base,
        step=step,
        corpus=corpus,
        is_watched=is_watched,
        symbol=symbol,
        objective=objective,
        n_documents=n_documents,
        n_letters=n_letters,
        bits=bits,
        low=low,
        high=high,
        token_perplexity=perplexity,
        gain=gain,
    )


def _gain(rows: list[tuple[Any, ...]]) -> BitsGain | None:
    """By the paired bootstrap over documents that models are compared with on items."""
    if not rows:
        return None
    _, bits_N, letters_N, base_bits_N, base_letters_N = np.array(rows, dtype=np.float64).T
    mine_R, base_R = mean_bits(bits_N, letters_N), mean_bits(base_bits_N, base_letters_N)
    found = paired_difference(mine_R[None], base_R[None], higher_is_better=False, n_items=len(rows))
    if found is None:
        return None
    return BitsGain(difference=found.value, low=found.low, high=found.high, p=found.p)
