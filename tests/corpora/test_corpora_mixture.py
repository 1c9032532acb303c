"""Mixtures: shares of tokens, epochs, and going on in the middle of one."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from seqbench.corpora.corpus import Pieces, open_corpus
from seqbench.corpora.mixture import Ids, Mixture, Portion, Window
from seqbench.corpora.order import key_of, order
from seqbench.corpora.packing import PackedBatches, WindowBatch
from seqbench.corpora.source import CorpusSource
from seqbench.errors import DataError


def by_letter(texts: "list[str]") -> list[list[Ids]]:
    """A token a letter, 40 a window; none of a text of dots."""
    found = []
    for text in texts:
        ids = np.frombuffer(text.replace(".", "").encode(), dtype=np.uint8).astype(np.int32)
        found.append([ids[start : start + 40] for start in range(0, len(ids), 40)])
    return found


def portion(folder: Path, name: str, texts: list[str], weight: float = 1.0) -> Portion:
    path = folder / f"{name}.txt"
    path.write_text("\n".join(texts) + "\n")
    return Portion(pieces=Pieces(open_corpus(CorpusSource(name=name, path=path)), 128), weight=weight)


@pytest.fixture
def portions(tmp_path: Path) -> list[Portion]:
    random = np.random.default_rng(0)
    long = ["A" * int(size) for size in random.integers(1, 300, 90)]
    short = ["C" * int(size) for size in random.integers(1, 30, 300)]
    return [portion(tmp_path, "long", long, 3.0), portion(tmp_path, "short", short, 1.0)]


def take(mixture: Mixture, n: int) -> list[Window]:
    return [mixture.next() for _ in range(n)]


def told(windows: list[Window]) -> list[tuple[int, int, int]]:
    return [(window.portion, window.document, window.place) for window in windows]


@pytest.mark.parametrize("n", [1, 2, 5, 64, 1000])
def test_an_order_has_everything_once_and_depends_on_its_key(n: int) -> None:
    orders = [order(n, key_of(0, number), np.arange(n)).tolist() for number in range(2)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(n))
    assert n < 5 or orders[0] != orders[1]


def test_each_place_of_an_order_is_as_likely_to_hold_each_thing() -> None:
    first = Counter(int(order(6, key_of(7, key), np.array([2]))[0]) for key in range(1200))
    # A chi-square of 5 degrees of freedom is above 20.5 once in a thousand.
    assert sum((first[thing] - 200) ** 2 / 200 for thing in range(6)) < 20.5


def test_tokens_stand_in_the_proportion_of_the_weights(portions: list[Portion]) -> None:
    mixture = Mixture(portions, by_letter, seed=1)
    take(mixture, 2000)
    long, short = mixture.n_tokens
    assert abs(long - 3 * short) <= 3 * 40


def test_an_epoch_takes_each_piece_once(portions: list[Portion]) -> None:
    mixture = Mixture(portions[:1], by_letter, seed=1)
    n_windows = sum(-(-len(text) // 40) for _, each in [(0, portions[0])] for text in _pieces(each))
    windows = take(mixture, n_windows)
    assert mixture.epochs == (1.0,)
    assert sum(len(window.ids_T) for window in windows) == portions[0].pieces.corpus.facts.n_characters
    assert told(take(mixture, n_windows)) != told(windows)


def _pieces(each: Portion) -> list[str]:
    return [piece.text for piece in each.pieces.read(np.arange(len(each.pieces)))]


def test_a_stored_place_in_mid_epoch_leads_to_the_same_windows(portions: list[Portion]) -> None:
    one, other = (Mixture(portions, by_letter, seed=3) for _ in range(2))
    take(one, 777)
    other.restore(one.state())
    assert told(take(other, 500)) == told(take(one, 500))
    assert other.n_tokens == one.n_tokens


def test_another_seed_draws_another_order(portions: list[Portion]) -> None:
    one, other = (told(take(Mixture(portions, by_letter, seed=seed), 50)) for seed in (0, 1))
    assert one != other


def test_a_corpus_without_a_token_is_a_fault(tmp_path: Path) -> None:
    mixture = Mixture([portion(tmp_path, "dots", ["...", ".."])], by_letter, seed=0)
    with pytest.raises(DataError, match=r"dots\.txt: the model's tokenizer makes no token of any document"):
        mixture.next()


def packed(portions: list[Portion], accumulate: int = 1) -> "PackedBatches[WindowBatch]":
    mixture = Mixture(portions, by_letter, seed=5)
    return PackedBatches(mixture, lambda batch: batch, tokens_per_batch=200, seed=5, accumulate=accumulate)


def test_batches_hold_like_lengths_within_the_budget(portions: list[Portion]) -> None:
    batches = list(packed(portions).begin(0))
    sizes = [[len(window.ids_T) for window in batch.windows] for batch in batches]
    assert all(max(each) * len(each) <= 200 for each in sizes)
    assert sum(map(sum, sizes)) / sum(max(each) * len(each) for each in sizes) > 0.8


def test_a_pool_has_a_multiple_of_the_batches_of_a_step(portions: list[Portion]) -> None:
    assert len(list(packed(portions, accumulate=7).begin(0))) % 7 == 0


def test_a_pool_that_was_begun_is_gone_on_with(portions: list[Portion]) -> None:
    one, other = packed(portions), packed(portions)
    list(one.begin(0))
    rest = list(one.begin(0))[3:]
    other.restore(one.state())
    resumed = list(other.begin(3))
    assert [told(list(batch.windows)) for batch in resumed] == [told(list(batch.windows)) for batch in rest]
    following = [[told(list(batch.windows)) for batch in each.begin(0)] for each in (one, other)]
    assert following[0] == following[1]
