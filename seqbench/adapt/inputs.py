"""What an adaptation is made of: its corpora, and a hash of everything that its weights depend on."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqbench.adapt.outcome import check_same, read_adapted
from seqbench.config.adapt import AdaptConfig, Checkpoint, CorpusConfig
from seqbench.core.progress import Reporter
from seqbench.corpora.corpus import Corpus, Pieces, open_corpus
from seqbench.corpora.source import CorpusSource
from seqbench.errors import ConfigError
from seqbench.models import checkpoint as models

TOKENS_PER_BATCH = 8192
"""What `auto` is: 32 windows of 256, a usual batch of BERT; the same everywhere, as learning hangs on it."""
_METHOD = 1
"""Raised when the same settings give other weights than before."""
_NO_NUMBERS = ("name", "model", "out", "checkpoint_steps", "corpora")
"""Keys of an entry on which its weights do not depend, or that are hashed by content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCorpus:
    """A corpus of an adaptation, and where its held-out documents are."""

    weight: float
    train: Corpus
    share: float
    """Of `train` that is held out."""
    own_eval: Corpus | None
    """A file of held-out documents instead."""

    @property
    def name(self) -> str:
        """As the user calls it."""
        return self.train.name

    def pieces(self, letters: int) -> Pieces:
        """What is trained on.

        Raises:
            DataError: There is nothing.
        """
        return Pieces(self.train, letters, part="train", share=self.share)

    def eval_pieces(self, letters: int) -> Pieces | None:
        """What is held out; None where nothing is.

        Raises:
            DataError: The share is so small that no document is.
        """
        if self.own_eval is not None:
            return Pieces(self.own_eval, letters)
        return Pieces(self.train, letters, part="held_out", share=self.share) if self.share else None


def open_corpora(entry: AdaptConfig, reporter: Reporter | None = None) -> list[OpenedCorpus]:
    """Open the corpora of an adaptation; each is read once, however large.

    Raises:
        DataError: One can't be read.
        ConfigError: They hold sequences of different kinds.
    """
    found = []
    for each in entry.corpora:
        own = None if each.eval is None else open_corpus(_source(each, is_eval=True), reporter)
        train = open_corpus(_source(each), reporter)
        found.append(
            OpenedCorpus(weight=each.weight, train=train, share=0.0 if own else entry.eval, own_eval=own)
        )
    first = found[0].train
    for opened in found[1:]:
        if opened.train.alphabet != first.alphabet:
            raise ConfigError(
                f"adapt {entry.name}: {first.source.path} is {first.alphabet}, {opened.train.source.path} "
                f"{opened.train.alphabet}; one adaptation takes sequences of one kind (make it two)"
            )
    return found


def _source(corpus: CorpusConfig, *, is_eval: bool = False) -> CorpusSource:
    path = corpus.eval if is_eval and corpus.eval is not None else corpus.path
    return CorpusSource(
        name=corpus.name,
        path=path,
        format=corpus.format,
        key=corpus.key,
        group_key=corpus.group_key,
        both_strands=corpus.both_strands and not is_eval,
    )


def budget_of(entry: AdaptConfig) -> int:
    """Tokens of a batch."""
    return TOKENS_PER_BATCH if entry.tokens_per_batch == "auto" else entry.tokens_per_batch


def spec_of(entry: AdaptConfig, source: models.Checkpoint, corpora: Sequence[OpenedCorpus]) -> str:
    """Hash of everything that the weights depend on: base, texts and settings, whatever they are called."""
    texts = [
        {
            "texts": corpus.train.facts.sha256,
            "eval": None if corpus.own_eval is None else corpus.own_eval.facts.sha256,
            "share": corpus.share,
            "weight": corpus.weight,
            "both_strands": corpus.train.source.both_strands,
            "groups": corpus.train.source.group_key,
        }
        for corpus in corpora
    ]
    facts = {
        "method": _METHOD,
        "base": source.identity().fingerprint,
        "settings": entry.model_dump(mode="json", exclude=set(_NO_NUMBERS)),
        "corpora": texts,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def missing(entry: AdaptConfig, spec: str, folder: Callable[[str], Path]) -> list[Checkpoint]:
    """The models of an entry that are not there.

    Args:
        entry: Of the config.
        spec: Of `spec_of`.
        folder: Where a model goes, by its name.

    Raises:
        ModelError: A folder holds another model.
    """
    lacking = []
    for each in entry.checkpoints:
        found = read_adapted(folder(each.name))
        if found is None:
            lacking.append(each)
        else:
            check_same(found, spec, folder(each.name))
    return lacking
