"""From corpora to examples: windows of a mixture with tokens hidden, and the held-out ones.

Shape letters: V tokens of the vocabulary.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from seqbench.adapt.inputs import OpenedCorpus, budget_of
from seqbench.adapt.masking import Masker, MaskSettings
from seqbench.adapt.objective import Example, causal_example
from seqbench.adapt.vocabulary import Masking, Vocabulary, overlapping_letters, read_vocabulary
from seqbench.config.adapt import AdaptConfig
from seqbench.core.alphabets import Alphabet
from seqbench.corpora.corpus import Corpus
from seqbench.corpora.mixture import Ids, Mixture, Portion, Window
from seqbench.corpora.packing import PackedBatches, WindowBatch
from seqbench.models.tokens import Tokens
from seqbench.training.batches import BatchPlan
from seqbench.tuning.trainable import Objective, TrainableModel

LONGEST_WINDOW = 1024
"""Tokens of a window where `max_tokens` is auto and the model has no lower limit."""
EVAL_TOKENS = (8192, 65_536)
"""Held-out tokens of each corpus that a look measures, at least and at most; the same ones each time."""
EVAL_SHARE = 0.005
"""Of the tokens of a training, that a look takes between these: twenty looks so cost a few percent."""
AHEAD = 2
"""Batches that are made while the network computes."""
SMALLEST_PIECE = 128
"""Letters of a piece at least; see `Pieces`."""
SAMPLE = 64
"""Documents from which the letters of a token are told."""


class ExampleMaker:
    """Turns windows into examples, as the objective asks for them."""

    def __init__(
        self, model: TrainableModel, objective: Objective, entry: AdaptConfig, alphabet: Alphabet
    ) -> None:
        """Get tokenizer and masks ready.

        Raises:
            ModelError: The tokenizer has no mask token, or none that could be masked.
        """
        known = [] if model.limit is None else [model.limit]
        asked = LONGEST_WINDOW if entry.max_tokens == "auto" else entry.max_tokens
        self.tokens = Tokens(
            model.tokenizer, limit=min([asked, *known]), overlong="window", alphabet=alphabet
        )
        own = self.tokens.encode([self.tokens.example])[0]
        k = overlapping_letters(model.tokenizer, own.tolist())
        n_ids = model.tried.vocabulary or len(model.tokenizer)
        around = [*self.tokens.prefix.tolist(), *self.tokens.suffix.tolist()]
        self.vocabulary: Vocabulary = read_vocabulary(model.tokenizer, alphabet, n_ids, k=k, around=around)
        self.masking: Masking = ("kmer" if k > 1 else "token") if entry.masking == "auto" else entry.masking
        self._masker = None if objective == "clm" else self._make_masker(entry)

    def _make_masker(self, entry: AdaptConfig) -> Masker:
        settings = MaskSettings(
            share=entry.mask, masking=self.masking, span=entry.span, replace=entry.replace
        )
        around = (len(self.tokens.prefix), len(self.tokens.suffix))
        return Masker(self.vocabulary, settings, seed=entry.seed, around=around)

    def example(self, window: Window) -> Example:
        """What is asked of a window in its epoch."""
        if self._masker is None:
            return causal_example(window.ids_T, self.vocabulary.allowed_V[window.ids_T])
        inputs_T, asked_T = self._masker.mask(
            window.ids_T, window.text, epoch=window.epoch, place=window.place
        )
        return Example(inputs_T=inputs_T, asked_T=asked_T, labels_M=window.ids_T[asked_T])

    def windows(self, texts: Sequence[str]) -> list[list[Ids]]:
        """Windows of each text, as `Mixture` takes them."""
        found = self.tokens.windows(texts)
        windows: list[list[Ids]] = [[] for _ in texts]
        for owner, ids_T in zip(found.owner_W.tolist(), found.ids, strict=True):
            windows[owner].append(ids_T)
        return windows

    def piece_letters(self, corpus: Corpus) -> int:
        """Letters of a piece that mostly makes one full window."""
        assert self.tokens.limit is not None
        room = self.tokens.limit - self.tokens.n_special
        sample = [text for _, text in islice(corpus.documents(), SAMPLE)]
        n_bytes = sum(len(text.encode()) for text in sample)
        n_tokens = sum(map(len, self.tokens.encode(sample)))
        whole = int(room * n_bytes / max(n_tokens + (self.vocabulary.k - 1) * len(sample), 1))
        return max(SMALLEST_PIECE, whole + self.vocabulary.k - 1)


def training_batches(
    maker: ExampleMaker, corpora: Sequence[OpenedCorpus], entry: AdaptConfig
) -> PackedBatches[list[Example]]:
    """The endless batches of an adaptation."""
    portions = [
        Portion(pieces=corpus.pieces(maker.piece_letters(corpus.train)), weight=corpus.weight)
        for corpus in corpora
    ]

    def make(batch: WindowBatch) -> list[Example]:
        return [maker.example(window) for window in batch.windows]

    return PackedBatches(
        Mixture(portions, maker.windows, seed=entry.seed),
        make,
        tokens_per_batch=budget_of(entry),
        seed=entry.seed,
        accumulate=entry.accumulate,
        ahead=AHEAD,
    )


def held_out_batches(
    maker: ExampleMaker, corpora: Sequence[OpenedCorpus], entry: AdaptConfig
) -> dict[str, list[list[Example]]]:
    """Examples of held-out documents by corpus, with the masks of the first epoch; none where nothing is.

    They are drawn in an order of their own, and the same each time; of a short training fewer.
    """
    n_tokens = look_tokens(entry)
    found = {}
    for corpus in corpora:
        pieces = corpus.eval_pieces(maker.piece_letters(corpus.own_eval or corpus.train))
        if pieces is not None:
            drawn = list(
                _first_epoch(Mixture([Portion(pieces=pieces)], maker.windows, seed=entry.seed), n_tokens)
            )
            found[corpus.name] = _packed([maker.example(window) for window in drawn], budget_of(entry))
    return found


def look_tokens(entry: AdaptConfig) -> int:
    """Held-out tokens of each corpus that a look measures, where there are as many."""
    wanted = int(EVAL_SHARE * entry.steps * entry.accumulate * budget_of(entry))
    return min(max(wanted, EVAL_TOKENS[0]), EVAL_TOKENS[1])


def _first_epoch(mixture: Mixture, n_tokens: int) -> Iterator[Window]:
    while sum(mixture.n_tokens) < n_tokens:
        window = mixture.next()
        if window.epoch:
            return
        yield window


def _packed(examples: Sequence[Example], budget: int) -> list[list[Example]]:
    plan = BatchPlan(
        n_items=len(examples),
        seed=0,
        tokens_per_batch=budget,
        lengths_N=np.array([len(example) for example in examples]),
    )
    return [[examples[item] for item in items_B.tolist()] for items_B in plan.batches(0)]
