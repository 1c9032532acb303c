"""A tiny model that was fine-tuned on planted data, by LoRA and in full, once for all tests."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from seqbench.config import load_config
from seqbench.config.schema import Config
from seqbench.core.progress import Silent
from seqbench.schedule.run import Outcome, run
from tests.finetune.planted import config_of, write_config, write_order
from tests.tiny import save_tiny_model


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """Where everything of it lies."""

    base: Path
    config: Path
    loaded: Config
    out: Path
    outcome: Outcome


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    folder = tmp_path_factory.mktemp("finetune")
    base = save_tiny_model("bert", folder / "base")
    write_order(folder / "data" / "order")
    settings = {"lr": 0.01, "epochs": 12, "batch_size": 16, "encoder_dropout": 0.0, "checkpoint_steps": 40}
    config = write_config(folder / "config.yaml", config_of(folder / "data", base, **settings))
    loaded = load_config(config).config
    outcome = run(loaded, Silent(), "finetune")
    return Tuned(base=base, config=config, loaded=loaded, out=folder / "out", outcome=outcome)
