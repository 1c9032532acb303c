"""Models that a package registers with transformers, imported only where the user names it."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seqbench.core.packages import package_version
from seqbench.errors import ModelError
from seqbench.models.base import EmbedOptions
from seqbench.models.huggingface import HuggingFace
from seqbench.store import open_store
from tests.command import rows, seqbench
from tests.data import write_split
from tests.tiny_code import CONFIGURATION, MODELING, save_custom_model

REGISTER = """
from transformers import AutoConfig, AutoModel

from .configuration_tiny import TinyConfig
from .modeling_tiny import TinyModel

AutoConfig.register("tiny-registered", TinyConfig)
AutoModel.register(TinyConfig, TinyModel)
"""


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Callable[[str], Path]) -> Path:
    """A model without code beside it, and a package of release 1.2 on the path that registers its kind."""
    package = tmp_path / "site" / "tinymodels"
    package.mkdir(parents=True)
    (package / "configuration_tiny.py").write_text(CONFIGURATION.replace("tiny-mixer", "tiny-registered"))
    (package / "modeling_tiny.py").write_text(MODELING)
    (package / "__init__.py").write_text(REGISTER)
    about = tmp_path / "site" / "tiny_models-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-models\nVersion: 1.2\n")
    (about / "top_level.txt").write_text("tinymodels\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    importlib.invalidate_caches()
    folder = save_custom_model(tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    del config["auto_map"]
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "tiny-registered", "vocab": 12}))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tiny_model("llama") / name).read_bytes())
    return folder


def test_a_package_is_imported_where_the_config_names_it_and_its_version_is_recorded(
    registered: Path, tmp_path: Path
) -> None:
    for split in ("train", "test"):
        write_split(tmp_path / "data" / "gc", split)
    entry = f"path: {registered}, name: tiny, dtype: float32"
    config = tmp_path / "run.yaml"
    config.write_text(f"models: [{{{entry}}}]\ndatasets: {{root: data}}\n")
    without = seqbench("extract", config)
    assert without.exit_code == 2
    assert "no model of type 'tiny-registered' (set `requires` to the package that adds it" in without.stderr
    config.write_text(f"models: [{{{entry}, requires: tinymodels}}]\ndatasets: {{root: data}}\n")
    assert seqbench("extract", config).exit_code == 0
    assert open_store(tmp_path / "embeddings.zarr")["tiny/gc"].facts.versions["tinymodels"] == "1.2"
    (run,) = rows(config, "SELECT versions->>'tinymodels' AS release FROM runs WHERE status = 'done'")
    assert run == {"release": "1.2"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_package", r"requires: no_such_package is not installed \(pip install no_such_package\)"),
        ("broken_package", "requires: broken_package can't be imported: it is broken"),
        ("needy_package", r"requires: no_such_thing, which needy_package needs, is not installed"),
    ],
)
def test_a_package_that_can_not_be_imported_is_one_line(
    registered: Path, tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "site" / "broken_package.py").write_text("raise ValueError('it is broken')\n")
    (tmp_path / "site" / "needy_package.py").write_text("import no_such_thing\n")
    source = HuggingFace(name="m", path=str(registered), requires=name, options=EmbedOptions())
    with pytest.raises(ModelError, match=says):
        source.identity()


def test_a_module_that_no_distribution_installed_has_no_version() -> None:
    assert package_version("no_such_package") is None
