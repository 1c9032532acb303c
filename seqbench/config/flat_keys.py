"""The flat keys of the reference system's config files, and the key of the schema that each became."""

from collections.abc import Mapping
from types import MappingProxyType

FLAT_KEYS: Mapping[str, tuple[str | int, ...] | None] = MappingProxyType(
    {
        "model_path": ("models", 0, "path"),
        "model_name": ("models", 0, "name"),
        "num_layers": ("models", 0, "n_layers"),
        "dataset_path": ("datasets", "root"),
        "datasets_feature_path": ("datasets", "info"),
        "eval_datasets": ("datasets", "names"),
        "gpu_list": ("schedule", "gpus"),
        "layer_to_eval": ("extract", "layers"),
        "process_power_per_gpu": ("schedule", "power_per_gpu"),
        "embedding_process_power": ("schedule", "extract_power"),
        "eval_process_power": ("schedule", "probe_power"),
        "embedding_extract_split": ("schedule", "shard_items"),
        "embedding_output_dir": ("store", "path"),
        "batch_size": None,
        "classifer_type": ("probe", "heads"),
        "classifier_type": ("probe", "heads"),
        "mlp_dropout": ("probe", "mlp", "dropout"),
        "mlp_lr": ("probe", "mlp", "lr"),
        "mlp_epochs": ("probe", "mlp", "epochs"),
        "save_last_epoch_model": ("probe", "save_heads"),
        "rf_n_estimators": ("probe", "forest", "n_estimators"),
        "xgb_n_estimators": ("probe", "xgb", "n_estimators"),
        "xgb_eval_metric": ("probe", "xgb", "eval_metric"),
        "xgb_learning_rate": ("probe", "xgb", "learning_rate"),
        "xgb_max_depth": ("probe", "xgb", "max_depth"),
        "pooled_embeddings_cat_dim": ("probe", "combine"),
        "eval_result_path": ("report", "out"),
        "target_best_table": ("report", "best_table"),
        "target_layer_line_figure": ("report", "layer_figure"),
        "wandb_report": ("wandb", "enabled"),
        "wandb_project": ("wandb", "project"),
        "wandb_entity": ("wandb", "entity"),
        "wandb_online": ("wandb", "mode"),
        "seed": ("probe", "seeds"),
    }
)
"""None: the key is accepted and has no effect in this version."""

RESPELT: Mapping[str, str] = MappingProxyType({"classifier_type": "classifer_type"})
"""Rightly spelt keys, which the reference does not know, and its spelling."""
