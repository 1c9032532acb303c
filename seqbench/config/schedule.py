"""The section `schedule` of a config: where tasks run, and how many at once."""

import re
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from seqbench.config.fields import Count, LocalPath, PositiveRate, Section, Switch, distinct, expect

_ADDRESS = re.compile(r"(tcp|tls)://[^\s/:]+:\d{1,5}|(tcp|tls)://\[[0-9a-fA-F:]+\]:\d{1,5}")
_MEMORY = re.compile(r"\d+(\.\d+)?\s*(k|M|G|T)i?B")
_WALLTIME = re.compile(r"(\d+-)?\d{1,2}:\d{2}:\d{2}")
_FEATURES = re.compile(r"[\w|&,()\[\]*!.:-]+", re.ASCII)
_GPU_TYPE = re.compile(r"[\w.-]+", re.ASCII)
SLURM_KEYS = (
    "partition", "account", "gpus_per_node", "gpu_type", "constraint", "requeue", "cpus", "walltime", "extra"
)  # fmt: skip
"""Keys that have a meaning for SLURM alone."""


def _cluster(value: object) -> object:
    if value in ("local", "slurm") or (isinstance(value, str) and _ADDRESS.fullmatch(value)):
        return value
    raise PydanticCustomError(
        "cluster", "must be local, slurm, or a scheduler's address such as tcp://node1:8786"
    )


def _memory(value: object) -> object:
    if isinstance(value, str) and not _MEMORY.fullmatch(value):
        raise PydanticCustomError("memory", "must be an amount such as 32GB")
    return value


def _constraint(value: object) -> object:
    if isinstance(value, str) and not _FEATURES.fullmatch(value):
        raise PydanticCustomError("constraint", "must be features of nodes such as a100 or a100|h100")
    return value


def _gpu_type(value: object) -> object:
    if isinstance(value, str) and not _GPU_TYPE.fullmatch(value):
        raise PydanticCustomError("gpu_type", "must be a type of GPU as SLURM knows it, such as a100")
    return value


def _walltime(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):  # YAML reads 1:00:00 as a number of seconds
        hours, rest = divmod(value, 3600)
        return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    if not isinstance(value, str) or not _WALLTIME.fullmatch(value):
        raise PydanticCustomError("walltime", "must be a time such as 12:00:00 or 2-00:00:00")
    return value


class TlsConfig(Section):
    """Certificates for an encrypted cluster, all three or none."""

    ca: LocalPath | None = Field(default=None, description="PEM file of the authority that signed them.")
    cert: LocalPath | None = Field(default=None, description="PEM file of this side's certificate.")
    key: LocalPath | None = Field(default=None, description="PEM file of its key.")

    @model_validator(mode="after")
    def _all_or_none(self) -> "TlsConfig":
        if len({self.ca is None, self.cert is None, self.key is None}) > 1:
            raise PydanticCustomError("tls", "needs all of ca, cert and key", {"at": ("schedule", "tls")})
        return self


class ScheduleConfig(Section):
    """Where tasks run, and how many at once."""

    cluster: Annotated[str, BeforeValidator(_cluster)] = Field(
        default="local",
        description="local: this machine; slurm: jobs of a SLURM cluster; or the address of a running Dask "
        "scheduler, `tcp://host:port` or `tls://host:port`.",
    )
    gpus: Annotated[
        Literal["all"]
        | Annotated[tuple[Annotated[int, Field(strict=True, ge=0)], ...], AfterValidator(distinct)],
        expect("all, or a list of distinct GPU numbers such as [0, 1]"),
    ] = Field(
        default="all",
        description="GPUs of this machine to use, one worker each; an empty list: none. For cluster: local.",
    )
    workers: Count | None = Field(
        default=None,
        description="Worker processes on this machine where no GPU is used (null: one, which is this "
        "process), or the most SLURM jobs at a time (null: 8).",
    )
    power_per_gpu: PositiveRate = Field(
        default=5, description="Units of power that a worker (a GPU, or a process without one) offers."
    )
    extract_power: PositiveRate = Field(default=4, description="Units that an extraction takes.")
    probe_power: PositiveRate = Field(default=1, description="Units that the training of probes takes.")
    shard_items: Count = Field(
        default=50_000,
        description="Items of one extraction task at most, though never less than a block, and fewer of long "
        "sequences: 16 Mi letters.",
    )
    retries: Annotated[int, Field(strict=True, ge=0)] = Field(
        default=2,
        description="How often a task is tried again elsewhere, where its worker died or it ended in an "
        "error that is not the input's fault.",
    )
    memory: Annotated[str, BeforeValidator(_memory)] | None = Field(
        default=None,
        description="Memory of a worker (of a SLURM job, where it has to be given), such as 32GB; a worker "
        "that takes more is ended. null: its share of the machine.",
    )
    dashboard: Switch = Field(
        default=False, description="Whether Dask's dashboard runs, and its address is told; needs bokeh."
    )
    partition: str | None = Field(default=None, description="SLURM: partition of the jobs; null: default.")
    account: str | None = Field(default=None, description="SLURM: account that pays; null: your default.")
    gpus_per_node: Annotated[int, Field(strict=True, ge=0)] = Field(
        default=0, description="SLURM: GPUs of a job, one worker each; 0: one worker without a GPU."
    )
    cpus: Count = Field(default=4, description="SLURM: cores of a job, shared by its workers.")
    walltime: Annotated[str, BeforeValidator(_walltime)] = Field(
        default="12:00:00",
        description="SLURM: time limit of a job; its workers leave before, and what they did is kept.",
    )
    gpu_type: Annotated[str, BeforeValidator(_gpu_type)] | None = Field(
        default=None, description="SLURM: type of the GPUs, such as a100; null: any."
    )
    constraint: Annotated[str, BeforeValidator(_constraint)] | None = Field(
        default=None,
        description="SLURM: features that a job's nodes must have, such as a100 or a100|h100; null: any.",
    )
    requeue: Switch = Field(
        default=False, description="SLURM: whether jobs that are preempted go back into the queue."
    )
    extra: tuple[str, ...] = Field(
        default=(), description="SLURM: further #SBATCH lines, such as ['--qos=long', '--exclusive']."
    )
    tls: TlsConfig = Field(default=TlsConfig(), description="Certificates, for slurm or an address.")

    @model_validator(mode="after")
    def _fits_together(self) -> "ScheduleConfig":
        for key in ("extract_power", "probe_power"):
            if getattr(self, key) > self.power_per_gpu:
                raise _at(key, f"is more than power_per_gpu, {self.power_per_gpu:g}: it would never start")
        set_here = self.model_fields_set
        for key in SLURM_KEYS if self.cluster != "slurm" else ():
            if key in set_here:
                raise _at(key, "is for `cluster: slurm` alone: take it out, or set schedule.cluster")
        if self.gpu_type is not None and not self.gpus_per_node:
            raise _at("gpu_type", "is of no use without gpus_per_node: say how many GPUs a job takes")
        if self.cluster == "slurm" and self.memory is None:
            raise _at("memory", "is missing: the memory of a SLURM job, such as 32GB")
        if self.cluster != "local" and "gpus" in set_here:
            raise _at("gpus", "is for `cluster: local` alone (SLURM: gpus_per_node)")
        if self.tls.ca is None and self.cluster.startswith("tls://"):
            raise _at("tls", "is missing: a scheduler at tls://… needs ca, cert and key")
        if self.tls.ca is not None and self.cluster != "slurm" and not self.cluster.startswith("tls://"):
            raise _at("tls", "is for `cluster: slurm` or a scheduler at tls://…")
        return self


def _at(key: str, problem: str) -> PydanticCustomError:
    context: dict[str, Any] = {"at": ("schedule", key), "problem": problem}
    return PydanticCustomError("schedule", cast(Any, "{problem}"), context)
