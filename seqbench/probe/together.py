"""Training the targets of a data set together: one network of a layer predicts all of them.

What is recorded, kept and compared stays apart: each target has probes of its own, as any other data set.

Shape letters: L layers, N items, T targets, K outputs.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import cast

from seqbench.catalog.records import ProbeRecord
from seqbench.core.memory import is_out_of_memory
from seqbench.core.progress import Advance
from seqbench.probe.features import Features, FeatureSizes, problem_of
from seqbench.probe.heads.base import Fit, FittedHead, Problem, Resources
from seqbench.probe.heads.registry import create, predict
from seqbench.probe.items import items_together
from seqbench.probe.jobs import Job, jobs_of
from seqbench.probe.memory import LayerBudget
from seqbench.probe.outcome import Keep, Recorder, Trained
from seqbench.probe.run import run_probes
from seqbench.probe.spec import Design, probe_spec, spec_hash
from seqbench.probe.trainings import Training, trainings_of
from seqbench.probe.wanted import Wanted, missing_probes, wanted_probes
from seqbench.store import Embeddings


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTogether:
    """One of the targets."""

    entry: Embeddings
    """The embeddings with its labels."""
    share: float
    """Its weight in the loss."""
    save: Keep | None = None
    """Keeps its trained heads; None: they are not kept."""
    is_kept: Callable[[Wanted], bool] | None = None
    """As of `run_probes`."""


def run_targets(
    targets: Sequence[TargetTogether],
    layers: Sequence[int],
    designs: Sequence[Design],
    *,
    known: Collection[str],
    run_id: str,
    advance: Advance,
    memory_bytes: int = 4 << 30,
    checkpoints: Path | None = None,
) -> Iterator[list[ProbeRecord]]:
    """Train what is missing of any target: of a single one as `run_probes`, of several each training for all.

    A target that a training has nothing to learn of, one class alone or no label, fails there; the others are
    trained without it.

    Args:
        targets: Of one data set, on the same embeddings.
        layers: As of `run_probes`, and so all that follows.
        designs: Of several targets those of a head that trains them together.
        known: Hashes of probes that need no training.
        run_id: The run that the records belong to.
        advance: Told how many more probes are done.
        memory_bytes: For features, half of it at most, and heads together.
        checkpoints: Folder for the states of long trainings; None: none are kept.

    Yields:
        The records of some trainings, as soon as they are there.

    Raises:
        ProbeError: The data set can't be learned from.
        StoreError: Embeddings are missing or damaged.
    """
    if len(targets) == 1:
        yield from run_probes(
            targets[0].entry,
            layers,
            designs,
            known=known,
            run_id=run_id,
            advance=advance,
            memory_bytes=memory_bytes,
            checkpoints=checkpoints,
            save=targets[0].save,
            is_kept=targets[0].is_kept,
        )
        return
    yield from _run_together(targets, layers, designs, known, run_id, advance, memory_bytes, checkpoints)


def _run_together(
    targets: Sequence[TargetTogether],
    layers: Sequence[int],
    designs: Sequence[Design],
    known: Collection[str],
    run_id: str,
    advance: Advance,
    memory_bytes: int,
    checkpoints: Path | None,
) -> Iterator[list[ProbeRecord]]:
    work = list(_work(targets, layers, designs, known))
    by_combine: dict[str, list[_JointTraining]] = defaultdict(list)
    for one in work:
        by_combine[one.design.combine].append(one)
    problems = [problem_of(target.entry) for target in targets]
    recorders = [
        Recorder(entry=target.entry, problem=problem, run_id=run_id, keep=target.save)
        for target, problem in zip(targets, problems, strict=True)
    ]
    for combine, alike in by_combine.items():
        entry = targets[0].entry
        budget = LayerBudget(
            memory_bytes, FeatureSizes(entry, combine, sum(each.n_outputs for each in problems))
        )
        needed = sorted({layer for one in alike for layer in one.layers})
        at_once = budget.layers_at_once([[one.lead for one in alike]])
        for start in range(0, len(needed), at_once):
            features = Features(entry, needed[start : start + at_once], combine)
            session = _JointSession(targets, problems, recorders, features, budget, advance, checkpoints)
            yield from session.train(alike)


@dataclass(frozen=True, slots=True, kw_only=True)
class _JointTraining:
    """One training of all targets on some layers."""

    trainings_T: tuple[Training, ...]
    jobs_T: tuple[Job | None, ...]
    """None where nothing is missing of a target."""
    layers: tuple[int, ...]

    @property
    def design(self) -> Design:
        return self.trainings_T[0].design

    @property
    def lead(self) -> Job:
        """What memory is counted by."""
        return Job(training=self.trainings_T[0], layers=self.layers, probes={}, wholes={})

    def sound(self, problems: Sequence[Problem]) -> tuple[int, ...]:
        """Targets that there is something to learn of."""
        faults = [self.fault(target, problem) for target, problem in enumerate(problems)]
        return tuple(target for target, fault in enumerate(faults) if fault is None)

    def fault(self, target: int, problem: Problem) -> str | None:
        """Why there is nothing to learn of a target."""
        return self.trainings_T[target].of_target().fault(problem.task)

    def progress(self, layers: Sequence[int]) -> float:
        """How many probes are done with some of the layers."""
        return sum(job.progress(layer) for job in self.jobs_T if job is not None for layer in layers)


def _work(
    targets: Sequence[TargetTogether],
    layers: Sequence[int],
    designs: Sequence[Design],
    known: Collection[str],
) -> Iterator[_JointTraining]:
    missing_T = [
        missing_probes(wanted_probes(target.entry, layers, designs), known, target.is_kept)
        for target in targets
    ]
    if not any(missing_T):
        return
    items_T = items_together([target.entry for target in targets])
    jobs: dict[tuple[int, int | None], dict[int, Job]] = defaultdict(dict)
    for target, (missing, items) in enumerate(zip(missing_T, items_T, strict=True)):
        for job in jobs_of(missing, items):
            jobs[id(job.design), job.training.fold][target] = job
    for design in designs:
        if not any(key == id(design) for key, _ in jobs):
            continue
        for trainings_T in zip(*(trainings_of(design, items) for items in items_T), strict=True):
            own = jobs.get((id(design), trainings_T[0].fold), {})
            wanted = sorted({layer for job in own.values() for layer in job.layers})
            if wanted:
                jobs_T = tuple(own.get(target) for target in range(len(targets)))
                yield _JointTraining(trainings_T=trainings_T, jobs_T=jobs_T, layers=tuple(wanted))


@dataclass(frozen=True, slots=True)
class _JointSession:
    """Some layers in memory, and what is done with them."""

    targets: Sequence[TargetTogether]
    problems: Sequence[Problem]
    recorders: Sequence[Recorder]
    features: Features
    budget: LayerBudget
    advance: Advance
    checkpoints: Path | None

    def train(self, work: Sequence[_JointTraining]) -> Iterator[list[ProbeRecord]]:
        """Train on the layers that are in memory."""
        groups: dict[tuple[str, tuple[int, ...], tuple[int, ...]], list[_JointTraining]] = defaultdict(list)
        for one in work:
            layers = tuple(layer for layer in one.layers if layer in self.features.layers)
            if layers:
                key = (spec_hash(dict(one.design.settings)), layers, one.sound(self.problems))
                groups[key].append(replace(one, layers=layers))
        for (_, layers, sound), alike in groups.items():
            if not sound:
                for one in alike:
                    yield from self._records(one, layers, [self._failed(one, target) for target in self._all])
                continue
            leads = [one.lead for one in alike]
            of_lead = {id(lead): one for lead, one in zip(leads, alike, strict=True)}
            for some, head_bytes in self.budget.divide(leads, len(layers)):
                yield from self._fit([of_lead[id(lead)] for lead in some], layers, sound, head_bytes)

    @property
    def _all(self) -> range:
        return range(len(self.targets))

    def _failed(self, work: _JointTraining, target: int, fault: str | None = None) -> list[FittedHead]:
        """What comes of a target that can't be trained, on each layer."""
        why = fault or work.fault(target, self.problems[target])
        return [FittedHead(layer_index=place, error=why) for place in range(len(work.layers))]

    def _fit(
        self, work: Sequence[_JointTraining], layers: tuple[int, ...], sound: tuple[int, ...], head_bytes: int
    ) -> Iterator[list[ProbeRecord]]:
        """Call the head once; where it runs out of memory, once for each half of the work, and so on."""
        try:
            device, outcomes_T = self._outcomes(work, layers, sound, head_bytes)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if len(work) > 1:
                middle = len(work) // 2
                yield from self._fit(work[:middle], layers, sound, head_bytes)
                yield from self._fit(work[middle:], layers, sound, head_bytes)
                return
            fault = f"out of memory ({str(error).strip().partition(chr(10))[0]}); set probe.memory lower"
            device = "none"
            outcomes_T = [[self._failed(work[0], target, fault)] for target in sound]
        for number, one in enumerate(work):
            fitted_T = [
                outcomes_T[sound.index(target)][number] if target in sound else self._failed(one, target)
                for target in self._all
            ]
            yield from self._records(one, layers, fitted_T, device)

    def _outcomes(
        self, work: Sequence[_JointTraining], layers: tuple[int, ...], sound: tuple[int, ...], head_bytes: int
    ) -> tuple[str, list[list[list[FittedHead]]]]:
        """For each sound target, training and layer what came of it."""
        from seqbench.probe.heads.mlp.head import MlpHead

        design = work[0].design
        resources = Resources(memory_bytes=head_bytes, checkpoint=self._checkpoint(work, layers))
        head = cast(MlpHead, create("mlp", design.settings, resources))
        fits = [
            [
                Fit(
                    train=self.features.data(layers, training.train),
                    evaluation=self.features.data(layers, training.evaluation),
                    test=self.features.data(layers, training.test),
                    seed=one.design.seed,
                )
                for training in (one.trainings_T[target] for target in sound)
            ]
            for one in work
        ]
        worth = sum(one.progress(layers) for one in work) / (len(work) * len(layers))
        outcomes = head.fit_together(
            [self.problems[target] for target in sound],
            [self.targets[target].share for target in sound],
            fits,
            advance=lambda amount: self.advance(amount * worth),
        )
        return head.device, outcomes

    def _checkpoint(self, work: Sequence[_JointTraining], layers: tuple[int, ...]) -> Path | None:
        """A file whose name is that of everything that is trained together."""
        if self.checkpoints is None or not work[0].design.settings.get("checkpoint_steps"):
            return None
        specs = (
            probe_spec(target.entry, layer, one.design, one.trainings_T[0].fold)
            for target in self.targets
            for one in work
            for layer in layers
        )
        name = sha256("".join(sorted(map(spec_hash, specs))).encode()).hexdigest()
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        return self.checkpoints / f"{name}.pt"

    def _records(
        self,
        work: _JointTraining,
        layers: tuple[int, ...],
        fitted_T: Sequence[Sequence[FittedHead]],
        device: str = "none",
    ) -> Iterator[list[ProbeRecord]]:
        """What is new of a training, target by target."""
        for target, (job, fitted) in enumerate(zip(work.jobs_T, fitted_T, strict=True)):
            if job is None:
                continue
            recorder, own, wholes = self.recorders[target], [], []
            training = work.trainings_T[target]
            trained_L = self._trained(training, layers, fitted, device)
            for layer, trained in zip(layers, trained_L, strict=True):
                if layer in job.probes:
                    own.append((job.probes[layer], trained))
                whole = job.wholes.get(layer)
                if whole is not None and (found := whole.folds.add(training.of_target(), trained)):
                    wholes.append((whole.probe, found))
            yield [*recorder.records(own), *recorder.records(wholes)]

    def _trained(
        self, training: Training, layers: tuple[int, ...], fitted: Sequence[FittedHead], device: str
    ) -> Iterator[Trained]:
        """Each layer's outcome on the items that have a label of the target."""
        own = training.of_target()
        held = None if training.held_out is None else self.features.data(layers, training.held_out)
        for index, one in enumerate(fitted):
            predictions = dict(one.predictions)
            if held is not None and one.state is not None:
                predictions["train"] = predict(one.state, held.features_LNH[index])
            scored = {
                split: scores_NK[training.scored[split].labelled_N]
                for split, scores_NK in predictions.items()
            }
            yield Trained(
                fitted=replace(one, predictions=scored),
                parts=own.scored,
                n_train=own.n_train,
                device=device,
            )
