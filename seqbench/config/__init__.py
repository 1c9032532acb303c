"""Config files: schema, loading, overrides, and the reference system's flat files."""

from seqbench.config.extract import ExtractConfig, StoreConfig
from seqbench.config.fields import METRIC_NAMES, MetricName
from seqbench.config.heads import ForestConfig, MlpConfig, XgbConfig
from seqbench.config.load import LoadedConfig, load_config
from seqbench.config.model_kinds import (
    ByIdModel,
    Checkpoint,
    HuggingFaceModel,
    KmerModel,
    ModelConfig,
    OneHotModel,
    PositionModel,
    PrecomputedModel,
    RandomInitModel,
)
from seqbench.config.probe import ProbeConfig
from seqbench.config.report import ReportConfig
from seqbench.config.schema import Config, DatasetsConfig, json_schema
from seqbench.config.write import to_yaml

__all__ = [
    "METRIC_NAMES",
    "ByIdModel",
    "Checkpoint",
    "Config",
    "DatasetsConfig",
    "ExtractConfig",
    "ForestConfig",
    "HuggingFaceModel",
    "KmerModel",
    "LoadedConfig",
    "MetricName",
    "MlpConfig",
    "ModelConfig",
    "OneHotModel",
    "PositionModel",
    "PrecomputedModel",
    "ProbeConfig",
    "RandomInitModel",
    "ReportConfig",
    "StoreConfig",
    "XgbConfig",
    "json_schema",
    "load_config",
    "to_yaml",
]
