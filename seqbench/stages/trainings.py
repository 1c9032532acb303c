"""The trainings that a config asks for, what each depends on, and whether it is there."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqbench.catalog.training_records import Encoder
from seqbench.config.finetune import FinetuneConfig
from seqbench.config.model_kinds import HuggingFaceModel
from seqbench.config.search import Setting
from seqbench.core.atomic import try_folder
from seqbench.datasets.dataset import Dataset
from seqbench.errors import ConfigError, SeqbenchError
from seqbench.finetune.design import FinetuneDesign, specs_of, training_key
from seqbench.finetune.folder import is_finetuned, read_facts
from seqbench.metrics.names import METRICS
from seqbench.models.checkpoint import Checkpoint
from seqbench.probe.spec import Subset, spec_hash
from seqbench.schedule.context import Context
from seqbench.stages.designs import subsets_of
from seqbench.stages.probe import CHECKPOINTS
from seqbench.stages.targets import views_of
from seqbench.stages.workspace import workspace_of

if TYPE_CHECKING:
    from seqbench.finetune.job import Job

Values = Sequence[tuple[str, Setting]]
"""Settings that a search chose, by dotted key of the section."""


class Trainings:
    """What the section `finetune` of a config comes to."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._workspace = context.shared(workspace_of)
        self._told: set[str] = set()
        self._is_out_checked = False

    @property
    def config(self) -> FinetuneConfig:
        """The section.

        Raises:
            ConfigError: There is none.
        """
        if self._context.config.finetune is None:
            raise ConfigError("the config has no section `finetune`, which says what is to be done")
        return self._context.config.finetune

    def check_out(self) -> None:
        """See that trained models can be kept where the config says, before any is trained.

        Raises:
            ConfigError: A file is in the way, or the folder can't be written to.
        """
        out, way_out = self.config.out, "name another place for trained models"
        if self._is_out_checked:
            return
        try:
            there = next(path for path in (out, *out.absolute().parents) if path.exists())
            if not there.is_dir():
                raise ConfigError(f"finetune.out: {there} is no folder ({way_out})")
            try_folder(out)
        except OSError as error:
            what = "written to" if there == out else "made"
            raise ConfigError(f"finetune.out: {out} can't be {what}: {error.strerror} ({way_out})") from error
        self._is_out_checked = True

    def check(self, dataset: str) -> None:
        """See that the data set can be trained on as the config says.

        Raises:
            ConfigError: A target's task lacks the metric that points of the curve are compared by, or there
                are more folds than items, or the head does not answer for what labels are of.
        """
        if self._workspace.spec(dataset).level == "token" and self.config.head != "token":
            raise ConfigError(
                f"finetune.head: {self.config.head} answers for whole sequences, labels of {dataset} are of "
                "letters (level: token): set it to token, or take the data set out of datasets.names"
            )
        if self._workspace.spec(dataset).level != "token" and self.config.head == "token":
            raise ConfigError(
                f"finetune.head: token answers for each letter, labels of {dataset} are of items (set mean, "
                "cls, attention, conv or drsn, or take the data set out of datasets.names)"
            )
        metric, folds = self.config.choose_by, self.config.folds
        n_items = len(self.datasets(dataset)[0].splits["train"])
        if folds is not None and folds > n_items:
            raise ConfigError(
                f"finetune.folds: {folds} folds can't be made of {n_items} items, as {dataset} has"
            )
        for target in self.datasets(dataset):
            if metric != "loss" and metric not in METRICS[target.task]:
                raise ConfigError(
                    f"finetune.choose_by: {metric} is no metric of {target.task.value}, which "
                    f"{target.spec.name} is (set loss, or a metric of all targets)"
                )

    def tried(self, model: str, dataset: str, encoder: Encoder) -> FinetuneDesign:
        """What trials of a search train: all of train, with the first seed."""
        return FinetuneDesign(model=model, dataset=dataset, encoder=encoder, seed=self.config.seeds[0])

    def designs(
        self, model: str, dataset: str, encoder: Encoder, values: Values = ()
    ) -> list[FinetuneDesign]:
        """All that is trained in one way, and after the folds of a seed what puts them together.

        A subset that would be all of train is left out.

        Raises:
            ProbeError: There are subsets, and train has too few items to hold any out for eval.
        """
        config, found = self.config, []
        for seed in config.seeds:
            whole = FinetuneDesign(
                model=model,
                dataset=dataset,
                encoder=encoder,
                seed=seed,
                values=tuple(values),
                folds=config.folds,
            )
            found += [*whole.each_fold(), whole]
            found += [whole.on(subset) for subset in subsets_of(config.subsets)]
        if not any(design.subset for design in found):
            return found
        from seqbench.finetune.material import applicable
        from seqbench.finetune.problem import target_of

        datasets = self.datasets(dataset)
        kept = applicable(found, datasets[0], [target_of(each) for each in datasets])
        self._tell_left_out(dataset, {each.subset for each in found} - {each.subset for each in kept})
        return kept

    def _tell_left_out(self, dataset: str, subsets: Collection[Subset | None]) -> None:
        """One line on each size that is not trained on, once."""
        n_items = len(self.datasets(dataset)[0].splits["train"])
        sizes = {
            ("few_shot" if each.kind == "few-shot" else "sizes", each.amount) for each in subsets if each
        }
        for key, amount in sorted(sizes):
            text = (
                f"warning: {dataset}: finetune.subsets.{key}: {amount} takes in all of train ({n_items:,} "
                "items), so it is left out"
            )
            if text not in self._told:
                self._told.add(text)
                self._context.reporter.note(text)

    def datasets(self, dataset: str) -> list[Dataset]:
        """The data set, or each of its targets as one."""
        return [self._workspace.dataset(name) for name in views_of(self._workspace, dataset)]

    def _shares(self, dataset: str) -> list[float]:
        """Weight of each target's loss."""
        return [target.weight for target in self._workspace.spec(dataset).targets] or [1.0]

    def specs(self, design: FinetuneDesign) -> list[dict[str, Any]]:
        """All that the results depend on, for each target."""
        return specs_of(
            design,
            self._workspace.identity(design.model),
            self.datasets(design.dataset),
            self._shares(design.dataset),
            dtype=self.source(design.model).dtype,
            config=design.config(self.config),
            extract=self._context.config.extract,
        )

    def fold_keys(self, design: FinetuneDesign) -> list[str]:
        """What names the trainings of the folds that are put together."""
        return [training_key(self.specs(fold)[0]) for fold in design.each_fold()]

    def source(self, model: str) -> Checkpoint:
        """A model that is trained."""
        source = self._workspace.source(model)
        assert isinstance(source, Checkpoint)
        return source

    def is_done(self, design: FinetuneDesign, known: Collection[str]) -> bool:
        """Whether its results are there, and its folder with as many points as are to be kept.

        Args:
            design: A training, or all folds together, which have no folder.
            known: Hashes of specs whose results are in the catalog.
        """
        specs = self.specs(design)
        if any(spec_hash(spec) not in known for spec in specs):
            return False
        if design.is_pooled:
            return True
        folder = self.config.out / design.folder
        try:
            if not is_finetuned(folder):
                return False
            facts = read_facts(folder)
        except SeqbenchError:
            return False
        kept = facts.settings.get("keep", 1)
        return facts.key == training_key(specs[0]) and isinstance(kept, int) and kept >= self.config.keep

    def named(self, design: FinetuneDesign) -> list[str]:
        """Models of the config that lie where the training's folder will, or within it."""
        if design.is_pooled:
            return []
        folder = self.config.out / design.folder
        models = self._context.config.models
        paths = {each.name: Path(each.path) for each in models if isinstance(each, HuggingFaceModel)}
        return [name for name, path in paths.items() if folder in (path, *path.parents)]

    def job(self, design: FinetuneDesign, run_id: str) -> "Job":
        """A training with everything that it takes."""
        from seqbench.finetune.job import Job

        return Job(
            design=design,
            source=self.source(design.model),
            datasets=self.datasets(design.dataset),
            shares=self._shares(design.dataset),
            specs=self.specs(design),
            config=design.config(self.config),
            extract=self._context.config.extract,
            checkpoints=self._context.config.catalog.parent / CHECKPOINTS,
            run_id=run_id,
        )
