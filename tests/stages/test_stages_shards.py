"""Planning extraction: tasks from facts, without I/O."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from seqbench.stages.shards import ExtractTask, Pair, SplitState, make_shards, resolve_layers
from seqbench.store import Block
from seqbench.store.layout import blocks


def pair(model: str, dataset: str, items: int, *, missing: bool = True) -> Pair:
    cut = tuple(blocks(items, 100)) if missing else ()
    split = SplitState(name="train", n_items=items, letters=items * 50, missing=cut)
    return Pair(model=model, dataset=dataset, layers=(0, 1), row_bytes=4, splits=(split,))


def test_several_poolings_share_one_pass() -> None:
    some = replace(pair("m@max", "d", 300), source="m")
    lacks_one = replace(some.splits[0], missing=some.splits[0].missing[1:2])
    (task,) = make_shards([replace(pair("m", "d", 300), splits=(lacks_one,)), some])
    assert (task.model, task.entries, len(task.blocks)) == ("m", ("m", "m@max"), 3)


def test_the_largest_data_set_of_a_model_comes_first() -> None:
    found = make_shards([pair("m", "small", 100), pair("m", "large", 900)])
    assert [task.dataset for task in found] == ["large", "small"]


def test_models_keep_the_configs_order_so_that_each_is_loaded_once() -> None:
    found = [pair("b", "x", 10), pair("b", "y", 20), pair("a", "x", 10), pair("a", "y", 20)]
    assert [task.model for task in make_shards(found)] == ["b", "b", "a", "a"]


@given(st.integers(1, 3000), st.integers(1, 1000))
def test_shards_are_whole_blocks_and_cover_every_item_once(items: int, shard_items: int) -> None:
    found = list(make_shards([pair("m", "d", items)], shard_items))
    rows = [row for task in found for block in task.blocks for row in range(block.start, block.stop)]
    assert rows == list(range(items))
    assert all(task.items <= max(shard_items, 100) for task in found)


def test_what_is_done_makes_no_task() -> None:
    assert list(make_shards([pair("m", "d", 100, missing=False)])) == []


def test_tasks_can_be_sent_to_another_process() -> None:
    import pickle

    (task,) = make_shards([pair("m", "d", 250)])
    assert pickle.loads(pickle.dumps(task)) == task
    assert (task.blocks[-1], task.items) == (Block(2, 200, 250), 250)
    assert isinstance(task, ExtractTask)


def test_layers_are_counted_from_either_end_and_only_those_the_model_has() -> None:
    assert resolve_layers(None, 3) == (0, 1, 2)
    assert resolve_layers([-1, 0, 12, 0], 7) == (0, 6)
