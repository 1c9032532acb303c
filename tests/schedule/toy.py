"""Two stages from outside: one stacks bricks, a file each, one makes models that are extracted afterwards."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seqbench.catalog.records import ModelRecord
from seqbench.config import HuggingFaceModel
from seqbench.errors import SeqbenchError
from seqbench.schedule.graph import Group, Kind, Node
from seqbench.schedule.plan import Plan, Share
from seqbench.schedule.stage import Doing, Stage, Told
from seqbench.stages.products import model_product
from tests.tiny import save_tiny_model

BRICKS = {"ground": (), "wall": ("ground",), "sand": (), "cracked": (), "roof": ("wall", "sand", "cracked")}
"""Each brick and those that it lies on."""


class Stack(Stage):
    """Lays the bricks that are not there, each on those below it."""

    kind = Kind(stage="stack", unit="bricks", counts_records=True)
    doing = "stacking"
    when_skipped = "not laid, as a brick below it is missing"

    @property
    def _site(self) -> Path:
        return self.context.config.catalog.parent / "site"

    def plan(self, plan: Plan) -> Iterator[Node]:
        for name, below in BRICKS.items():
            there = (self._site / name).exists()
            group = Group("stack", name, "")
            plan.shares.append(Share(model=name, dataset="", group=group, done=there, left=not there))
            plan.promise(name)
            if not there:
                after = frozenset(key for each in below for key in plan.makers(each) or ())
                yield Node(
                    key=f"stack/{name}", kind=self.kind, model=name, task=name, amount=1,
                    after=after, makes=frozenset({name}),
                )  # fmt: skip

    def do(self, task: str, doing: Doing) -> int:
        self._site.mkdir(exist_ok=True)
        height = 1 + max((int((self._site / each).read_text()) for each in BRICKS[task]), default=0)
        if task == "cracked" and not (self._site / "glue").exists():
            raise SeqbenchError("cracked: it fell apart (add glue)")
        (self._site / task).write_text(str(height))
        doing.give([record(task, height)])
        doing.advance(1)
        return height

    def received(self, task: str, records: Sequence[ModelRecord]) -> Told:
        return Told(records=records, done=len(records))

    def finished(self, group: Group, results: Sequence[tuple[Any, Any]], device: str) -> Told:
        return Told(notes=[f"{task} lies {height} high" for task, height in results])


def record(name: str, height: int) -> ModelRecord:
    return ModelRecord(
        model=name, kind="brick", path=None, revision=None, fingerprint="", n_layers=height, hidden=None,
        dtype="clay", settings={},
    )  # fmt: skip


class MakeModel(Stage):
    """Makes the models of the config whose folders are not there; one named `broken` can't be made."""

    kind = Kind(stage="make", unit="models")
    doing = "making"

    def plan(self, plan: Plan) -> Iterator[Node]:
        for model in self.context.config.models:
            if isinstance(model, HuggingFaceModel) and not Path(model.path).exists():
                yield Node(
                    key=f"make/{model.name}", kind=self.kind, model=model.name, task=model.path, amount=1,
                    makes=frozenset({model_product(model.name)}),
                )  # fmt: skip

    def do(self, task: str, doing: Doing) -> None:
        if task.endswith("broken"):
            raise SeqbenchError("broken: the loss is not a number (lower the learning rate)")
        save_tiny_model("bert", Path(task))
        doing.advance(1)

    def done(self, task: str, result: None) -> Told:
        return Told(done=1)
