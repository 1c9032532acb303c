"""Planning 10,000 shards, and a plan of 23 data sets on 64 GPUs, worked off in simulated time."""

import heapq
import time
from statistics import mean

from common.results import Figure
from common.setting import Setting

from seqbench.datasets.registry import shipped
from seqbench.schedule.allocation import Allocation
from seqbench.schedule.frontier import Frontier
from seqbench.schedule.graph import Graph, Node, make_graph
from seqbench.schedule.plan import Plan
from seqbench.stages.extract import shard_node
from seqbench.stages.probe import ProbeCounts, probe_nodes
from seqbench.stages.products import embeddings_product
from seqbench.stages.shards import Pair, SplitState, make_shards
from seqbench.store import Block
from seqbench.store.layout import blocks, cut

GPUS, LAYERS, HIDDEN = 64, 33, 1024
POWER, EXTRACT, PROBE = 5.0, 4.0, 1.0
LETTERS_A_SECOND = 1.2e6
"""Of a GPU, assumed: 200,000 tokens of six letters."""
SECONDS_A_TASK = 0.02
"""Between two tasks of a worker, assumed: more than `running.overhead` measures."""
PROBE_SECONDS_AN_ITEM = 2e-3
"""Of 33 MLPs of 100 epochs, trained together; assumed."""


def planning(setting: Setting) -> list[Figure]:
    """Seconds for 10,000 shards, from what the survey found to a graph that is ready."""
    pairs = [_pair(f"d{number}", 1_000) for number in range(10)]
    seconds = []
    for _ in range(setting.rounds):
        began = time.perf_counter()
        graph = _graph(pairs, 1)
        Frontier(graph)
        seconds.append(time.perf_counter() - began)
    shards = sum(node.group.stage == "extract" for node in graph.nodes)
    return [
        Figure(
            benchmark="planning",
            what=f"plan and graph of {shards:,} shards",
            values=tuple(seconds),
            unit="s",
            target=1.0,
            better="less",
        )
    ]


def _pair(name: str, count: int) -> Pair:
    split = SplitState(
        name="train",
        n_items=count,
        letters=count,
        missing=tuple(Block(index, index, index + 1) for index in range(count)),
    )
    return _of_splits(name, (split,))


def _of_splits(name: str, splits: tuple[SplitState, ...]) -> Pair:
    return Pair(
        model="model",
        dataset=name,
        layers=tuple(range(LAYERS)),
        row_bytes=4 * HIDDEN,
        splits=splits,
    )


def _graph(pairs: list[Pair], shard_items: int = 50_000) -> Graph:
    plan = Plan(shared=True)
    plan.add(shard_node(task, EXTRACT) for task in make_shards(pairs, shard_items))
    for pair in pairs:
        after = plan.makers(embeddings_product(pair.model, pair.dataset)) or frozenset()
        counts = ProbeCounts(
            model=pair.model,
            dataset=pair.dataset,
            layers=pair.layers,
            wanted=LAYERS,
            missing_by_head=(("mlp", LAYERS),),
        )
        plan.add(list(probe_nodes(counts, after, by_head=True, power=PROBE)))
    return make_graph(plan.nodes, shared=True)


def gpus(setting: Setting) -> list[Figure]:
    """The share of time in which GPUs extract, until the last shard is done."""
    pairs = [_of_splits(name, _splits(items, letters)) for name, items, letters in reference_sets()]
    graph = _graph(pairs)
    busy, end, finished = simulate(graph)
    shards = sum(node.group.stage == "extract" for node in graph.nodes)
    return [
        Figure(
            benchmark="64 GPUs",
            what=f"busy until the last of {shards:,} shards of {len(pairs)} data sets",
            values=(100 * busy,),
            unit="%",
            target=95.0,
            note="simulated time, by the allocation that runs use: last shard after "
            f"{end:,.0f} s, last probe after {finished:,.0f} s; {LETTERS_A_SECOND:,.0f} letters/s a GPU, "
            f"{SECONDS_A_TASK} s between tasks",
        )
    ]


def reference_sets() -> list[tuple[str, int, int]]:
    """Name, items and letters of the data sets that the reference's users know."""
    found = []
    for name, entry in shipped().items():
        found.append((name, entry.items, round(entry.items * mean(entry.length) * entry.item_seqs)))
    return found


def _splits(items: int, letters: int) -> tuple[SplitState, ...]:
    splits = []
    for name, share in {"train": 0.8, "eval": 0.1, "test": 0.1}.items():
        n_items, part = round(items * share), round(letters * share)
        rows = cut(n_items=n_items, n_seqs=1, hidden=HIDDEN, itemsize=4, letters=part).block_rows
        splits.append(
            SplitState(name=name, n_items=n_items, letters=part, missing=tuple(blocks(n_items, rows)))  # type: ignore[arg-type]
        )
    return tuple(splits)


def simulate(graph: Graph) -> tuple[float, float, float]:
    """Busy share of all GPUs until the last shard, when that was, and when all was done."""
    frontier, allocation = Frontier(graph), Allocation()
    allocation.update({f"gpu {number}": POWER for number in range(GPUS)})
    ending: list[tuple[float, int, Node]] = []
    now = busy = last_shard = 0.0
    items = {node.task.dataset: 0 for node in graph.nodes}
    for node in graph.nodes:
        items[node.task.dataset] += node.amount if node.group.stage == "extract" else 0
    while len(frontier):
        for node, _, _ in allocation.assign(frontier):
            lasts = _seconds(node, items)
            heapq.heappush(ending, (now + SECONDS_A_TASK + lasts, node.rank, node))
            busy += lasts if node.group.stage == "extract" else 0
        now, _, node = heapq.heappop(ending)
        last_shard = now if node.group.stage == "extract" else last_shard
        allocation.release(node.key)
        frontier.done(node.key)
    return busy / (GPUS * last_shard), last_shard, now


def _seconds(node: Node, items: dict[str, int]) -> float:
    letters = getattr(node.task, "letters", None)
    if letters is not None:
        return float(letters) / LETTERS_A_SECOND
    return PROBE_SECONDS_AN_ITEM * items[node.task.dataset]
