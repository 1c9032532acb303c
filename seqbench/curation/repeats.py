"""How much of a corpus stands in it twice: whole documents, near-duplicates, and stretches.

Shape letters: N documents, W stretches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seqbench.audit.letters import mixed, stretches_of
from seqbench.audit.stretches import Stretches
from seqbench.audit.verify import need_rapidfuzz
from seqbench.core.progress import Reporter
from seqbench.corpora.corpus import BLOCK, Corpus
from seqbench.curation.views import CorpusView, Searched
from seqbench.splitting.together import Likeness

SAMPLED: Final = 1 << 22
"""Different stretches that are kept at most, in 32 MB: a share is then told to a thousandth."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RepeatedText:
    """Which documents of a corpus stand there before, by row."""

    exact_N: NDArray[np.bool_]
    """The same text, to the character. Empty documents are none."""
    near_N: NDArray[np.bool_] | None
    """A near-duplicate of one before, linked by others if need be, and no exact repeat; None: not sought."""


def find_repeats(corpus: Corpus, near: float, reporter: Reporter) -> RepeatedText:
    """Find exact and near repeats; of each group the first stays.

    Args:
        corpus: To be read three times; memory is some 150 bytes a document.
        near: Least identity of a near-duplicate, as in an audit; 1: none are sought.
        reporter: Shows a bar, in letters.

    Raises:
        DataError: rapidfuzz is not installed and near-duplicates are asked for.
    """
    exact_N = _exact(corpus)
    if near >= 1:
        return RepeatedText(exact_N=exact_N, near_N=None)
    need_rapidfuzz()
    view = CorpusView(corpus)
    searched = Searched(splits={"train": view}, alphabet=corpus.alphabet)
    cluster_N = Likeness(searched, reporter, near=True).clusters(near, seed=0)
    again_N = np.ones(len(view), dtype=bool)
    again_N[np.unique(cluster_N, return_index=True)[1]] = False
    near_N = np.zeros(len(corpus), dtype=bool)
    near_N[view.rows] = again_N
    return RepeatedText(exact_N=exact_N, near_N=near_N & ~exact_N)


def _exact(corpus: Corpus) -> NDArray[np.bool_]:
    digests, present = [], []
    for start in range(0, len(corpus), BLOCK):
        records = corpus.index.records(start, start + BLOCK)
        digests.append(records["digest"])
        present.append(records["n_bytes"] > 0)
    again_N = np.ones(len(corpus), dtype=bool)
    again_N[np.unique(np.concatenate(digests), return_index=True)[1]] = False
    return again_N & np.concatenate(present)


def repeated_stretches(view: CorpusView, stretches: Stretches, reporter: Reporter) -> float:
    """Share of the stretches of a corpus that stand in it before; memory is that of `SAMPLED` of them.

    Only stretches with a hash below a limit are counted, which halves whenever they are too many
    (FracMinHash, Irber et al. 2022), so each different one counts with all its occurrences or not at all.
    """
    limit = np.uint64(2**64 - 1)
    known = np.zeros(0, dtype=np.uint64)
    counts = np.zeros(0, dtype=np.int64)
    waiting: list[NDArray[np.uint64]] = []
    with reporter.task(f"count stretches of {view.corpus.name}", float(view.lengths.sum()), "B") as advance:
        for start, stop in stretches_of(view):
            found = stretches.words([text for (text,) in view.sequences(start, stop)])
            hashed_W = mixed(found.words_W[stretches.varied(found.words_W)], 0)
            waiting.append(hashed_W[hashed_W <= limit])
            if sum(map(len, waiting)) >= SAMPLED:
                known, counts, limit = _thinned(*_added(known, counts, waiting), limit)
                waiting = []
            advance(float(view.lengths[start:stop].sum()))
    known, counts, limit = _thinned(*_added(known, counts, waiting), limit)
    total = int(counts.sum())
    return 1 - len(known) / total if total else 0.0


def _added(
    known: NDArray[np.uint64], counts: NDArray[np.int64], waiting: Sequence[NDArray[np.uint64]]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Different hashes and how often each occurred, with those that came since."""
    new, n_new = np.unique(np.concatenate([known[:0], *waiting]), return_counts=True)
    every, place = np.unique(np.concatenate([known, new]), return_inverse=True)
    weights = np.concatenate([counts, n_new])
    return every, np.bincount(place, weights=weights, minlength=len(every)).astype(np.int64)


def _thinned(
    known: NDArray[np.uint64], counts: NDArray[np.int64], limit: np.uint64
) -> tuple[NDArray[np.uint64], NDArray[np.int64], np.uint64]:
    """No more than `SAMPLED` of them: those below a limit."""
    while len(known) > SAMPLED:
        limit = limit >> np.uint64(1)
        kept = known <= limit
        known, counts = known[kept], counts[kept]
    return known, counts, limit
