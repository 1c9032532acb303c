"""Batches: every item once a pass, the same by seed, of like length under a budget, read ahead in order."""

import numpy as np
import pytest

from seqbench.training.batches import BatchPlan, PlannedBatches, halves_of, halves_of_mapping, read_ahead

LENGTHS = np.random.default_rng(0).integers(10, 500, 300)


def padding(batches: list) -> float:
    padded = sum(int(LENGTHS[batch].max()) * len(batch) for batch in batches)
    return 1 - LENGTHS.sum() / padded


@pytest.mark.parametrize(
    "plan",
    [
        BatchPlan(n_items=300, seed=1, batch_size=32),
        BatchPlan(n_items=300, seed=1, batch_size=32, lengths_N=LENGTHS),
        BatchPlan(n_items=300, seed=1, tokens_per_batch=2000, lengths_N=LENGTHS),
    ],
)
def test_a_pass_has_every_item_once_and_is_drawn_by_seed_and_number(plan: BatchPlan) -> None:
    first, again, other = plan.batches(0), plan.batches(0), plan.batches(1)
    assert sorted(np.concatenate(first).tolist()) == list(range(300))
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in again]
    assert [batch.tolist() for batch in first] != [batch.tolist() for batch in other]
    assert plan.n_steps(2, 3) == -(-len(first) // 3) + -(-len(other) // 3)


def test_a_budget_of_tokens_holds_padding_included_and_lengths_are_alike() -> None:
    batches = BatchPlan(n_items=300, seed=1, tokens_per_batch=2000, lengths_N=LENGTHS).batches(0)
    assert max(int(LENGTHS[batch].max()) * len(batch) for batch in batches) <= 2000
    mixed = BatchPlan(n_items=300, seed=1, batch_size=8).batches(0)
    assert padding(batches) < 0.1 < padding(mixed)


def test_items_of_a_small_data_set_meet_others_in_the_next_pass() -> None:
    plan = BatchPlan(n_items=300, seed=1, batch_size=12, lengths_N=LENGTHS)
    one, other = ({frozenset(batch.tolist()) for batch in plan.batches(number)} for number in (0, 1))
    assert not one & other


def test_an_item_longer_than_the_budget_is_a_batch_alone() -> None:
    plan = BatchPlan(n_items=12, seed=0, tokens_per_batch=10, lengths_N=np.array([50] + [4] * 11))
    batches = [batch.tolist() for batch in plan.batches(0)]
    assert [0] in batches
    assert max(map(len, batches)) == 2


def test_a_plan_without_size_or_with_two_is_refused() -> None:
    with pytest.raises(ValueError, match="either a size or a budget"):
        BatchPlan(n_items=3, seed=0)
    with pytest.raises(ValueError, match="needs the items' lengths"):
        BatchPlan(n_items=3, seed=0, tokens_per_batch=10)


@pytest.mark.parametrize("ahead", [0, 3])
def test_batches_go_on_where_a_pass_was_left(ahead: int) -> None:
    plan = BatchPlan(n_items=20, seed=0, batch_size=3)
    one, two = (PlannedBatches(plan, lambda items_B: items_B.tolist(), ahead=ahead) for _ in range(2))
    list(one.begin(0))
    whole = list(one.begin(0))
    two.restore(one.state())
    assert list(two.begin(4)) == whole[4:]
    assert list(two.begin(0)) == list(one.begin(0))


def test_what_a_source_raises_is_raised_where_it_is_read() -> None:
    def source():
        yield 1
        raise OSError("gone")

    stream = read_ahead(source(), 2)
    assert next(stream) == 1
    with pytest.raises(OSError, match="gone"):
        next(stream)


def test_halves_hold_all_items_in_order() -> None:
    assert halves_of([1, 2, 3]) == [[1], [2, 3]]
    assert halves_of([1]) == [[1]]
    parts = halves_of_mapping({"ids": np.arange(3), "mask": np.ones(3)})
    assert [part["ids"].tolist() for part in parts] == [[0], [1, 2]]
