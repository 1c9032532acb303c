"""What a stage is: it plans tasks, does them wherever it is told to, and says what is recorded of them.

A stage from outside is a subclass of `Stage` under a name in `seqbench.config.stages.STAGES`;
docs/architecture.md has an example. Workers import it by that reference, so it has to be installed there too.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, cast

from seqbench.catalog import Catalog
from seqbench.catalog.records import ProbeRecord, Record
from seqbench.config import Config
from seqbench.core.progress import Advance
from seqbench.errors import ConfigError
from seqbench.schedule.context import Context
from seqbench.schedule.graph import Group, Kind, Node
from seqbench.schedule.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What a task that runs is told, and whom it tells."""

    run_id: str
    advance: Advance
    """Takes how much more is done, in the unit of the stage; also what was found done already."""
    give: Callable[[Sequence[Any]], None]
    """Takes records as they come; the process that was started gets them while the task still runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a stage says of something that was done."""

    records: Sequence[Record] = ()
    """For the catalog."""
    done: int = 0
    """What is counted of it, in the stage's unit."""
    tokens: int = 0
    notes: Sequence[str] = ()
    """For the user."""
    problems: Sequence[str] = ()
    """Reasons for which some of it failed; the run ends with exit code 3."""
    curves: Sequence[ProbeRecord] = ()
    """What learning curves are drawn of, where a config asks for it."""


class Stage(ABC):
    """One kind of work. Made anew for each run, and in each worker; only `do` is called in workers."""

    kind: ClassVar[Kind]
    doing: ClassVar[str]
    """What `seqbench status` says of what runs: `extracting`."""
    when_skipped: ClassVar[str] = "not done, as what it needs failed"
    """The reason listed for tasks that wait for what failed."""
    has_curves: ClassVar[bool] = False
    """Whether it gives learning curves."""
    is_reported: ClassVar[bool] = False
    """Whether a report shows its results."""
    keeps_memory: ClassVar[bool] = False
    """Whether it runs faster where freed memory stays with the process."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @abstractmethod
    def plan(self, plan: Plan) -> Iterable[Node]:
        """Look at what is wanted and what is there, and plan the rest; also say its shares.

        Args:
            plan: What the stages before planned. `plan.makers` tells what to put into `Node.after`.

        Raises:
            SeqbenchError: Nothing can be done at all; what concerns one pair belongs in `plan.listing`.
        """

    def unfold(self, task: Any, plan: Plan) -> Iterable[Node]:
        """Plan what could not be planned before: all that a node with `unfolds` waited for is done.

        Args:
            task: The node's.
            plan: As for `plan`.
        """
        raise TypeError(f"{type(self).__name__} planned a node that unfolds and does not say into what")

    @abstractmethod
    def do(self, task: Any, doing: Doing) -> object:
        """Do a task, in any process; what is there of it by now is not done again.

        Returns:
            What `done` and `finished` are given; has to be fit for pickling.

        Raises:
            SeqbenchError: The input is at fault: the task and the rest of its group are given up.
        """

    def to_send(self, task: Any) -> Any:
        """A task with what a worker has to know to do it; called each time before it is sent."""
        return task

    def received(self, task: Any, records: Sequence[Any]) -> Told:
        """What to write down of records that `do` gave."""
        return Told(records=records)

    def done(self, task: Any, result: Any) -> Told:
        """What to write down of a task that was done."""
        return Told()

    def finished(self, group: Group, results: Sequence[tuple[Any, Any]], device: str) -> Told:
        """What to write down when the last task of a group was done.

        Args:
            group: Which.
            results: Each task of it that was done in this run, with what `do` returned.
            device: What the last of them was done on, `cuda (NVIDIA H200)` or `cpu`.
        """
        return Told()

    def backfill(self, catalog: Catalog) -> Sequence[Record]:
        """What is done and not in the catalog, as a run was killed between the two; called after `plan`."""
        return ()

    def tidy(self, *, workers_ended: bool) -> None:
        """Take away what killed runs left half written.

        Args:
            workers_ended: Whether workers of this run have just been stopped, perhaps in the midst of a file.
        """
        return None  # most leave nothing

    def summary(self, done: int, known: int) -> str:
        """What is said at the end of a run: how much was done now, and was there before."""
        return f"{done:,} {self.kind.unit} done"


Stages = Mapping[str, Stage]
"""The stages of a run by name, in the order in which they plan."""


def load_stage(reference: str) -> type[Stage]:
    """The class behind a `module:Class`.

    Raises:
        ConfigError: It can't be imported.
    """
    module, _, name = reference.partition(":")
    try:
        return cast(type[Stage], getattr(import_module(module), name))
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConfigError(f"stage {reference}: {error} (is its package installed here?)") from error


def reference_of(stage: Stage) -> str:
    """What `load_stage` finds a stage's class by."""
    return f"{type(stage).__module__}:{type(stage).__qualname__}"


def chosen(config: Config, command: str, registry: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The stages of a command, with their references.

    Args:
        config: A stage whose section is empty is left out.
        command: A stage's name, or `run` for all that the config has a section for.
        registry: Every stage and its reference.

    Raises:
        ConfigError: There is no such stage, or the config has no section for it.
    """
    if command != "run" and command not in registry:
        raise ConfigError(f"there is no stage {command} (there are {', '.join(registry)})")
    for name, reference in registry.items():
        is_there = getattr(config, name, True) not in (None, ())  # one from outside needs no section
        if command == name and not is_there:
            raise ConfigError(f"the config has no section `{name}`, which says what is to be done")
        if is_there and command in ("run", name):
            yield name, reference
