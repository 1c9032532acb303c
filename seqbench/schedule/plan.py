"""What a run is going to do: stages add to it one after the other, and see what those before them planned."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from seqbench.core.redaction import redact
from seqbench.errors import NotApplicableError, SeqbenchError
from seqbench.schedule.graph import Group, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProblem:
    """A model on a data set that can't be worked on."""

    model: str
    dataset: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number that `seqbench plan` shows."""

    column: str
    amount: int | None
    """None where it is not known before something else is done."""
    form: Literal["count", "short", "bytes"] = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much a stage has to do, and has done, on a model and data set."""

    model: str
    dataset: str
    group: Group
    """What is shown where it is being worked on; several shares may belong to one."""
    done: int
    """In the stage's unit, as is `left`."""
    left: int
    quantities: tuple[Quantity, ...] = ()
    labels: str = ""
    """What is predicted on the data set and how it is ranked, in a few words, where the stage knows it."""


class Plan:
    """The tasks of a run, and what is known of them."""

    def __init__(self, *, shared: bool = False) -> None:
        """Begin a plan.

        Args:
            shared: Whether several workers are going to share the tasks.
        """
        self.shared = shared
        self.shares: list[Share] = []
        self.not_applicable: list[PlanProblem] = []
        """Pairs that make no sense by the model's nature; no failure."""
        self.failed: list[PlanProblem] = []
        """Pairs whose model or data can't be used."""
        self._nodes: dict[str, Node] = {}
        self._makers: dict[str, list[str]] = defaultdict(list)
        self._out: set[tuple[str, str]] = set()

    @property
    def nodes(self) -> Sequence[Node]:
        """All tasks so far, stage by stage."""
        return list(self._nodes.values())

    def add(self, nodes: Iterable[Node]) -> list[Node]:
        """Add tasks.

        Raises:
            ValueError: There is another task of that key.
        """
        added = []
        for node in nodes:  # each is known to `makers` before the stage plans the next
            if node.key in self._nodes:
                raise ValueError(f"two tasks have the key {node.key}")
            added.append(node)
            self._nodes[node.key] = node
            for product in node.makes:
                self._makers[product].append(node.key)
        return added

    def promise(self, product: str) -> None:
        """Say that something will be there when all planned tasks that make it are done, or is there."""
        self._makers[product]  # the defaultdict makes an empty list

    def makers(self, product: str) -> frozenset[str] | None:
        """Keys of the tasks that make something; none where it is there, None where no stage tells of it."""
        keys = self._makers.get(product)
        return None if keys is None else frozenset(key for key in keys if key in self._nodes)

    def is_open(self, product: str) -> bool:
        """Whether it is planned only later how something is made."""
        return any(self._nodes[key].unfolds for key in self.makers(product) or ())

    @contextmanager
    def listing(self, model: str, dataset: str) -> Iterator[None]:
        """Within the block, what can't be worked on is listed, and nothing is raised."""
        try:
            yield
        except NotApplicableError as error:
            self._out.add((model, dataset))
            self.not_applicable.append(PlanProblem(model=model, dataset=dataset, reason=str(error)))
        except SeqbenchError as error:
            self.fail(model, dataset, str(error))

    def fail(self, model: str, dataset: str, reason: str) -> None:
        """List a pair that can't be worked on; what stages before planned for it is not done either."""
        self._out.add((model, dataset))
        self.failed.append(PlanProblem(model=model, dataset=dataset, reason=redact(reason)))
        self.shares = [share for share in self.shares if (share.model, share.dataset) != (model, dataset)]
        # Without a data set it is something of the stage's own that fails, whatever a model may be called.
        for node in self.nodes if dataset else ():
            # What makes more than one thing is for others too, as an extraction that fills several entries.
            if (node.model, node.dataset) == (model, dataset) and len(node.makes) <= 1:
                del self._nodes[node.key]

    def is_out(self, model: str, dataset: str) -> bool:
        """Whether a stage has listed a pair as one that can't be worked on."""
        return (model, dataset) in self._out
