"""The graph of a run: what waits for what, in which order; large ones too."""

from dataclasses import replace

import pytest

from seqbench.schedule.frontier import Frontier
from seqbench.schedule.graph import Graph, Node, make_graph
from seqbench.schedule.plan import Plan
from seqbench.stages.extract import shard_node
from seqbench.stages.probe import probe_nodes
from seqbench.stages.products import embeddings_product
from seqbench.stages.shards import Pair, SplitState, make_shards
from seqbench.stages.wanted_probes import ProbeCounts
from seqbench.store import Block

Counted = tuple[Pair, ProbeCounts]


def pair(model: str, dataset: str, blocks: int, heads: tuple[str, ...] = ("mlp",)) -> Counted:
    cut = tuple(Block(index, 100 * index, 100 * index + 100) for index in range(blocks))
    split = SplitState(name="train", n_items=100 * blocks, letters=5000 * blocks, missing=cut)
    missing = tuple((head, 2) for head in heads)
    return (
        Pair(model=model, dataset=dataset, layers=(0, 1), row_bytes=4, splits=(split,)),
        ProbeCounts(
            model=model, dataset=dataset, layers=(0, 1), wanted=2 * len(heads), missing_by_head=missing
        ),
    )


def graph(*pairs: Counted, shared: bool = True, shard_items: int = 100) -> Graph:
    plan = Plan(shared=shared)
    plan.add(shard_node(task, 2) for task in make_shards([found for found, _ in pairs], shard_items))
    for _, counts in pairs:
        after = plan.makers(embeddings_product(counts.model, counts.dataset)) or frozenset()
        plan.add(list(probe_nodes(counts, after, by_head=shared, power=1)))
    return make_graph(plan.nodes, shared=shared)


def order(made: Graph) -> list[str]:
    """Keys in the order in which one worker would do them."""
    frontier, keys = Frontier(made), []
    while (node := frontier.pop()) is not None:
        keys.append(node.key)
        frontier.done(node.key)
    assert not len(frontier)
    return keys


def test_on_a_cluster_all_extractions_rank_before_all_probes_and_each_head_is_a_task() -> None:
    made = graph(pair("m", "small", 1), pair("m", "large", 2, ("mlp", "knn")))
    assert [node.key for node in made.nodes] == [
        "extract/m/large/train/0-0",
        "extract/m/large/train/1-1",
        "extract/m/small/train/0-0",
        "probe/m/large/mlp",
        "probe/m/large/knn",
        "probe/m/small/mlp",
    ]
    assert made.nodes[3].after == {"extract/m/large/train/0-0", "extract/m/large/train/1-1"}
    assert {node.power for node in made.nodes[:3]} == {2}


def test_in_one_process_probes_follow_the_last_shard_of_their_data_set() -> None:
    made = graph(pair("m", "small", 1), pair("m", "large", 2, ("mlp", "knn")), shared=False)
    assert order(made) == [
        "extract/m/large/train/0-0",
        "extract/m/large/train/1-1",
        "probe/m/large/all",
        "extract/m/small/train/0-0",
        "probe/m/small/all",
    ]


def test_what_is_trained_already_makes_no_task_and_new_embeddings_wait_for_all_their_shards() -> None:
    (_, counts) = pair("m", "d", 1, ())
    assert list(probe_nodes(counts, frozenset(), by_head=True, power=1)) == []
    (node,) = probe_nodes(counts, frozenset({"extract/m/d/train/0-0"}), by_head=True, power=1)
    assert (node.key, node.amount, node.after) == ("probe/m/d/all", 0, {"extract/m/d/train/0-0"})


def test_files_that_are_imported_are_one_task_a_split() -> None:
    found, counts = pair("m", "d", 5)
    assert len(graph((replace(found, is_import=True), counts)).nodes) == 1 + 1


def test_what_waits_for_a_task_that_is_given_up_is_given_up_and_nothing_else() -> None:
    frontier = Frontier(graph(pair("m", "bad", 3), pair("m", "good", 1)))
    bad = frontier.pop()
    assert bad is not None
    assert [node.key for node in frontier.give_up(bad, with_group=False)] == ["probe/m/bad/mlp"]
    left = []
    while (node := frontier.pop()) is not None:
        left.append(node.key)
        frontier.done(node.key)
    assert left == [
        "extract/m/bad/train/1-1", "extract/m/bad/train/2-2", "extract/m/good/train/0-0", "probe/m/good/mlp",
    ]  # fmt: skip


def test_a_fault_of_the_input_ends_the_whole_data_set_of_a_model() -> None:
    frontier = Frontier(graph(pair("m", "bad", 3), pair("m", "good", 1)))
    bad = frontier.pop()
    assert bad is not None
    lost = [node.key for node in frontier.give_up(bad, with_group=True)]
    assert lost == ["extract/m/bad/train/1-1", "extract/m/bad/train/2-2", "probe/m/bad/mlp"]
    assert frontier.open_keys() == {"extract/m/good/train/0-0", "probe/m/good/mlp"}


def test_a_task_that_is_put_back_comes_again_at_its_rank() -> None:
    frontier = Frontier(graph(pair("m", "d", 3)))
    first = frontier.pop()
    assert first is not None
    frontier.put_back(first)
    again = frontier.pop()
    assert again is not None
    assert again.key == first.key


@pytest.fixture(scope="module")
def huge() -> list[Counted]:
    return [pair("m", f"d{number}", 1000, ("mlp", "knn")) for number in range(10)]


def test_ten_thousand_shards_are_planned_and_worked_off(huge: list[Counted]) -> None:
    made = graph(*huge)
    assert sum(node.group.stage == "extract" for node in made.nodes) == 10_000
    assert len(order(made)) == 10_020


def test_nodes_can_be_sent() -> None:
    import pickle

    for node in graph(pair("m", "d", 2)).nodes:
        sent = pickle.loads(pickle.dumps(node))
        assert isinstance(sent, Node)
        assert sent == node


def test_what_a_stage_lists_without_a_data_set_takes_nothing_from_others() -> None:
    (task,) = make_shards([pair("bert", "promoters", 1)[0]], 100)
    kept = replace(shard_node(task, 2), key="kept", model="likelihood", dataset="", makes=frozenset())
    other = replace(shard_node(task, 2), makes=frozenset())
    plan = Plan(shared=False)
    plan.add([kept, other])
    plan.fail("likelihood", "", "no corpus")
    assert [each.key for each in plan.nodes] == ["kept", other.key]
    plan.fail("bert", "promoters", "no file")
    assert [each.key for each in plan.nodes] == ["kept"]
