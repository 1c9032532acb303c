"""Which executor a config asks for."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from seqbench.config.schedule import ScheduleConfig
from seqbench.schedule.context import Context
from seqbench.schedule.events import Executor
from seqbench.schedule.executors.devices import local_gpus, missing_gpus
from seqbench.schedule.executors.here import InProcess
from seqbench.schedule.stage import Stages
from seqbench.schedule.unfolding import Unfold


def is_shared(schedule: ScheduleConfig, note: Callable[[str], None]) -> bool:
    """Whether several workers share the tasks, rather than this process with the GPU that it may use.

    Args:
        schedule: The config's section.
        note: Told of GPUs that are asked for and not there.
    """
    if schedule.cluster != "local":
        return True
    if missing := missing_gpus(schedule):
        numbers = ", ".join(map(str, missing))
        note(f"warning: schedule.gpus: there is no GPU {numbers} here, going on without")
    gpus = local_gpus(schedule)
    if max(len(gpus), schedule.workers or 1) > 1:
        return True
    if schedule.gpus != "all":  # nothing has used CUDA yet
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    return False


@contextmanager
def executor_of(
    context: Context, stages: Stages, unfold: Unfold, run_id: str, *, shared: bool
) -> Iterator[Executor]:
    """The executor that a config asks for; what it starts is stopped at the end of the block.

    Raises:
        SeqbenchError: The cluster can't be started or reached.
    """
    if not shared:
        yield InProcess(stages, unfold, run_id)
        return
    # Only here is anything of Dask imported.
    from seqbench.schedule.executors.on_dask import OnDask
    from seqbench.schedule.executors.opening import logs_folder, open_cluster

    config = context.config
    logs = logs_folder(config.catalog)
    with open_cluster(config.schedule, context.reporter.note, logs) as cluster:
        yield OnDask(cluster, config, stages, unfold, run_id)
