"""Sending a task to a worker of a Dask cluster."""

import pickle
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from distributed import Client, Future

from seqbench.config import Config
from seqbench.config.schedule import ScheduleConfig
from seqbench.schedule.graph import Node
from seqbench.schedule.stage import Stage, reference_of
from seqbench.schedule.worker import Report, WorkerJob, work


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A task on its way."""

    node: Node
    key: str
    """Of this attempt, other than the node's."""
    worker: str
    future: Future
    began: float = field(default_factory=time.monotonic)
    """When it was sent, on this process's clock, in seconds."""
    advanced: float = 0.0
    received: int = 0
    """Records that have come."""
    report: Report | None = None
    """How it ended, where that came as an event."""


class Sender:
    """Makes a job of a node, and an attempt of each sending."""

    def __init__(
        self, client: Client, config: Config, run_id: str, do: Callable[[WorkerJob], Report | None] = work
    ) -> None:
        """Pack the config, once for all tasks.

        Args:
            client: Connected to the cluster.
            config: Where tasks run is left out of it: it changes nothing of what a worker keeps.
            run_id: Of the run.
            do: What a worker is to call.
        """
        self._client = client
        here = config.model_copy(update={"schedule": ScheduleConfig()})
        self._config = pickle.dumps(here)
        self._digest = sha256(here.model_dump_json().encode()).hexdigest()
        self._run_id = run_id
        self._do = do
        self._sent: Counter[str] = Counter()

    def send(self, node: Node, worker: str, power: float, stage: Stage) -> Attempt:
        """Send a node to a worker, of which it takes so many units; `stage` is that of the node."""
        self._sent[node.key] += 1
        job = WorkerJob(
            config=self._config,
            digest=self._digest,
            run_id=self._run_id,
            key=f"{node.key}#{self._sent[node.key]}-{self._run_id[:8]}",
            stage=reference_of(stage),
            task=stage.to_send(node.task),
        )
        future = self._client.submit(
            self._do,
            job,
            key=job.key,
            workers=[worker],
            allow_other_workers=False,
            resources={"power": power},
            pure=False,
        )
        return Attempt(node=node, key=job.key, worker=worker, future=future)


def node_key(key: str) -> str:
    """The node's key of an attempt's."""
    return key.rpartition("#")[0]
