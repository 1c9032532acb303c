"""What every Dask cluster has in common: who works there, and the settings that they are started with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distributed import Client
from distributed.security import Security

from seqbench.config.schedule import ScheduleConfig
from seqbench.errors import ConfigError


def settings(schedule: ScheduleConfig) -> dict[str, Any]:
    """Settings of Dask for a cluster that is started here."""
    return {
        # A worker that dies is this package's business: it decides where its tasks go next.
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.work-stealing": False,
        # What fills a worker's memory are models: they can't be spilled, and are no reason to start nothing.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        # Stacks are looked at every 10 ms for a page of the dashboard, which takes a tenth of a processor.
        "distributed.worker.profile.enabled": schedule.dashboard,
        "distributed.admin.tick.interval": "1s",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A worker that takes tasks."""

    name: str
    power: float
    """Units that it offers; 0 where it takes nothing new."""


class Cluster:
    """A cluster with a client that is connected to it."""

    def __init__(self, name: str, client: Client, schedule: ScheduleConfig) -> None:
        self.name = name
        self.client = client
        self._schedule = schedule
        self._leaving: set[str] = set()

    def workers(self) -> dict[str, WorkerInfo]:
        """Those that offer power, by address, in the order in which they came."""
        known = self.client.sync(self.client.scheduler.identity)["workers"]
        found = {}
        for address, info in known.items():
            power = float(info["resources"].get("power", 0))
            if info["status"] in ("running", "paused"):
                now = power if info["status"] == "running" else 0.0
                if power:
                    found[address] = WorkerInfo(name=str(info["name"]), power=now)
            else:
                self._leaving.add(address)
        return found

    def left_by_plan(self, address: str) -> bool:
        """Whether a worker that is gone was told to go, or went as its time was up."""
        events = [event for _, event in self.client.get_events(address)]
        # A worker whose time is up but whose results have no other place closes without the scheduler's
        # consent: then its going counts as unexpected, but it had said that it would.
        return address in self._leaving or any(
            event.get("expected") is True or event.get("status") == "closing_gracefully" for event in events
        )

    def balance(self, open_power: float, idle: Sequence[str]) -> None:
        """Take in how much there is to do in all, and who does nothing: some clusters grow and shrink."""

    def waits_for(self) -> str:
        """What there has to be before work can start."""
        power = f"{self._schedule.power_per_gpu:g}"
        return f"start them with `dask worker {self.name} --resources power={power}`"


def security(schedule: ScheduleConfig) -> Security | None:
    """Dask's own settings for the config's certificates; None where there are none.

    Raises:
        ConfigError: A file is not there.
    """
    tls = schedule.tls
    if tls.ca is None:
        return None
    for key, path in {"ca": tls.ca, "cert": tls.cert, "key": tls.key}.items():
        if path is None or not path.is_file():
            raise ConfigError(f"schedule.tls.{key}: there is no file {path}")
    files = {
        f"tls_{role}_{kind}": str(path)
        for role in ("client", "worker", "scheduler")
        for kind, path in (("cert", tls.cert), ("key", tls.key))
    }
    return Security(tls_ca_file=str(tls.ca), require_encryption=True, **files)


def threads_of(schedule: ScheduleConfig) -> int:
    """Threads of a worker: as many as tasks can run on it at once."""
    return max(1, math.floor(schedule.power_per_gpu / min(schedule.extract_power, schedule.probe_power)))


def dashboard(schedule: ScheduleConfig) -> dict[str, Any]:
    """Options of a scheduler that say whether its dashboard runs."""
    # Without a dashboard too, Dask listens there; port 0 is any that is free.
    return {"dashboard": schedule.dashboard, "dashboard_address": "127.0.0.1:0"}
