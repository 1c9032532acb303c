"""What running tasks costs beside the work itself: in this process, on one worker and on two."""

import pickle
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from common.results import Figure
from common.setting import Setting
from common.turns import in_turns, paired
from distributed import get_worker
from extraction.shapes import Shape

from scheduling.work import Unheard, config, write_data
from seqbench.catalog import Catalog
from seqbench.config.schedule import ScheduleConfig
from seqbench.core.progress import Silent
from seqbench.extract.blocks import Work
from seqbench.schedule.context import Context
from seqbench.schedule.executors import on_dask
from seqbench.schedule.executors.opening import open_cluster
from seqbench.schedule.graph import Graph, make_graph
from seqbench.schedule.run import look, run
from seqbench.schedule.stage import Doing
from seqbench.schedule.worker import Report, WorkerJob
from seqbench.stages.descriptions import dataset_record, embedding_record
from seqbench.stages.extract import ExtractStage, shard_node
from seqbench.stages.shards import ExtractTask, Pair, SplitState, make_shards
from seqbench.stages.workspace import Workspace, workspace_of
from seqbench.store import Block

SMALL = Shape(family="bert", blocks=6, hidden=256, heads=8, intermediate=1024)
ONE_AT_A_TIME = {"power_per_gpu": 1, "extract_power": 1, "probe_power": 1}


NAP_SECONDS = 0.05


def nothing(job: WorkerJob) -> None:
    """A task without any work, which ends as others do."""
    get_worker().log_event(job.topic, {"key": job.key, "report": pickle.dumps(Report(result=Work()))})


def nap(job: WorkerJob) -> None:
    """A task that takes time and no processor."""
    time.sleep(NAP_SECONDS)
    nothing(job)


def overhead(setting: Setting) -> list[Figure]:
    """Milliseconds that a task takes beside its work: with no work at all, and with a little."""
    return [
        Figure(
            benchmark="overhead",
            what="a task of nothing, two workers, one task at a time each",
            values=_lost(setting, nothing, setting.scaled(1_000), 0.0),
            unit="ms",
            target=10.0,
            better="less",
        ),
        Figure(
            benchmark="overhead",
            what="beside 50 ms of sleep, two workers, one task at a time each",
            values=_lost(setting, nap, setting.scaled(400), NAP_SECONDS),
            unit="ms",
            target=10.0,
            better="less",
        ),
    ]


def _lost(setting: Setting, do: Callable[[WorkerJob], None], count: int, seconds: float) -> tuple[float, ...]:
    """Milliseconds a task beside its work, a round each."""
    original = on_dask.work
    on_dask.work = do  # type: ignore[assignment]
    schedule = ScheduleConfig.model_validate({"workers": 2, **ONE_AT_A_TIME})
    values = []
    try:
        with open_cluster(schedule, setting.console.print, str(setting.folder)) as cluster:
            wanted = config(setting, "overhead", setting.folder, schedule.model_dump(exclude_unset=True))
            stages = {"extract": ExtractStage(Context(wanted, Silent()))}
            for number in range(setting.rounds + 1):
                listener, began = Unheard(), time.perf_counter()
                executor = on_dask.OnDask(cluster, wanted, stages, lambda node: [], f"overhead{number}")
                executor.execute(_empty(count), listener)
                listener.check()
                values.append(1000 * (2 * (time.perf_counter() - began) / count - seconds))
    finally:
        on_dask.work = original
    return tuple(values[1:])  # in the first the workers import what they need


def _empty(count: int) -> Graph:
    split = SplitState(
        name="train",
        n_items=count,
        letters=count,
        missing=tuple(Block(index, index, index + 1) for index in range(count)),
    )
    pair = Pair(
        model="model",
        dataset="d",
        layers=(0,),
        row_bytes=4,
        splits=(split,),
    )
    return make_graph([shard_node(task, 1) for task in make_shards([pair], 1)], shared=True)


def workers(setting: Setting) -> list[Figure]:
    """How much faster two single-thread workers extract than one, models loaded before."""
    # 48 shards of 8 to 54 items, as data sets differ in size: with few, what is measured is the last one,
    # during which the other worker is idle.
    model = _prepare(setting, [8 + 2 * number for number in range(24)])

    def timed(count: int) -> float:
        schedule = {"workers": count, **ONE_AT_A_TIME}
        wanted = config(setting, f"workers-{count}-{time.time_ns()}", model, schedule)
        with open_cluster(wanted.schedule, setting.console.print, str(setting.folder)) as cluster:
            plan, stages = look(wanted, Silent(), "extract")
            everything = make_graph(plan.nodes, shared=True).nodes
            warm, rest = everything[:count], everything[count:]
            for part, nodes in enumerate((warm, rest)):
                began, listener = time.perf_counter(), Unheard()
                executor = on_dask.OnDask(cluster, wanted, stages, lambda node: [], f"w{part}")
                executor.execute(Graph(nodes=nodes), listener)
                listener.check()
            lasted = time.perf_counter() - began
            return lasted / sum(node.amount for node in rest)

    values = in_turns(
        {"one": lambda: timed(1), "two": lambda: timed(2)}, setting.rounds, setting.console, "workers"
    )
    return [
        Figure(
            benchmark="workers",
            what="items/s of two single-thread workers over one",
            values=paired(values["one"], values["two"]),
            unit="×",
            target=1.8,
            note="with OMP_NUM_THREADS=1; otherwise the one worker has the threads of both",
        )
    ]


def in_process(setting: Setting) -> list[Figure]:
    """A whole `extract` in this process over the plain calls of its parts."""
    model = _prepare(setting, [500, 500])

    def whole() -> float:
        wanted = config(setting, f"whole-{time.time_ns()}", model, {})
        began = time.perf_counter()
        run(wanted, Silent(), "extract")
        return time.perf_counter() - began

    def plain() -> float:
        wanted = config(setting, f"plain-{time.time_ns()}", model, {})
        began = time.perf_counter()
        plan, stages = look(wanted, Silent(), "extract")
        tasks = [node.task for node in plan.nodes]
        doing = Doing(run_id="plain", advance=lambda amount: None, give=lambda records: None)
        for task in tasks:
            stages["extract"].do(task, doing)
        _record(stages["extract"].context.shared(workspace_of), tasks)
        return time.perf_counter() - began

    values = in_turns({"plain": plain, "whole": whole}, setting.rounds, setting.console, "in process")
    return [
        Figure(
            benchmark="in process",
            what="`extract` over the plain calls that survey, extract and record",
            values=paired(values["whole"], values["plain"]),
            unit="×",
            target=1.02,
            better="less",
        )
    ]


def _record(workspace: Workspace, done: Sequence[ExtractTask]) -> None:
    """What a script would write down: models, data sets and embeddings."""
    catalog = Catalog(workspace.config.catalog)
    for dataset in dict.fromkeys(task.dataset for task in done):
        entry = workspace.store[f"model/{dataset}"]
        records = [embedding_record(entry, split, Work(), "cpu") for split in entry.splits]
        catalog.append([dataset_record(entry, workspace), *records])


def _prepare(setting: Setting, sizes: Sequence[int]) -> Path:
    """Write data sets with so many items in train, in place of others, and a model."""
    shutil.rmtree(setting.folder / "data", ignore_errors=True)
    for number, items in enumerate(sizes):
        write_data(setting.folder / "data" / f"d{number}", setting.scaled(items), 200, seed=number)
    return SMALL.save(setting.folder / "bert")
