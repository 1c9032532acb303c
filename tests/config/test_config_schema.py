"""The schema: defaults, names, the JSON schema, and a description for every key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqbench.config import METRIC_NAMES, Config, DatasetsConfig, KmerModel, MlpConfig, json_schema
from seqbench.config.probe import SubsetConfig
from seqbench.config.report import WandbConfig

CONFIGS = Path(__file__).parents[2] / "configs"
MINIMAL: dict[str, Any] = {"models": [{"kind": "kmer"}], "datasets": {"root": "data"}}


def accepts(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """As much of JSON schema as pydantic writes, from its specification."""
    if "$ref" in schema:
        return accepts(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], value, root)
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    kind = schema.get("type")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    checks = [
        kind not in types or isinstance(value, types[kind]),
        kind not in ("number", "integer") or number,
        kind != "integer" or not isinstance(value, float),
        "const" not in schema or value == schema["const"],
        "enum" not in schema or value in schema["enum"],
        not number or schema.get("minimum", value) <= value <= schema.get("maximum", value),
        not number or "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"],
        not number or "exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"],
        "anyOf" not in schema or any(accepts(s, value, root) for s in schema["anyOf"]),
        "oneOf" not in schema or sum(accepts(s, value, root) for s in schema["oneOf"]) == 1,
    ]
    if isinstance(value, dict):
        properties, is_open = schema.get("properties", {}), schema.get("additionalProperties", True)
        checks += [is_open or key in properties for key in value]
        checks += [accepts(properties[key], value[key], root) for key in properties.keys() & value.keys()]
        checks += [key in value for key in schema.get("required", ())]
    if isinstance(value, list):
        checks += [len(value) >= schema.get("minItems", 0)]
        checks += [accepts(schema.get("items", {}), item, root) for item in value]
    return all(checks)


def valid(value: Any) -> bool:
    schema = json_schema()
    return accepts(schema, value, schema)


def test_the_json_schema_accepts_the_example_config() -> None:
    assert valid(yaml.safe_load((CONFIGS / "genomic_benchmark.yaml").read_text()))


@pytest.mark.parametrize(
    "model", [{"path": "m"}, {"kind": "random-init", "path": "m"}, {"kind": "kmer", "k": [1, 2]}]
)
def test_the_json_schema_accepts_each_way_to_name_a_model(model: dict[str, Any]) -> None:
    assert valid({**MINIMAL, "models": [model]})


@pytest.mark.parametrize(
    "change",
    [
        {"models": []},
        {"models": [{"kind": "kmr"}]},
        {"models": [{"k": 4}]},
        {"stor": {}},
        {"probe": {"mlp": {"dropout": 1.0}}},
        {"extract": {"max_tokens": 7}},
        {"report": {"best_table": ["acuracy"]}},
    ],
)
def test_the_json_schema_refuses_what_the_config_refuses(change: dict[str, Any]) -> None:
    assert not valid({**MINIMAL, **change})


def test_the_json_schema_has_a_title_and_a_description() -> None:
    assert json_schema()["title"] == "seqbench config"
    assert json_schema()["description"].startswith("A seqbench run")


def fields() -> Iterator[tuple[str, str | None]]:
    schema = json_schema()
    for name, section in [("config", schema), *schema["$defs"].items()]:
        for key, field in section["properties"].items():
            target = schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
            yield f"{name}.{key}", field.get("description", target.get("description"))


def test_every_key_has_a_description_that_ends_as_a_sentence() -> None:
    assert [key for key, text in fields() if not text or not text.endswith(".")] == []


def test_the_defaults_are_the_documented_ones() -> None:
    config = Config.model_validate(MINIMAL)
    assert (config.extract.layers, config.extract.pooling, config.extract.max_tokens) == (
        "all",
        "mean",
        "auto",
    )
    assert config.probe.heads == ("mlp",)
    assert config.probe.seeds == (42,)
    assert config.probe.choose_epoch == "best"
    assert config.probe.mlp == MlpConfig(
        hidden="reference", dropout=0.2, lr=1e-4, batch_size=64, epochs=100, standardize=True
    )
    assert (config.probe.class_weights, config.probe.threshold, config.probe.folds) == ("none", "fixed", None)
    assert (config.probe.save_heads, config.probe.shuffled_labels) == (None, False)
    assert config.probe.subsets == SubsetConfig(few_shot=(), sizes=(), repeats=3)
    assert config.wandb == WandbConfig(
        enabled=False, project=None, entity=None, mode="offline", dir=Path("wandb"), run_per="dataset"
    )
    assert config.tensorboard.dir is None
    assert config.report.best_table == ("accuracy", ("roc_auc", "accuracy"), "spearmanr")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ({"path": "checkpoints/dna-bert/"}, "dna-bert"),
        ({"path": "organisation/dna-bert"}, "dna-bert"),
        ({"path": "checkpoints/dna-bert", "name": "mine"}, "mine"),
        ({"kind": "random-init", "path": "checkpoints/dna-bert"}, "dna-bert-untrained"),
        ({"kind": "kmer"}, "kmer-4"),
        ({"kind": "kmer", "k": [1, 2], "canonical": True}, "kmer-1-2-canonical"),
        ({"kind": "onehot"}, "onehot"),
    ],
)
def test_a_model_is_named_after_what_it_is(model: dict[str, Any], name: str) -> None:
    assert Config.model_validate({**MINIMAL, "models": [model]}).models[0].name == name


def test_a_config_is_immutable_and_hashable() -> None:
    config = Config.model_validate(MINIMAL)
    assert hash(config) == hash(Config.model_validate(MINIMAL))
    with pytest.raises(ValueError, match="frozen"):
        config.catalog = Path("other")


def test_models_may_be_given_as_objects() -> None:
    assert (
        Config(models=(KmerModel(kind="kmer", k=2),), datasets=DatasetsConfig(root=Path("data")))
        .models[0]
        .name
        == "kmer-2"
    )


def test_precomputed_models_need_no_data_root() -> None:
    model = {"kind": "precomputed", "name": "theirs", "path": "their/files", "n_layers": 12}
    assert Config.model_validate({"models": [model]}).datasets.root is None


def test_metric_names_are_distinct_and_of_all_tasks() -> None:
    assert len(METRIC_NAMES) == len(set(METRIC_NAMES))
    assert {"accuracy", "auprc", "mcrmse"} <= set(METRIC_NAMES)
