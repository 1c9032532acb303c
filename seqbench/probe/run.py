"""Training and scoring the missing probes of one model on one data set.

Shape letters: L layers, N items, K outputs.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from seqbench.catalog.records import ProbeRecord
from seqbench.core.memory import is_out_of_memory
from seqbench.core.progress import Advance
from seqbench.probe.features import Features, FeatureSizes, problem_of
from seqbench.probe.heads.base import Fit, FittedHead, Resources
from seqbench.probe.heads.registry import create, predict
from seqbench.probe.items import items_of
from seqbench.probe.jobs import Job, jobs_of
from seqbench.probe.memory import LayerBudget
from seqbench.probe.outcome import Keep, Recorder, Trained
from seqbench.probe.spec import Design, probe_spec, spec_hash
from seqbench.probe.trainings import Training
from seqbench.probe.wanted import Wanted, missing_probes, wanted_probes
from seqbench.store import Embeddings


def run_probes(
    entry: Embeddings,
    layers: Sequence[int],
    designs: Sequence[Design],
    *,
    known: Collection[str],
    run_id: str,
    advance: Advance,
    memory_bytes: int = 4 << 30,
    checkpoints: Path | None = None,
    save: Keep | None = None,
    is_kept: Callable[[Wanted], bool] | None = None,
) -> Iterator[list[ProbeRecord]]:
    """Train what is missing, as many layers, seeds, folds and subsets of a head together as memory allows.

    Args:
        entry: The complete embeddings of a model on a data set.
        layers: Layers to probe.
        designs: What to train on each of them.
        known: Hashes of probes that need no training.
        run_id: The run that the records belong to.
        advance: Told how many more probes are done.
        memory_bytes: For features, half of it at most, and heads together.
        checkpoints: Folder for the states of long trainings; None: none are kept.
        save: Keeps trained heads; None: they are not kept.
        is_kept: Tells whether the head of a known probe is there; if not, it is trained again. None: heads
            need not be kept.

    Yields:
        The records of one training on some layers, as soon as they are there.

    Raises:
        ProbeError: The data set can't be learned from.
        StoreError: Embeddings are missing or damaged.
    """
    problem = problem_of(entry)
    missing = missing_probes(wanted_probes(entry, layers, designs), known, is_kept)
    if not missing:
        return
    recorder = Recorder(entry=entry, problem=problem, run_id=run_id, keep=save)
    by_combine: dict[str, dict[str, list[Job]]] = defaultdict(lambda: defaultdict(list))
    for job in jobs_of(missing, items_of(entry)):
        by_combine[job.design.combine][job.head].append(job)
    for combine, by_head in by_combine.items():
        budget = LayerBudget(memory_bytes, FeatureSizes(entry, combine, problem.n_outputs))
        needed = sorted({layer for jobs in by_head.values() for job in jobs for layer in job.layers})
        at_once = budget.layers_at_once(by_head.values())
        for start in range(0, len(needed), at_once):
            features = Features(entry, needed[start : start + at_once], combine)
            session = _Session(recorder, features, budget, advance, checkpoints)
            for jobs in by_head.values():
                yield from session.train(jobs)


@dataclass(frozen=True, slots=True)
class _Session:
    """Some layers in memory, and what is done with them."""

    recorder: Recorder
    features: Features
    budget: LayerBudget
    advance: Advance
    checkpoints: Path | None

    def train(self, jobs: Sequence[Job]) -> Iterator[list[ProbeRecord]]:
        """Train the jobs of one head on the layers that are in memory."""
        here = [part for job in jobs if (part := job.only(self.features.layers)).layers]
        for layers, group in groupby(sorted(here, key=lambda job: job.layers), key=lambda job: job.layers):
            sound = []
            for job in group:
                if fault := job.training.fault(self.recorder.problem.task):
                    self.advance(sum(job.progress(layer) for layer in layers))
                    yield self._records(job, layers, _all_failed(layers, fault), "none")
                else:
                    sound.append(job)
            for together, head_bytes in self.budget.divide(sound, len(layers)):
                yield from self._train_together(together, layers, head_bytes)

    def _train_together(
        self, jobs: Sequence[Job], layers: tuple[int, ...], head_bytes: int
    ) -> Iterator[list[ProbeRecord]]:
        """Call the head once; where it runs out of memory, once for each half of the work, and so on."""
        calls = [(jobs, layers)]
        while calls:
            jobs, layers = calls.pop(0)
            progress = _Progress(self.advance, jobs, layers)
            try:
                device, outcomes = self._fit(jobs, layers, head_bytes, progress)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(jobs) * len(layers) > 1:
                    progress.take_back()
                    calls[:0] = _halves(jobs, layers)
                    continue
                fault = f"out of memory ({str(error).strip().partition(chr(10))[0]}); set probe.memory lower"
                device, outcomes = "none", [_all_failed(layers, fault)]
            for job, fitted in zip(jobs, outcomes, strict=True):
                yield self._records(job, layers, fitted, device)

    def _fit(
        self, jobs: Sequence[Job], layers: tuple[int, ...], head_bytes: int, progress: Advance
    ) -> tuple[str, list[list[FittedHead]]]:
        design = jobs[0].design
        resources = Resources(memory_bytes=head_bytes, checkpoint=self._checkpoint(jobs, layers))
        head = create(design.head, design.settings, resources)
        fits = [
            Fit(
                train=self.features.data(layers, job.training.train),
                evaluation=self.features.data(layers, job.training.evaluation),
                test=self.features.data(layers, job.training.test),
                seed=job.design.seed,
            )
            for job in jobs
        ]
        return head.device, head.fit(self.recorder.problem, fits, advance=progress)

    def _checkpoint(self, jobs: Sequence[Job], layers: tuple[int, ...]) -> Path | None:
        """A file whose name is that of everything that is trained together."""
        if self.checkpoints is None or not jobs[0].design.settings.get("checkpoint_steps"):
            return None
        specs = (
            probe_spec(self.recorder.entry, layer, job.design, job.training.fold)
            for job in jobs
            for layer in layers
        )
        name = sha256("".join(sorted(map(spec_hash, specs))).encode()).hexdigest()
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        return self.checkpoints / f"{name}.pt"

    def _records(
        self, job: Job, layers: tuple[int, ...], fitted: Sequence[FittedHead], device: str
    ) -> list[ProbeRecord]:
        """What is new of a training: its own probes, and those that it was the last fold of."""
        trained = list(self._trained(job.training, layers, fitted, device))
        return records_of(self.recorder, job, layers, trained)

    def _trained(
        self, training: Training, layers: tuple[int, ...], fitted: Sequence[FittedHead], device: str
    ) -> Iterator[Trained]:
        """Each layer's outcome, the predictions of a held-out fold added."""
        held = self.features.data(layers, training.held_out) if training.held_out is not None else None
        for index, one in enumerate(fitted):
            predictions = dict(one.predictions)
            if held is not None and one.state is not None:
                predictions["train"] = predict(one.state, held.features_LNH[index])
            yield Trained(
                fitted=replace(one, predictions=predictions),
                parts=training.scored,
                n_train=len(training.train),
                device=device,
            )


def records_of(
    recorder: Recorder, job: Job, layers: Sequence[int], trained: Sequence[Trained]
) -> list[ProbeRecord]:
    """What is new of a training on some layers: its own probes, and those that it was the last fold of."""
    own, wholes = [], []
    for layer, each in zip(layers, trained, strict=True):
        if layer in job.probes:
            own.append((job.probes[layer], each))
        whole = job.wholes.get(layer)
        if whole is not None and (together := whole.folds.add(job.training, each)):
            wholes.append((whole.probe, together))
    return [*recorder.records(own), *recorder.records(wholes)]


class _Progress:
    """Turns a head's layers x fits into probes, for one call of it."""

    def __init__(self, advance: Advance, jobs: Sequence[Job], layers: Sequence[int]) -> None:
        self._advance = advance
        self._worth = sum(job.progress(layer) for job in jobs for layer in layers) / (len(jobs) * len(layers))
        self._told = 0.0

    def __call__(self, amount: float) -> None:
        self._told += amount * self._worth
        self._advance(amount * self._worth)

    def take_back(self) -> None:
        """What was told is to be done again."""
        self._advance(-self._told)


def _halves(jobs: Sequence[Job], layers: tuple[int, ...]) -> list[tuple[Sequence[Job], tuple[int, ...]]]:
    """Half of the trainings each, or where there is one, half of its layers."""
    if len(jobs) > 1:
        middle = len(jobs) // 2
        return [(jobs[:middle], layers), (jobs[middle:], layers)]
    middle = len(layers) // 2
    return [(jobs, layers[:middle]), (jobs, layers[middle:])]


def _all_failed(layers: Sequence[int], fault: str) -> list[FittedHead]:
    return [FittedHead(layer_index=index, error=fault) for index in range(len(layers))]
