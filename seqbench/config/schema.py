"""The schema of a config: every key, its type, its default and what it means.

A `Config` holds values as they are written. `load_config` also makes its paths absolute and adds what the
switch `controls` stands for; a `Config` built by hand keeps the models and paths it was given, which then
mean what the current directory makes of them.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from seqbench.config.adapt import AdaptConfig, check_adaptations
from seqbench.config.extract import ExtractConfig, StoreConfig
from seqbench.config.fields import DatasetName, LocalPath, Section, Switch, distinct
from seqbench.config.finetune import FinetuneConfig
from seqbench.config.likelihood import LikelihoodConfig
from seqbench.config.model_kinds import ModelConfig, gives_letters
from seqbench.config.perturb import GeneVectors, ModelFeatures, PerturbConfig
from seqbench.config.probe import ProbeConfig
from seqbench.config.report import ReportConfig, TensorboardConfig, WandbConfig
from seqbench.config.schedule import ScheduleConfig
from seqbench.config.tokens import TOKEN_HEADS


class DatasetsConfig(Section):
    """Which data sets, and where they are."""

    root: LocalPath | None = Field(
        default=None,
        description="Directory holding `<data set>/{train,eval,test}.jsonl`; needed unless all models are "
        "precomputed.",
    )
    info: LocalPath | None = Field(
        default=None,
        description="YAML file describing your data sets, one entry each, on top of the shipped registry.",
    )
    names: (
        Annotated[
            tuple[DatasetName, ...],
            Field(min_length=1),
            AfterValidator(distinct),
        ]
        | None
    ) = Field(default=None, description="Data sets to use; null takes all that are found.")


_MODELS_OR_CELLS: dict[str, Any] = {
    "anyOf": [
        {"required": ["models"], "properties": {"models": {"minItems": 1}}},
        {"required": ["perturb"]},
    ]
}
"""For editors: what `Config` checks beyond single keys."""


class Config(Section):
    """A seqbench run: models, data sets, how to extract and probe, and what to report."""

    model_config = ConfigDict(json_schema_extra=_MODELS_OR_CELLS)

    models: tuple[ModelConfig, ...] = Field(
        default=(),
        description="Models and controls to compare; each entry is one of the kinds. Needed unless `perturb` "
        "does without.",
    )
    controls: Switch = Field(
        default=False,
        description="Add the controls that are not written out: an untrained twin of each checkpoint, "
        "k-mers, composition, and each probe on shuffled labels.",
    )
    datasets: DatasetsConfig = Field(
        default=DatasetsConfig(), description="Which data sets, and where they are."
    )
    extract: ExtractConfig = Field(default=ExtractConfig(), description="How sequences become embeddings.")
    store: StoreConfig = Field(default=StoreConfig(), description="Where embeddings are kept.")
    probe: ProbeConfig = Field(default=ProbeConfig(), description="Which heads are trained, and how.")
    adapt: tuple[AdaptConfig, ...] = Field(
        default=(),
        description="Models that go on with language modelling on corpora; what they make are models of this "
        "config, without an entry under `models`.",
    )
    likelihood: LikelihoodConfig | None = Field(
        default=None,
        description="Bits a letter of the models that `adapt` makes and of what they began with; null: none. "
        "Where there is `adapt`, measured unless it is null.",
    )
    finetune: FinetuneConfig | None = Field(
        default=None, description="Checkpoints that are trained on the data sets; null: none are."
    )
    perturb: PerturbConfig | None = Field(
        default=None, description="Perturbation response of cells; null: none."
    )
    catalog: LocalPath = Field(
        default=Path("catalog.duckdb"), description="DuckDB file of the results, one row a score."
    )
    schedule: ScheduleConfig = Field(
        default=ScheduleConfig(), description="Where tasks run, and how many at once."
    )
    report: ReportConfig = Field(
        default=ReportConfig(), description="What tables and figures are made, and where."
    )
    wandb: WandbConfig = Field(default=WandbConfig(), description="Learning curves in Weights & Biases.")
    tensorboard: TensorboardConfig = Field(
        default=TensorboardConfig(), description="Learning curves in TensorBoard."
    )

    @model_validator(mode="before")
    @classmethod
    def _measures_what_is_adapted(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("adapt") and "likelihood" not in given:
            return {**given, "likelihood": {}}
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> "Config":
        first_of: dict[str, int] = {}
        for index, model in enumerate(self.models):
            first = first_of.setdefault(model.name, index)
            if first != index:
                raise PydanticCustomError(
                    "same_name",
                    "models.{first} and models.{second} are both named {name}: set `name:` on one of them",
                    {"first": first, "second": index, "name": model.name, "at": ("models", index, "name")},
                )
        if not self.models and self.perturb is None:
            given = "models" in self.model_fields_set
            said = "must not be empty" if given else "is missing: models and controls to compare"
            raise PydanticCustomError("no_models", said, {"at": ("models",)})
        reading = [head for head in self.probe.heads if head in TOKEN_HEADS]
        if reading and self.extract.tokens is None:
            raise PydanticCustomError(
                "no_tokens",
                "names {head}, which reads tokens: set extract.tokens.layers, such as [-1]",
                {"head": reading[0], "at": ("probe", "heads")},
            )
        for index, model in enumerate(self.models):
            if self.extract.tokens is None and gives_letters(model):
                raise PydanticCustomError(
                    "no_tokens",
                    "gives each letter a vector: set extract.tokens, or leave this control out",
                    {"at": ("models", index)},
                )
        made = check_adaptations(self.adapt, {model.name: model for model in self.models})
        self._check_perturb({*first_of, *made})
        self._check_finetune({*first_of, *made})
        if (
            self.perturb is None
            and not self.adapt
            and self.datasets.root is None
            and any(model.kind != "precomputed" for model in self.models)
        ):
            raise PydanticCustomError(
                "no_root",
                "is missing; give the directory that holds the data sets",
                {"at": ("datasets", "root")},
            )
        return self

    def _check_finetune(self, models: set[str]) -> None:
        """See that the models that are trained are in this config."""
        for index, name in enumerate(self.finetune.models or () if self.finetune is not None else ()):
            if name not in models:
                raise PydanticCustomError(
                    "no_model",
                    "is {name}, but `models:` has {known}",
                    {
                        "name": name,
                        "known": ", ".join(sorted(models)) or "none",
                        "at": ("finetune", "models", index),
                    },
                )

    def _check_perturb(self, models: set[str]) -> None:
        """See that vectors come from models of this config."""
        if self.perturb is None:
            return
        sources = [
            *((("features", index), each) for index, each in enumerate(self.perturb.features)),
            *((("data", index, "embedding"), each.embedding) for index, each in enumerate(self.perturb.data)),
        ]
        for place, feature in sources:
            if isinstance(feature, ModelFeatures | GeneVectors) and feature.model not in models:
                raise PydanticCustomError(
                    "no_model",
                    "is {name}, but `models:` has {known}",
                    {
                        "name": feature.model,
                        "known": ", ".join(sorted(models)) or "none",
                        "at": ("perturb", *place, "model"),
                    },
                )


def json_schema() -> dict[str, Any]:
    """The JSON schema of a config file, for editors and for the config reference.

    Returns:
        Draft 2020-12. It knows keys, types, ranges and defaults; names that clash, paths and hub ids are only
        checked by `load_config`.
    """
    return (
        {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        | Config.model_json_schema()
        | {"title": "seqbench config"}
    )
