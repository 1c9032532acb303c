"""A cluster of two worker processes: tasks that kill, raise or are at fault, and what becomes of others."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seqbench.catalog.records import ProbeRecord
from seqbench.config import Config
from seqbench.config.schedule import ScheduleConfig
from seqbench.core.progress import Silent
from seqbench.errors import ConfigError
from seqbench.schedule.context import Context
from seqbench.schedule.events import WorkerLoad
from seqbench.schedule.executors import on_dask, opening
from seqbench.schedule.executors.cluster import Cluster
from seqbench.schedule.executors.opening import open_cluster
from seqbench.schedule.graph import Graph, Node
from tests.schedule import faulty
from tests.schedule.test_schedule_graph import graph, pair
from tests.schedule.toy import Stack

SCHEDULE = {"workers": 2, "power_per_gpu": 5, "extract_power": 2, "probe_power": 1, "retries": 1}


@pytest.fixture(scope="module")
def config() -> Config:
    return Config.model_validate(
        {"models": [{"kind": "kmer"}], "datasets": {"root": "data"}, "schedule": SCHEDULE}
    )


@pytest.fixture(scope="module")
def cluster(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with open_cluster(config.schedule, print, str(tmp_path_factory.mktemp("logs"))) as found:
        yield found


class Told:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: defaultdict[str, list[str]] = defaultdict(list)
        self.reasons: dict[str, str] = {}
        self.amounts: Counter[str] = Counter()
        self.most_used = 0.0

    def advanced(self, node: Node, amount: float) -> None:
        self.amounts[node.key] += int(amount)

    def done(self, node: Node, result: object, device: str) -> None:
        self.calls["done"].append(node.key)
        self.calls["order"].append("done")

    def gave_up(self, node: Node, reason: str) -> None:
        self.reasons[node.key] = reason

    def records(self, node: Node, records: Sequence[ProbeRecord]) -> None:
        self.calls["records"] += [record.spec_hash for record in records]
        self.calls["order"].append(f"records {len(records)}")

    def note(self, text: str) -> None:
        self.calls["note"].append(text)

    def workers(self, loads: Sequence[WorkerLoad]) -> None:
        self.most_used = max([self.most_used, *(load.used for load in loads)])

    def __getattr__(self, name: str) -> Any:
        return lambda node, *rest: self.calls[name].append(node.key)


def work_off(cluster: Cluster, config: Config, made: Graph, monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setattr(on_dask, "work", faulty.work)
    stages, told = dict.fromkeys(("extract", "probe"), Stack(Context(config, Silent()))), Told()
    run_id = f"{made.nodes[0].key}".replace("/", "-")
    on_dask.OnDask(cluster, config, stages, lambda node: [], run_id).execute(made, told)
    return told


def test_every_task_is_done_and_power_is_never_over_subscribed(
    cluster: Cluster, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graph(pair("m", "one", 8, ("mlp", "knn")), pair("m", "two", 5))
    told = work_off(cluster, config, made, monkeypatch)
    keys = sorted(node.key for node in made.nodes)
    assert sorted(told.calls["done"]) == keys
    assert told.reasons == {}
    assert told.amounts == {node.key: node.amount for node in made.nodes}
    assert 4 <= told.most_used <= 5


def test_a_task_that_kills_its_workers_is_given_up_and_the_others_are_done(
    cluster: Cluster, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graph(pair("m", "healthy", 4), pair("m", "poison", 1))
    told = work_off(cluster, config, made, monkeypatch)
    assert told.reasons.keys() == {"extract/m/poison/train/0-0"}
    (reason,) = told.reasons.values()
    assert reason.startswith("given up after 2 attempts: the worker that did it died")
    assert told.calls["skipped"] == ["probe/m/poison/mlp"]
    assert told.calls["started"].count("extract/m/poison/train/0-0") == 2
    assert len(told.calls["done"]) == 5


@pytest.mark.slow
def test_a_task_that_takes_all_memory_ends_its_worker_alone_and_the_others_are_done(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight = config.model_copy(update={"schedule": config.schedule.model_copy(update={"memory": "1GB"})})
    made = graph(pair("m", "healthy", 4), pair("m", "hungry", 1))
    with open_cluster(tight.schedule, print, str(tmp_path)) as cluster:
        told = work_off(cluster, tight, made, monkeypatch)
    assert told.reasons.keys() == {"extract/m/hungry/train/0-0"}
    (reason,) = told.reasons.values()
    assert "the worker that did it died" in reason
    assert "out of memory" in reason
    assert told.calls["skipped"] == ["probe/m/hungry/mlp"]
    assert len(told.calls["done"]) == 5


def test_a_task_that_raises_is_tried_on_another_worker_and_listed_with_its_traceback(
    cluster: Cluster, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = work_off(cluster, config, graph(pair("m", "bug", 1), pair("m", "fine", 1)), monkeypatch)
    assert told.calls["started"].count("extract/m/bug/train/0-0") == 2
    assert "given up after 2 attempts: Traceback: a bug on " in told.reasons["extract/m/bug/train/0-0"]
    assert len(told.calls["done"]) == 2


def test_what_the_input_is_at_fault_for_is_not_tried_again_and_ends_its_data_set(
    cluster: Cluster, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = work_off(cluster, config, graph(pair("m", "wrong", 9), pair("m", "fine", 1)), monkeypatch)
    assert set(told.reasons.values()) == {"wrong/train.jsonl:3: label must be an int"}
    assert Counter(told.calls["started"]).most_common(1)[0][1] == 1
    assert len(told.reasons) <= 4  # those that ran side by side; the rest was never started
    assert "probe/m/wrong/mlp" in told.calls["skipped"]
    assert len(told.calls["done"]) == 2


def test_results_of_a_long_task_come_before_its_end_and_each_once(
    cluster: Cluster, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = work_off(cluster, config, graph(pair("m", "long", 1)), monkeypatch)
    assert told.calls["order"] == ["done", "records 1", "records 1", "done"]
    assert [name.rpartition("-")[2] for name in told.calls["records"]] == ["0", "1"]
    assert told.amounts["probe/m/long/mlp"] == 2


def test_a_task_that_needs_more_power_than_any_worker_has_is_named(
    cluster: Cluster, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graph(pair("m", "heavy", 1), pair("m", "light", 1))
    nodes = tuple(replace(node, power=9.0) if "extract/m/heavy" in node.key else node for node in made.nodes)
    told = work_off(cluster, config, Graph(nodes=nodes), monkeypatch)
    assert told.reasons["extract/m/heavy/train/0-0"].startswith("takes 9 units of power, no worker offers")
    assert len(told.calls["done"]) == 2


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "OPEN_SECONDS", 0.5)
    schedule = ScheduleConfig(cluster="tcp://127.0.0.1:1")
    with (
        pytest.raises(ConfigError, match=r"no scheduler answers at tcp://127.0.0.1:1 \(.*\); start one with"),
        open_cluster(schedule, print, str(tmp_path)),
    ):
        pass
