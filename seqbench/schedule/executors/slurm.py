"""Workers as SLURM jobs, by dask-jobqueue: as many as the work that is left is worth."""

import math
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
from distributed import Client

from seqbench.config.schedule import ScheduleConfig
from seqbench.core.signals import kept_handlers
from seqbench.errors import ConfigError, SeqbenchError
from seqbench.schedule.executors.cluster import Cluster, dashboard, security, settings, threads_of

MOST_JOBS = 8
"""Unless the config says otherwise."""
SHORTEST_MARGIN_SECONDS = 60
"""Before the walltime, in which workers leave: a block that is being computed is lost then."""


class SlurmCluster(Cluster):
    """A cluster that asks for jobs and gives them back."""

    def __init__(self, started: Any, client: Client, schedule: ScheduleConfig) -> None:
        super().__init__(started.scheduler_address, client, schedule)
        self._started = started
        self._most = schedule.workers or MOST_JOBS
        self._workers_a_job = max(1, schedule.gpus_per_node)
        self._asked = 0

    def balance(self, open_power: float, idle: Sequence[str]) -> None:
        """Ask for as many jobs as could work at once, and let idle ones go that nothing is left for.

        Asking again also replaces jobs that ended, as by their walltime.
        """
        a_job = self._schedule.power_per_gpu * self._workers_a_job
        wanted = min(self._most, math.ceil(open_power / a_job))
        if wanted >= self._asked or len(self._started.workers) < len(self._started.worker_spec):
            self._asked = max(wanted, self._asked)
            self._started.scale(jobs=self._asked)
        if wanted < self._asked:
            self._let_go(self._asked - wanted, idle)

    def _let_go(self, surplus: int, idle: Sequence[str]) -> None:
        """End jobs all of whose workers are idle."""
        names = {worker.name for address, worker in self.workers().items() if address in idle}
        jobs: dict[Any, set[str]] = {}
        for name, spec in self._started.worker_spec.items():
            jobs[name] = {f"{name}{suffix}" for suffix in spec.get("group", [""])}
        free = [name for name, workers in jobs.items() if workers <= names][:surplus]
        if free:
            self._asked -= len(free)
            self._started.sync(self._started.scale_down, free)

    def waits_for(self) -> str:
        """Jobs are in the queue."""
        return "jobs are in SLURM's queue (squeue shows them)"


@contextmanager
def open_slurm(schedule: ScheduleConfig, folder: str) -> Iterator[Cluster]:
    """Start a scheduler here, whose workers will be SLURM jobs.

    Raises:
        SeqbenchError: dask-jobqueue is not installed, or SLURM's commands are not there.
    """
    from shutil import which

    jobqueue = _jobqueue()
    if which("sbatch") is None:
        raise SeqbenchError("schedule.cluster: slurm needs sbatch, which is not here: run on a login node")
    Path(folder).mkdir(parents=True, exist_ok=True)
    with (
        dask.config.set(settings(schedule)),
        jobqueue.SLURMCluster(
            **_options(schedule, folder),
            security=security(schedule),
            scheduler_options=dashboard(schedule),
            silence_logs=False,
        ) as started,
        Client(started, set_as_default=False) as client,
    ):
        yield SlurmCluster(started, client, schedule)


def job_script(schedule: ScheduleConfig, folder: str) -> str:
    """The script of a job, as it is submitted but for the scheduler's address and the job's name.

    Raises:
        SeqbenchError: dask-jobqueue is not installed.
    """
    jobqueue = _jobqueue()
    options = _options(schedule, folder)
    job = jobqueue.slurm.SLURMJob(
        scheduler="tcp://SCHEDULER:PORT", name="NAME", security=security(schedule), **options
    )
    return str(job.job_script())


def _jobqueue() -> Any:
    try:
        with kept_handlers():
            import dask_jobqueue
            import dask_jobqueue.slurm
    except ImportError as error:
        raise ConfigError(
            "schedule.cluster: slurm needs the package dask-jobqueue (pip install 'seqbench[cluster]')"
        ) from error
    return dask_jobqueue


def _options(schedule: ScheduleConfig, folder: str) -> dict[str, Any]:
    workers = max(1, schedule.gpus_per_node)
    seconds = _seconds(schedule.walltime)
    margin = min(max(SHORTEST_MARGIN_SECONDS, seconds // 20), seconds // 2)
    extra = ["--nthreads", threads_of(schedule), "--resources", f"power={schedule.power_per_gpu:g}"]
    extra += ["--lifetime", f"{seconds - margin}s", "--lifetime-stagger", f"{margin // 2}s", "--no-dashboard"]
    if workers > 1:  # Dask numbers the workers of a job where there are several; one has all that it got
        extra += ["--preload-nanny", "seqbench.schedule.executors.one_gpu"]
    gpus = f"{schedule.gpu_type}:{schedule.gpus_per_node}" if schedule.gpu_type else schedule.gpus_per_node
    directives = [f"--gres=gpu:{gpus}"] if schedule.gpus_per_node else []
    directives += [f'--constraint="{schedule.constraint}"'] if schedule.constraint else []
    directives += ["--requeue"] if schedule.requeue else []
    directives += [f"--output={shlex.quote(folder)}/%x-%j.log", *schedule.extra]
    threads = max(1, schedule.cpus // workers)
    exports = [
        f"export DASK_{name.upper().replace('.', '__').replace('-', '_')}={value}"
        for name, value in settings(schedule).items()
        if ".scheduler." not in name
    ]
    return {
        "queue": schedule.partition,
        "account": schedule.account,
        "cores": schedule.cpus,
        "processes": workers,
        "memory": schedule.memory,
        "walltime": schedule.walltime,
        "job_name": "seqbench",
        "job_extra_directives": directives,
        "job_script_prologue": [f"export OMP_NUM_THREADS={threads}", *exports],
        "worker_extra_args": [str(each) for each in extra],
    }


def _seconds(walltime: str) -> int:
    days, _, clock = walltime.rpartition("-")
    hours, minutes, seconds = map(int, clock.split(":"))
    return int(days or 0) * 86_400 + hours * 3_600 + minutes * 60 + seconds
