"""Finding or starting a Dask cluster: on this machine, on SLURM, or one that is already running."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dask
from distributed import Client, Nanny, Scheduler, SpecCluster

from seqbench.config.schedule import ScheduleConfig
from seqbench.core import signals
from seqbench.core.atomic import scratch_folder
from seqbench.errors import ConfigError
from seqbench.schedule.executors.cluster import Cluster, dashboard, security, settings, threads_of
from seqbench.schedule.executors.devices import local_gpus

OPEN_SECONDS = 30.0
"""How long a scheduler has to answer."""


def logs_folder(catalog: Path) -> str:
    """Where logs of SLURM jobs go: beside the catalog."""
    return str(catalog.parent / "slurm-logs")


@contextmanager
def open_cluster(schedule: ScheduleConfig, note: Callable[[str], None], folder: str) -> Iterator[Cluster]:
    """Start or find the cluster that a config asks for; what was started ends with the block.

    Args:
        schedule: The config's section.
        note: Told the address of the dashboard.
        folder: Where logs of jobs go.

    Raises:
        SeqbenchError: It can't be started or reached.
    """
    _need_bokeh(schedule)
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if schedule.cluster == "slurm":
            from seqbench.schedule.executors.slurm import open_slurm

            cluster = stack.enter_context(open_slurm(schedule, folder))
        elif schedule.cluster == "local":
            cluster = stack.enter_context(_open_local(schedule))
        else:
            cluster = stack.enter_context(_connect(schedule))
        if schedule.dashboard:
            note(f"dashboard: {cluster.client.dashboard_link}")
        yield cluster


@contextmanager
def _open_local(schedule: ScheduleConfig) -> Iterator[Cluster]:
    """One worker process a GPU, or as many as are asked for."""
    gpus = local_gpus(schedule)
    count = len(gpus) or schedule.workers or 1
    share = max(1, len(os.sched_getaffinity(0)) // count)
    threads = min(share, int(os.environ.get("OMP_NUM_THREADS", share)))
    with scratch_folder("seqbench-workers") as folder:
        options = {
            "host": "127.0.0.1",
            "nthreads": threads_of(schedule),
            "resources": {"power": schedule.power_per_gpu},
            "memory_limit": schedule.memory or _share(count),
            "local_directory": str(folder),
            "silence_logs": logging.CRITICAL,
            "dashboard": False,
        }
        workers = {}
        for number in range(count):
            env = {"OMP_NUM_THREADS": str(threads)}
            if gpus or schedule.gpus != "all":
                env["CUDA_VISIBLE_DEVICES"] = gpus[number] if gpus else ""
            name = f"gpu-{gpus[number]}" if gpus else f"cpu-{number}"
            workers[name] = {"cls": Nanny, "options": {**options, "env": env}}
        scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "port": 0, **dashboard(schedule)}}
        with dask.config.set(settings(schedule)), ExitStack() as stack:
            with signals.blocked():
                made = SpecCluster(workers=workers, scheduler=scheduler, silence_logs=False)
                started = stack.enter_context(made)
            client = stack.enter_context(Client(started, set_as_default=False))
            yield Cluster(started.scheduler_address, client, schedule)


@contextmanager
def _connect(schedule: ScheduleConfig) -> Iterator[Cluster]:
    address = schedule.cluster
    try:
        client = Client(
            address, security=security(schedule), timeout=OPEN_SECONDS, set_as_default=False, name="seqbench"
        )
    except (OSError, TimeoutError, ValueError) as error:
        text = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"schedule.cluster: no scheduler answers at {address} ({text}); start one with `dask scheduler`"
        ) from error
    with client:
        yield Cluster(address, client, schedule)


def _share(count: int) -> int:
    """Bytes of memory of each of so many workers: nine tenths of the machine, divided."""
    return int(0.9 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / count)


def _need_bokeh(schedule: ScheduleConfig) -> None:
    from importlib.util import find_spec

    if schedule.dashboard and schedule.cluster in ("local", "slurm") and find_spec("bokeh") is None:
        raise ConfigError("schedule.dashboard: needs the package bokeh (pip install 'seqbench[cluster]')")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask from writing to the terminal: what a user should know of it is told by this package."""
    logger = logging.getLogger("distributed")
    before, level = logger.disabled, logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.disabled = before
        logger.setLevel(level)
