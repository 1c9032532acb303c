"""Who takes what: the reference's example by its trace, power, copies of a model, suspects."""

import heapq
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.schedule.allocation import Allocation
from seqbench.schedule.frontier import Frontier
from seqbench.schedule.graph import Graph, Node
from tests.schedule.test_schedule_graph import graph, pair

Trace = list[tuple[float, str, str, str]]
"""When, `starts` or `ends`, which task, on which worker."""


def simulate(made: Graph, capacity: dict[str, float], seconds: dict[str, float]) -> Trace:
    """Work off a graph on workers that only count time; a task lasts as its key's beginning says."""
    frontier, allocation, trace = Frontier(made), Allocation(), []
    allocation.update(capacity)
    ending: list[tuple[float, int, Node, str]] = []
    now = 0.0
    while len(frontier):
        for node, worker, _ in allocation.assign(frontier):
            lasts = next(length for start, length in seconds.items() if node.key.startswith(start))
            heapq.heappush(ending, (now + lasts, node.rank, node, worker))
            trace.append((now, "starts", node.key, worker))
        for used, power, _ in allocation.loads().values():
            assert used <= power + 1e-9
        now, _, node, worker = heapq.heappop(ending)
        trace.append((now, "ends", node.key, worker))
        allocation.release(node.key)
        frontier.done(node.key)
    return trace


def held(trace: Trace, worker: str, until: float) -> set[str]:
    """What a worker does right after a moment."""
    found: set[str] = set()
    for at, what, key, where in trace:
        if at <= until and where == worker:
            found = found | {key} if what == "starts" else found - {key}
    return found


def test_the_references_example_of_two_gpus_comes_out_as_written() -> None:
    sizes = {"A": 9, "B": 8, "C": 7}
    heads = ("mlp", "knn", "linear")
    made = graph(*(pair("m", name, size, heads) for name, size in sizes.items()), shard_items=10_000)
    trace = simulate(
        made,
        {"GPU 0": 5, "GPU 1": 5},
        {"extract/m/A": 10, "extract/m/B": 30, "extract/m/C": 30, "probe": 5},
    )
    A, B, C = (f"extract/m/{name}/train/0-{last}" for name, last in zip("ABC", (8, 7, 6), strict=True))
    assert held(trace, "GPU 0", 0) == {A, C}  # 4 of 5 units
    assert held(trace, "GPU 1", 0) == {B}
    assert held(trace, "GPU 0", 10) == {C, "probe/m/A/mlp", "probe/m/A/knn", "probe/m/A/linear"}
    assert held(trace, "GPU 1", 10) == {B}


def test_probes_start_while_other_data_sets_still_extract() -> None:
    made = graph(pair("m", "A", 9), pair("m", "B", 8), shard_items=10_000)
    trace = simulate(made, {"w": 2}, {"extract": 10, "probe": 5})
    times = {(what, key.partition("/")[0], key.split("/")[2]): at for at, what, key, _ in trace}
    assert times["ends", "extract", "A"] <= times["starts", "extract", "B"]
    wide = simulate(made, {"w": 3}, {"extract": 10, "probe": 5})
    begun = {key: at for at, what, key, _ in wide if what == "starts"}
    assert begun["probe/m/A/mlp"] == begun["extract/m/B/train/0-7"] == 10


def test_more_than_two_extractions_with_one_model_never_share_a_worker() -> None:
    trace = simulate(graph(pair("m", "d", 9)), {"w": 100}, {"extract": 1, "probe": 1})
    at_once = 0
    for _, what, key, _ in trace:
        at_once += (1 if what == "starts" else -1) if key.startswith("extract") else 0
        assert at_once <= 2


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3)), min_size=1, max_size=5),
    st.lists(st.floats(2.0, 7.5), min_size=1, max_size=4),
    st.integers(1, 9),
)
def test_every_task_is_done_once_and_no_worker_is_over_subscribed(
    sizes: list[tuple[int, int]], powers: list[float], lasts: int
) -> None:
    pairs = [pair("m", f"d{number}", blocks, ("a", "b", "c")[:n]) for number, (blocks, n) in enumerate(sizes)]
    made = graph(*pairs)
    capacity = {f"w{number}": power for number, power in enumerate(powers)}
    trace = simulate(made, capacity, {"extract": lasts, "probe": 2})
    ended = [key for _, what, key, _ in trace if what == "ends"]
    assert sorted(ended) == sorted(node.key for node in made.nodes)
    place = {(what, key): number for number, (_, what, key, _) in enumerate(trace)}
    for node in made.nodes:
        assert all(place["ends", before] < place["starts", node.key] for before in node.after)


@pytest.fixture
def running() -> tuple[Frontier, Allocation]:
    frontier, allocation = Frontier(graph(pair("m", "d", 6))), Allocation()
    allocation.update({"a": 5, "b": 5})
    return frontier, allocation


def test_what_ran_on_a_worker_that_is_gone_is_handed_back(running: tuple[Frontier, Allocation]) -> None:
    frontier, allocation = running
    places = defaultdict(set)
    for node, worker, _ in allocation.assign(frontier):
        places[worker].add(node.key)
    assert {node.key for node in allocation.update({"b": 5})} == places["a"]


def test_a_suspect_gets_a_worker_for_itself_and_is_not_starved(running: tuple[Frontier, Allocation]) -> None:
    frontier, allocation = running
    started = allocation.assign(frontier)
    first = started[0][0]
    (other,) = (node for node, worker, _ in started[1:] if worker == "a")
    allocation.release(first.key)
    allocation.suspect(first.key)
    frontier.put_back(first)
    assert allocation.assign(frontier) == []  # one worker is kept free, the other is full
    allocation.release(other.key)
    frontier.done(other.key)
    assert [(node.key, worker, power) for node, worker, power in allocation.assign(frontier)] == [
        (first.key, "a", 5)
    ]


def test_a_task_that_raised_on_a_worker_goes_to_another(running: tuple[Frontier, Allocation]) -> None:
    frontier, allocation = running
    node, worker, _ = allocation.assign(frontier)[0]
    allocation.release(node.key)
    allocation.avoid(node.key, worker)
    frontier.put_back(node)
    assert (node.key, worker) not in [(n.key, w) for n, w, _ in allocation.assign(frontier)]
    allocation.update({worker: 5})
    allocation.release(node.key)


def ends(node: Node, frontier: Frontier, allocation: Allocation, seconds: float | None = 0.02) -> list[Node]:
    """What a node's end starts."""
    allocation.release(node.key, seconds)
    frontier.done(node.key)
    return [node for node, _, _ in allocation.assign(frontier)]


def test_a_worker_that_does_brief_shards_gets_the_next_ahead_and_takes_it_up_by_itself() -> None:
    frontier, allocation = Frontier(graph(pair("m", "A", 6))), Allocation()
    allocation.update({"a": 2})
    ((first, _, _),) = allocation.assign(frontier)
    second, third = ends(first, frontier, allocation)
    assert allocation.loads()["a"][:2] == (2, 2)  # what waits takes nothing yet
    assert allocation.assign(frontier) == []  # one at a time
    (fourth,) = ends(second, frontier, allocation)
    assert allocation.loads()["a"][:2] == (2, 2)
    assert allocation.update({}) == [third, fourth]  # nothing is lost with the worker


@pytest.mark.parametrize("seconds", [2.0, None])
def test_nothing_waits_behind_a_shard_that_may_take_long(seconds: float | None) -> None:
    frontier, allocation = Frontier(graph(pair("m", "A", 6))), Allocation()
    allocation.update({"a": 2})
    ((first, _, _),) = allocation.assign(frontier)
    assert len(ends(first, frontier, allocation, seconds)) == 1


def test_nothing_waits_where_a_probe_ends_first_or_another_data_set_comes_next() -> None:
    frontier, allocation = (
        Frontier(graph(pair("m", "A", 2), pair("m", "B", 4), pair("m", "C", 1))),
        Allocation(),
    )
    allocation.update({"a": 3})
    ((first, _, _),) = allocation.assign(frontier)
    now, ahead = ends(first, frontier, allocation)
    (last,) = ends(now, frontier, allocation)
    assert ends(ahead, frontier, allocation) == []
    started = ends(last, frontier, allocation)
    assert [node.key for node in started] == ["extract/m/A/train/0-0", "probe/m/B/mlp"]
    assert [node.key for node in ends(started[0], frontier, allocation)] == ["extract/m/A/train/1-1"]
