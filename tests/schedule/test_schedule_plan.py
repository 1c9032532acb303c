"""Planning: tasks from facts, without I/O."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from seqbench.schedule.plan import ExtractTask, Pair, Plan, ProbeTask, SplitState, make_plan, resolve_layers
from seqbench.store import Block
from seqbench.store.layout import blocks


def pair(model: str, dataset: str, items: int, *, missing: bool = True, known: int = 0) -> Pair:
    cut = tuple(blocks(items, 100)) if missing else ()
    split = SplitState(name="train", n_items=items, letters=items * 50, missing=cut)
    return Pair(
        model=model,
        dataset=dataset,
        layers=(0, 1),
        row_bytes=4,
        splits=(split,),
        probes=4,
        probes_known=known,
    )


def test_several_poolings_share_one_pass_and_each_has_its_probes() -> None:
    some = replace(pair("m@max", "d", 300), source="m")
    lacks_one = replace(some.splits[0], missing=some.splits[0].missing[1:2])
    pairs = [replace(pair("m", "d", 300), splits=(lacks_one,)), some]
    plan = make_plan(pairs, extract=True, probe=True)
    (task,) = plan.extract
    assert (task.model, task.entries, len(task.blocks)) == ("m", ("m", "m@max"), 3)
    assert [(each.model, each.after) for each in plan.probe] == [
        ("m", frozenset({task})), ("m@max", frozenset({task})),
    ]  # fmt: skip


def test_the_largest_data_set_of_a_model_comes_first_and_probes_follow_their_own() -> None:
    plan = make_plan([pair("m", "small", 100), pair("m", "large", 900)], extract=True, probe=True)
    order = [(type(task).__name__, task.dataset) for task in plan.in_order()]
    assert order == [
        ("ExtractTask", "large"), ("ProbeTask", "large"), ("ExtractTask", "small"), ("ProbeTask", "small"),
    ]  # fmt: skip


def test_models_keep_the_configs_order_so_that_each_is_loaded_once() -> None:
    found = [pair("b", "x", 10), pair("b", "y", 20), pair("a", "x", 10), pair("a", "y", 20)]
    assert [task.model for task in make_plan(found, extract=True, probe=False).extract] == [
        "b",
        "b",
        "a",
        "a",
    ]


@given(st.integers(1, 3000), st.integers(1, 1000))
def test_shards_are_whole_blocks_and_cover_every_item_once(items: int, shard_items: int) -> None:
    plan = make_plan([pair("m", "d", items)], extract=True, probe=True, shard_items=shard_items)
    rows = [row for task in plan.extract for block in task.blocks for row in range(block.start, block.stop)]
    assert rows == list(range(items))
    assert all(task.items <= max(shard_items, 100) for task in plan.extract)
    assert plan.probe[0].after == frozenset(plan.extract)


def test_a_probe_waits_for_every_shard_of_its_data_set_and_of_no_other() -> None:
    shards = make_plan([pair("m", "d", 1000)], extract=True, probe=True, shard_items=300)
    order = list(shards.in_order())
    assert [isinstance(task, ProbeTask) for task in order] == [False, False, False, False, True]


def test_what_is_done_makes_no_task() -> None:
    done = pair("m", "d", 100, missing=False, known=4)
    assert make_plan([done], extract=True, probe=True) == Plan(extract=(), probe=())
    trained = make_plan([pair("m", "d", 100, missing=False, known=1)], extract=True, probe=True)
    assert (trained.extract, trained.probe[0].probes) == ((), 3)


def test_tasks_can_be_sent_to_another_process() -> None:
    import pickle

    task = make_plan([pair("m", "d", 250)], extract=True, probe=False).extract[0]
    assert pickle.loads(pickle.dumps(task)) == task
    assert (task.blocks[-1], task.items) == (Block(2, 200, 250), 250)
    assert isinstance(task, ExtractTask)


def test_layers_are_counted_from_either_end_and_only_those_the_model_has() -> None:
    assert resolve_layers(None, 3) == (0, 1, 2)
    assert resolve_layers([-1, 0, 12, 0], 7) == (0, 6)
