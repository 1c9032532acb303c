"""What a corpus is made of: documents, letters, tokens, repeats, and what it holds of test splits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from seqbench.core.alphabets import Alphabet
from seqbench.core.progress import Advance, Reporter
from seqbench.corpora.corpus import Corpus
from seqbench.corpora.index import IndexFacts
from seqbench.corpora.source import format_of
from seqbench.curation.contamination import Contamination, contamination, stretches_for
from seqbench.curation.letter_counts import LetterCounts, LetterFacts
from seqbench.curation.repeats import find_repeats, repeated_stretches
from seqbench.curation.views import CorpusView
from seqbench.datasets.dataset import Dataset

_TOGETHER: Final = 256
"""Documents that are tokenised together."""

EncodeLengths = Callable[[Sequence[str]], tuple[Sequence[int], int]]
"""Tokens of each text without special ones, and how many of all are the unknown token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    """What a model's tokenizer makes of a corpus."""

    model: str
    n_tokens: int
    """Without special ones."""
    n_unknown: int
    characters_per_token: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusCheck:
    """What was found out of one corpus."""

    name: str
    path: str
    format: str
    alphabet: Alphabet
    facts: IndexFacts
    letters: LetterFacts
    n_repeats: int
    """Documents whose text stands before, to the character."""
    n_near: int | None
    """Further documents that are near-duplicates of one before; None: not sought."""
    repeated_stretches: float
    """Share of the stretches (30 nucleotides, 12 residues, 13 words) that stand in the corpus before."""
    tokens: TokenFacts | None
    contamination: tuple[Contamination, ...]

    @property
    def n_distinct(self) -> int:
        """Different documents that are not empty."""
        return self.facts.n_documents - self.facts.n_empty - self.n_repeats


def check_corpus(
    corpus: Corpus,
    datasets: Sequence[Dataset],
    reporter: Reporter,
    *,
    near: float,
    encode: EncodeLengths | None = None,
    model: str = "",
) -> CorpusCheck:
    """Count what a corpus holds, and look for repeats and for test items.

    The corpus is read a few times, some documents at a time; memory is some 150 bytes a document.

    Args:
        corpus: To be checked.
        datasets: Whose test splits it should not hold; those of another alphabet are left out.
        reporter: Shows bars.
        near: Least identity of near-duplicates; 1: copies only.
        encode: A model's tokenizer; None: no tokens are counted.
        model: Its name.

    Raises:
        DataError: A file was changed, or rapidfuzz is needed and not installed.
    """
    view = CorpusView(corpus)
    with reporter.task(f"read {corpus.name}", corpus.facts.n_characters, "letters") as advance:
        letters, tokens = _read(corpus, encode, model, advance)
    repeats = find_repeats(corpus, near, reporter)
    same = [dataset for dataset in datasets if _alike(dataset.alphabet, corpus.alphabet)]
    return CorpusCheck(
        name=corpus.name,
        path=str(corpus.source.path),
        format=format_of(corpus.source),
        alphabet=corpus.alphabet,
        facts=corpus.facts,
        letters=letters,
        n_repeats=int(repeats.exact_N.sum()),
        n_near=None if repeats.near_N is None else int(repeats.near_N.sum()),
        repeated_stretches=repeated_stretches(view, stretches_for(corpus.alphabet), reporter),
        tokens=tokens,
        contamination=tuple(contamination(view, same, near, reporter)),
    )


def _alike(one: Alphabet, other: Alphabet) -> bool:
    """DNA and RNA are compared with T for U."""
    return one == other or {one, other} <= {"dna", "rna"}


def _read(
    corpus: Corpus, encode: EncodeLengths | None, model: str, advance: Advance
) -> tuple[LetterFacts, TokenFacts | None]:
    counts = LetterCounts(corpus.alphabet)
    n_tokens = n_unknown = 0
    waiting: list[str] = []

    def take() -> None:
        nonlocal n_tokens, n_unknown
        for text in waiting:
            counts.add(text)
        if encode is not None:
            lengths, unknown = encode(waiting)
            n_tokens, n_unknown = n_tokens + sum(lengths), n_unknown + unknown
        advance(sum(map(len, waiting)))
        waiting.clear()

    for _, text in corpus.documents():
        waiting.append(text)
        if len(waiting) == _TOGETHER or len(text) > 1 << 20:
            take()
    take()
    tokens = None
    if encode is not None:
        each = corpus.facts.n_characters / n_tokens if n_tokens else 0.0
        tokens = TokenFacts(model=model, n_tokens=n_tokens, n_unknown=n_unknown, characters_per_token=each)
    return counts.facts(), tokens
