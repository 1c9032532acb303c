"""seqbench as a contender: a whole `extract` of a data set in this process, setting up timed apart."""

import resource
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqbench import open_store
from seqbench.config import Config
from seqbench.core.progress import Silent
from seqbench.models.huggingface import HuggingFace
from seqbench.models.transformer import SequenceEmbedder, Transformer
from seqbench.schedule.run import run
from seqbench.store import Embeddings

Stage = Literal["loading", "calibration"]
SETTING_UP: tuple[tuple[type, str, Stage], ...] = (
    (HuggingFace, "identity", "loading"),
    (HuggingFace, "load", "loading"),
    (Transformer, "embedder", "loading"),
    (SequenceEmbedder, "tune", "calibration"),
)
"""What happens once a model or data set, however much there is to extract: not part of a rate."""

PEAK_RESET = Path("/proc/self/clear_refs")
"""Writing 5 sets the peak of resident memory back to what is resident now (proc(5))."""

STORE, CATALOG = "embeddings.zarr", "catalog.duckdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A model on a data set, and what is asked for."""

    model: Path
    dataset: Path
    out: Path
    """Folder of store and catalog; emptied before every run."""
    dtype: str = "bfloat16"
    extract: Mapping[str, Any]
    """Keys of the section `extract` that differ from their defaults."""

    def config(self) -> Config:
        """The config that a user would write."""
        return Config.model_validate(
            {
                "models": [{"path": str(self.model), "name": "model", "dtype": self.dtype}],
                "datasets": {"root": self.dataset.parent, "names": [self.dataset.name]},
                "extract": dict(self.extract),
                "store": {"path": self.out / STORE},
                "catalog": self.out / CATALOG,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What an extraction took."""

    seconds: float
    """From the config to the finished store and catalog, without loading and calibration."""
    loading_seconds: float
    """Hashing and loading the model, checking how its layers are to be had."""
    calibration_seconds: float
    """Choosing the size of batches, and the preflight of the model on the data set."""
    loaded_bytes: int
    """Resident memory of this process when the model had been loaded."""
    peak_bytes: int
    """Largest resident memory of this process since then."""


class Clock:
    """Time spent in setting up, and the resident memory at its last end."""

    def __init__(self) -> None:
        self.spent: dict[Stage, float] = {"loading": 0.0, "calibration": 0.0}
        self.loaded_bytes = 0
        self._running = False

    def around(self, original: Callable[..., Any], stage: Stage) -> Callable[..., Any]:
        """The same function, its time added to a stage unless it runs inside another timed one."""

        def timed(*args: Any, **options: Any) -> Any:
            if self._running:
                return original(*args, **options)
            self._running, began = True, time.perf_counter()
            try:
                return original(*args, **options)
            finally:
                self._running = False
                self.spent[stage] += time.perf_counter() - began
                if original.__name__ == "embedder":
                    self.loaded_bytes = resident_bytes()
                    PEAK_RESET.write_text("5", encoding="ascii")

        return timed


def extract(job: Job) -> Extraction:
    """Extract into an empty store.

    Raises:
        RuntimeError: seqbench lists something as failed.
    """
    shutil.rmtree(job.out, ignore_errors=True)
    job.out.mkdir(parents=True)
    reporter = Silent()
    with setting_up_timed() as clock:
        began = time.perf_counter()
        outcome = run(job.config(), reporter, "extract")
        whole = time.perf_counter() - began
    if outcome.failed or not outcome.items:
        reasons = [problem.reason for problem in (*outcome.failed, *outcome.not_applicable)]
        raise RuntimeError(f"nothing measured: {'; '.join(reasons + reporter.notes)}")
    return Extraction(
        seconds=whole - sum(clock.spent.values()),
        loading_seconds=clock.spent["loading"],
        calibration_seconds=clock.spent["calibration"],
        loaded_bytes=clock.loaded_bytes,
        peak_bytes=peak_bytes(),
    )


@contextmanager
def setting_up_timed() -> Iterator[Clock]:
    """Time what sets up while the block runs."""
    clock = Clock()
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in SETTING_UP]
    for owner, name, stage in SETTING_UP:
        setattr(owner, name, clock.around(getattr(owner, name), stage))
    try:
        yield clock
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


@contextmanager
def writes_dropped() -> Iterator[None]:
    """Compute blocks and throw them away: what is left of the time is what writing did not hide."""
    original = Embeddings.write_block

    def drop(self: Embeddings, split: str, block: object, layers: Any, items: object) -> None:
        for _ in layers:  # each layer is computed and fetched as it is taken
            pass

    setattr(Embeddings, "write_block", drop)  # noqa: B010 -- mypy lets nobody assign to a method
    try:
        yield
    finally:
        setattr(Embeddings, "write_block", original)  # noqa: B010


def stored_rows(job: Job, layer: int) -> NDArray[np.float32]:
    """All embeddings of a layer in the order of the data set's sequences, shape (N, H)."""
    entry = open_store(job.out / STORE)[f"model/{job.dataset.name}"]
    return np.concatenate([np.asarray(entry.load(layer, split))[:, 0] for split in entry.splits])


def stored_tokens(job: Job) -> int:
    """Tokens that the store says went through the model."""
    entry = open_store(job.out / STORE)[f"model/{job.dataset.name}"]
    return sum(int(entry.items(split).tokens_NS.sum()) for split in entry.splits)


def token_budget(job: Job) -> str:
    """The size of batches that the run chose, and why."""
    entry = open_store(job.out / STORE)[f"model/{job.dataset.name}"]
    budget = entry.facts.notes["token_budget"]
    return f"{budget['tokens']:,} tokens a batch ({budget['reason']})"


def resident_bytes() -> int:
    """Resident memory of this process (Linux: the second number of `/proc/self/statm` is in pages)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def peak_bytes() -> int:
    """Largest resident memory of this process since the peak was reset.

    From `VmHWM` of `/proc/self/status`. `ru_maxrss` of `getrusage` would not do: a process starts with the
    peak of the one that started it.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM: memory is measured on Linux only")
