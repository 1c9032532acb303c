"""Flat configs of the reference system: recognised, translated, and their faults named by their own keys."""

from pathlib import Path

import pytest
import yaml

from seqbench.config import Checkpoint, LoadedConfig, PrecomputedModel, load_config
from seqbench.config.flat_keys import FLAT_KEYS, RESPELT
from seqbench.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"
BASE = "model_path: org/m\ndataset_path: data\n"


def load(directory: Path, text: str, *overrides: str) -> LoadedConfig:
    path = directory / "config.yaml"
    path.write_text(text)
    return load_config(path, overrides)


def test_the_example_holds_every_key_of_the_reference() -> None:
    there = set(yaml.safe_load((CONFIGS / "reference_flat.yaml").read_text()))
    assert there == set(FLAT_KEYS) - set(RESPELT)


def test_the_example_runs_as_it_is_with_one_warning_that_names_what_has_no_effect() -> None:
    loaded = load_config(CONFIGS / "reference_flat.yaml")
    assert loaded.legacy
    (warning,) = loaded.warnings
    names = warning.partition(": these keys have no effect in this version: ")[2].split(", ")
    without_target = {key for key, target in FLAT_KEYS.items() if target is None}
    assert set(names) == without_target | {"model_name", "num_layers"}
    assert len(names) == len(set(names))


def test_a_flat_config_keeps_the_numbers_of_the_reference(tmp_path: Path) -> None:
    config = load(tmp_path, BASE).config
    (model,) = config.models
    assert isinstance(model, Checkpoint)
    assert (model.name, model.dtype, model.trust_remote_code) == ("m", "bfloat16", False)
    assert (config.probe.mlp.standardize, config.probe.choose_epoch) == (False, "last")
    assert (config.probe.mlp.dropout, config.probe.mlp.lr, config.probe.mlp.epochs) == (0.2, 1e-4, 100)
    assert (config.probe.seeds, config.probe.heads, config.extract.layers) == ((42,), ("mlp",), "all")
    assert config.datasets.names is None


def test_paths_of_a_flat_config_start_at_its_directory(tmp_path: Path) -> None:
    text = "datasets_feature_path: info.yaml\nembedding_output_dir: emb/\neval_result_path: results"
    config = load(tmp_path, BASE + text).config
    assert (config.datasets.root, config.datasets.info) == (tmp_path / "data", tmp_path / "info.yaml")
    assert config.store.path == tmp_path / "emb" / "embeddings.zarr"
    assert config.report.out == tmp_path / "results"
    assert config.catalog == tmp_path / "results" / "catalog.duckdb"


def test_heads_and_their_settings_are_taken_over(tmp_path: Path) -> None:
    text = (
        "classifer_type: RF\nmlp_dropout: 0.1\nmlp_lr: 1e-3\nmlp_epochs: 7\nrf_n_estimators: 9\n"
        "xgb_n_estimators: 8\nxgb_eval_metric: auc\nxgb_learning_rate: 0.3\nxgb_max_depth: 5\n"
        "pooled_embeddings_cat_dim: 0\nseed: 3"
    )
    probe = load(tmp_path, BASE + text).config.probe
    assert (probe.heads, probe.combine, probe.seeds, probe.forest.n_estimators) == (
        ("forest",),
        "mean",
        (3,),
        9,
    )
    assert (probe.mlp.dropout, probe.mlp.lr, probe.mlp.epochs) == (0.1, 0.001, 7)
    xgb = probe.xgb
    assert (xgb.n_estimators, xgb.learning_rate, xgb.max_depth, xgb.eval_metric) == (8, 0.3, 5, "auc")


def test_wandb_is_switched_on_and_named_by_the_flat_keys(tmp_path: Path) -> None:
    text = "wandb_report: true\nwandb_project: mlp\nwandb_entity: my-team\nwandb_online: 'True'"
    loaded = load(tmp_path, BASE + text)
    wandb = loaded.config.wandb
    assert (wandb.enabled, wandb.project, wandb.entity, wandb.mode) == (True, "mlp", "my-team", "online")
    assert wandb.dir == tmp_path / "wandb"
    assert loaded.warnings == ()
    off = load(tmp_path, BASE + "wandb_report: false\nwandb_online: false").config.wandb
    assert (off.enabled, off.mode) == (False, "offline")


def test_the_last_epoch_is_kept_always_and_its_model_is_saved_where_asked_for(tmp_path: Path) -> None:
    saving = BASE + "eval_result_path: results/\nsave_last_epoch_model: true"
    probe = load(tmp_path, saving).config.probe
    assert (probe.save_heads, probe.choose_epoch) == (tmp_path / "results" / "heads", "last")
    nowhere = load(tmp_path, BASE + "save_last_epoch_model: true").config.probe
    assert nowhere.save_heads == tmp_path / "report" / "heads"
    for text in ("eval_result_path: results\nsave_last_epoch_model: false", "save_last_epoch_model: null"):
        loaded = load(tmp_path, BASE + text)
        assert (loaded.config.probe.save_heads, loaded.warnings) == (None, ())


def test_numbers_as_text_nulls_and_single_values_are_tolerated(tmp_path: Path) -> None:
    text = (
        "mlp_epochs: '64'\nmlp_lr: '1e-3'\nmlp_dropout: null\nlayer_to_eval: '6'\neval_datasets: H3\n"
        "pooled_embeddings_cat_dim: '1'\ntarget_best_table: mcc\nclassifer_type: xgb\ngpu_list: null"
    )
    loaded = load(tmp_path, BASE + text)
    probe = loaded.config.probe
    assert (probe.mlp.epochs, probe.mlp.lr, probe.mlp.dropout, probe.combine) == (64, 0.001, 0.2, "concat")
    assert (loaded.config.extract.layers, loaded.config.datasets.names) == ((6,), ("H3",))
    assert (loaded.config.report.best_table, probe.heads) == (("mcc",), ("xgb",))
    assert loaded.warnings == ()


def test_a_model_name_without_a_path_means_embeddings_from_files(tmp_path: Path) -> None:
    loaded = load(tmp_path, "model_name: theirs\nnum_layers: '12'\nembedding_output_dir: emb")
    (model,) = loaded.config.models
    assert isinstance(model, PrecomputedModel)
    assert (model.name, model.path, model.n_layers) == ("theirs", tmp_path / "emb" / "theirs", 12)
    assert loaded.warnings == ()


def test_overrides_of_a_flat_config_use_the_new_keys(tmp_path: Path) -> None:
    loaded = load(tmp_path, BASE + "seed: 1", "probe.seeds=[7, 8]", "models.0.dtype=float32")
    (model,) = loaded.config.models
    assert isinstance(model, Checkpoint)
    assert (loaded.config.probe.seeds, model.dtype) == ((7, 8), "float32")


def test_gpus_and_power_are_taken_over(tmp_path: Path) -> None:
    text = (
        "gpu_list: [1, '0']\nprocess_power_per_gpu: 6\nembedding_process_power: '2'\n"
        "eval_process_power: 0.5\nembedding_extract_split: 1000"
    )
    loaded = load(tmp_path, BASE + text)
    schedule = loaded.config.schedule
    assert (schedule.cluster, schedule.gpus, schedule.shard_items) == ("local", (1, 0), 1000)
    assert (schedule.power_per_gpu, schedule.extract_power, schedule.probe_power) == (6, 2, 0.5)
    assert loaded.warnings == ()


@pytest.mark.parametrize("key", ["classifer_type", "classifier_type"])
def test_the_head_is_read_in_either_spelling_and_a_wrong_one_is_named_by_the_key_that_stands_there(
    tmp_path: Path, key: str
) -> None:
    assert load(tmp_path, f"{BASE}{key}: XGB").config.probe.heads == ("xgb",)
    with pytest.raises(ConfigError, match=rf"config.yaml:3: {key}: must be MLP, XGB or RF"):
        load(tmp_path, f"{BASE}{key}: SVM")
    with pytest.raises(ConfigError, match=r"config.yaml:4: classifier_type: and classifer_type differ"):
        load(tmp_path, f"{BASE}classifer_type: RF\nclassifier_type: XGB")


def test_of_a_flat_key_that_stands_there_twice_the_last_value_counts_with_one_warning(tmp_path: Path) -> None:
    loaded = load(tmp_path, f"{BASE}seed: 1\nmlp_epochs: 5\nseed: 2\nmlp_epochs: 7")
    assert (loaded.config.probe.seeds, loaded.config.probe.mlp.epochs) == ((2,), 7)
    (warning,) = loaded.warnings
    assert warning.endswith("the last value counts: seed (lines 3, 5), mlp_epochs (lines 4, 6)")
