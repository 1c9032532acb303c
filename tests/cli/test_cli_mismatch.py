"""Nothing is silently mixed: what the config asks for and what is stored must agree, in every command."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from seqbench.cli.main import app
from tests.data import write_split

CONFIG = """
models:
  - {{path: {model}, name: tiny, dtype: float32}}
  - {{kind: kmer, k: 2}}
datasets: {{root: data}}
probe: {{heads: [linear]}}
"""


def seqbench(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def finished(tiny_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was done, to be copied."""
    folder = tmp_path_factory.mktemp("finished")
    for split in ("train", "eval", "test"):
        write_split(folder / "data" / "gc", split)
    (folder / "run.yaml").write_text(CONFIG.format(model=tiny_model("bert")))
    done = seqbench("run", folder / "run.yaml")
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def config(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run.yaml"


@pytest.mark.parametrize("command", ["extract", "probe"])
@pytest.mark.parametrize(("override", "said"), [
    ("extract.pooling=max", "pooling=mean, the config says pooling=max"),
    ("extract.max_tokens=16", "max_tokens_asked=auto, the config says max_tokens_asked=16"),
    ("models.0.dtype=bfloat16", "dtype=float32, the config says dtype=bfloat16"),
    ("models.1={kind: kmer, k: 3, name: kmer-2}", "model 'kmer-2' was stored with fingerprint"),
])  # fmt: skip
def test_other_settings_are_refused(config: Path, command: str, override: str, said: str) -> None:
    stopped = seqbench(command, config, "--set", override)
    assert stopped.exit_code == 3
    assert said in stopped.stderr


@pytest.mark.parametrize("command", ["extract", "probe"])
def test_a_split_that_is_gone_is_noticed(config: Path, command: str) -> None:
    (config.parent / "data" / "gc" / "eval.jsonl").unlink()
    stopped = seqbench(command, config)
    assert stopped.exit_code == 2
    assert "has a split eval, the data set has none any more" in stopped.stderr


def test_a_split_that_is_new_is_extracted_before_it_is_probed(config: Path) -> None:
    data = config.parent / "data"
    for split in ("train", "test"):
        write_split(data / "late", split)
    assert seqbench("run", config).exit_code == 0
    write_split(data / "late", "eval")
    early = seqbench("probe", config)
    assert "late was extracted before there was a split eval (extract again)" in early.stderr
    assert seqbench("run", config).exit_code == 0


def test_another_label_key_is_other_data(config: Path) -> None:
    (config.parent / "info.yaml").write_text("gc: {eval_task: classification, label_key: label2}\n")
    for split in ("train", "eval", "test"):
        path = config.parent / "data" / "gc" / f"{split}.jsonl"
        items = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps({**item, "label2": 1 - item["label"]}) + "\n" for item in items))
    stopped = seqbench("probe", config, "--set", "datasets.info=info.yaml")
    assert stopped.exit_code == 2


def test_the_report_is_of_the_configs_own_probes(config: Path) -> None:
    weak = ("--set", "probe.heads=[forest]", "--set", "probe.forest.n_estimators=1")
    strong = ("--set", "probe.heads=[forest]", "--set", "probe.forest.n_estimators=50")
    table = config.parent / "report" / "tables" / "best_accuracy.tsv"
    texts = []
    for settings in (weak, strong, weak):
        assert seqbench("run", config, *settings).exit_code == 0
        texts.append(table.read_text())
    assert texts[0] == texts[2] != texts[1]


def test_a_layer_that_no_model_has_is_an_error(config: Path) -> None:
    stopped = seqbench("extract", config, "--set", "extract.layers=[20]", "--set", "models=[{path: "
                       + str(config.parent) + ", name: x}]")  # fmt: skip
    assert stopped.exit_code == 2
    wrong = seqbench("extract", config, "--set", "extract.layers=[20]")
    assert "names no layer of a model with layers 0 to 3" in wrong.stderr


def test_layers_that_are_complete_are_not_computed_again(config: Path) -> None:
    chunks = sorted((config.parent / "embeddings.zarr" / "tiny" / "gc" / "0").rglob("c/**/0"))
    before = [chunk.stat().st_mtime_ns for chunk in chunks if chunk.is_file()]
    assert seqbench("extract", config, "--set", "extract.tokens_per_batch=50").exit_code == 0
    assert [chunk.stat().st_mtime_ns for chunk in chunks if chunk.is_file()] == before


def test_a_model_folder_without_a_tokenizer_is_refused(config: Path, tmp_path: Path) -> None:
    import shutil

    text = config.read_text()
    model = Path(text.split("path: ")[1].split(",")[0])
    copy = shutil.copytree(model, tmp_path / "bare")
    for file in copy.glob("*token*"):
        file.unlink()
    config.write_text(text.replace(str(model), str(copy)).replace("name: tiny", "name: bare"))
    stopped = seqbench("extract", config)
    assert stopped.exit_code == 3
    assert "has no tokenizer" in stopped.stderr


@pytest.mark.parametrize("damage", [
    lambda folder: (folder / "model.safetensors").write_bytes(b"garbage"),
    lambda folder: (folder / "config.json").write_text('{"model_type": "bert", "hidden_size": "abc"}'),
    lambda folder: (folder / "tokenizer.json").write_text("{"),
])  # fmt: skip
def test_a_damaged_model_folder_is_one_line(
    config: Path, tmp_path: Path, damage: Callable[[Path], int]
) -> None:
    import shutil

    text = config.read_text()
    model = Path(text.split("path: ")[1].split(",")[0])
    damage(shutil.copytree(model, tmp_path / "bad"))
    config.write_text(text.replace(str(model), str(tmp_path / "bad")).replace("name: tiny", "name: bad"))
    stopped = seqbench("extract", config)
    assert stopped.exit_code == 3, stopped.output
    assert f"model 'bad': {tmp_path / 'bad'} can't be loaded" in stopped.stderr
