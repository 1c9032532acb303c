"""Batches under a token budget."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqbench.models.batches import batches, pad


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 120), st.booleans())
def test_every_window_is_in_one_batch_within_the_budget(lengths: list[int], budget: int, equal: bool) -> None:
    grouped = list(batches(lengths, budget, equal_lengths=equal))
    assert sorted(index for batch in grouped for index in batch) == list(range(len(lengths)))
    for batch in grouped:
        padded = max(lengths[index] for index in batch) * len(batch)
        assert padded <= budget or len(batch) == 1
        assert not equal or len({lengths[index] for index in batch}) == 1


def test_padding_stands_on_the_right() -> None:
    ids, mask = pad([np.array([5, 6, 7]), np.array([8])], pad_id=1)
    assert ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
