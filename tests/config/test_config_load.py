"""Loading: values, paths, overrides, and the exact line for every fault a user can cause."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seqbench.config import Checkpoint, HuggingFaceModel, KmerModel, PrecomputedModel, load_config
from seqbench.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"
SHARED = Path(__file__).parents[2].parent / "shared"
BASE = "models: [{kind: kmer}]\ndatasets: {root: data}\n"


def write(directory: Path, text: str) -> Path:
    path = directory / "config.yaml"
    path.write_text(text)
    return path


def fault(directory: Path, text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(write(directory, text), overrides)
    return str(caught.value).replace(f"{directory}/", "")


FAULTS = yaml.safe_load((Path(__file__).parent / "faults.yaml").read_text())


@pytest.mark.parametrize("case", FAULTS["whole"])
def test_a_fault_is_one_line_with_place_and_way_out(tmp_path: Path, case: dict[str, str]) -> None:
    assert fault(tmp_path, case["given"]) == case["says"]


@pytest.mark.parametrize("case", FAULTS["below_base"])
def test_a_fault_in_an_otherwise_good_config_names_its_line(tmp_path: Path, case: dict[str, str]) -> None:
    assert fault(tmp_path, BASE + case["given"]) == case["says"]


@pytest.mark.parametrize("case", FAULTS["overrides"])
def test_a_wrong_override_names_itself(tmp_path: Path, case: dict[str, str]) -> None:
    assert fault(tmp_path, BASE, case["set"]) == case["says"]


@pytest.mark.parametrize("case", FAULTS["flat"])
def test_a_fault_of_a_flat_config_names_the_flat_key(tmp_path: Path, case: dict[str, str]) -> None:
    assert fault(tmp_path, case["given"]) == case["says"]


def test_a_fault_of_an_override_of_a_flat_config_names_the_override(tmp_path: Path) -> None:
    line = fault(tmp_path, "model_path: org/m\ndataset_path: d\nseed: 1", "probe.seeds=1")
    assert line == "--set probe.seeds: must be a list, got 1 (--set 'probe.seeds=[1]')"


def test_code_of_a_hub_id_runs_at_a_pinned_revision(tmp_path: Path) -> None:
    text = "models: [{path: org/m, trust_remote_code: true}]\ndatasets: {root: d}"
    (model,) = load_config(
        write(tmp_path, text), ["models.0.revision=4f2a9c0123456789abcdef0123456789abcdef01"]
    ).config.models
    assert isinstance(model, Checkpoint)
    assert model.revision == "4f2a9c0123456789abcdef0123456789abcdef01"


def test_code_of_a_local_directory_needs_no_revision(tmp_path: Path) -> None:
    (tmp_path / "org" / "m").mkdir(parents=True)
    text = "models: [{path: org/m, trust_remote_code: true}]\ndatasets: {root: d}"
    (model,) = load_config(write(tmp_path, text)).config.models
    assert isinstance(model, Checkpoint)
    assert (model.trust_remote_code, model.revision) == (True, None)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/no\.yaml: no such config file$"):
        load_config(tmp_path / "no.yaml")


def test_a_directory_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"can't read this config file: Is a directory$"):
        load_config(tmp_path)


def test_relative_paths_start_at_the_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ckpt").mkdir()
    monkeypatch.chdir("/")
    models = "models: [{path: ckpt}, {kind: precomputed, name: p, path: ../pt, n_layers: 2}]\n"
    text = models + "datasets: {root: a/../data}"
    config = load_config(write(tmp_path, text)).config
    model, precomputed = config.models
    assert isinstance(model, Checkpoint)
    assert isinstance(precomputed, PrecomputedModel)
    assert (model.path, precomputed.path) == (str(tmp_path / "ckpt"), tmp_path.parent / "pt")
    assert (config.datasets.root, config.store.path) == (tmp_path / "data", tmp_path / "embeddings.zarr")
    assert (config.catalog, config.report.out) == (tmp_path / "catalog.duckdb", tmp_path / "report")


def test_folders_of_heads_and_curves_start_at_the_config_file(tmp_path: Path) -> None:
    text = BASE + "probe: {save_heads: heads}\nwandb: {dir: ../curves}\ntensorboard: {dir: board}"
    config = load_config(write(tmp_path, text)).config
    assert config.probe.save_heads == tmp_path / "heads"
    assert (config.wandb.dir, config.tensorboard.dir) == (tmp_path.parent / "curves", tmp_path / "board")
    bare = load_config(write(tmp_path, BASE)).config
    assert (bare.probe.save_heads, bare.tensorboard.dir) == (None, None)


def test_an_adapters_folder_starts_at_the_config_file(tmp_path: Path) -> None:
    text = "models: [{path: org/m, adapter: tuned}]\ndatasets: {root: data}"
    (model,) = load_config(write(tmp_path, text)).config.models
    assert isinstance(model, HuggingFaceModel)
    assert (model.path, model.adapter) == ("org/m", tmp_path / "tuned")


def test_a_store_in_an_object_store_keeps_its_url(tmp_path: Path) -> None:
    path = write(tmp_path, BASE)
    assert load_config(path, ["store.path=s3://bucket/emb/"]).config.store.path == "s3://bucket/emb"
    assert load_config(path, ["store.path=file:///data/emb"]).config.store.path == Path("/data/emb")
    assert load_config(path, ["store.path=emb"]).config.store.path == tmp_path / "emb"


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    loaded = load_config(write(tmp_path, BASE), ["datasets.root=~/data"])
    assert loaded.config.datasets.root == Path("/home/somebody/data")


def test_a_path_that_is_no_directory_stays_a_hub_id(tmp_path: Path) -> None:
    model = load_config(write(tmp_path, "models: [{path: org/m}]\ndatasets: {root: d}")).config.models[0]
    assert isinstance(model, Checkpoint)
    assert model.path == "org/m"


def test_a_hub_id_that_is_a_directory_elsewhere_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "org" / "m").mkdir(parents=True)
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path)
    loaded = load_config(write(tmp_path / "configs", "models: [{path: org/m}]\ndatasets: {root: d}"))
    assert len(loaded.warnings) == 1
    assert "models.0.path: org/m is taken as a hub id" in loaded.warnings[0]


def test_numbers_without_a_dot_before_the_exponent_are_numbers(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, BASE + "probe: {mlp: {lr: 1e-3}}")).config.probe.mlp.lr == 0.001


def test_an_alias_is_a_copy_so_an_override_changes_one_place(tmp_path: Path) -> None:
    text = "models:\n- &a {kind: kmer, k: 2}\n- {<<: *a, name: b}\n- *a\ndatasets: {root: d}"
    models = load_config(write(tmp_path, text), ["models.2.k=3"]).config.models
    assert [model.name for model in models] == ["kmer-2", "b", "kmer-3"]


def test_overrides_set_what_the_file_lacks_and_the_last_wins(tmp_path: Path) -> None:
    overrides = ["probe.mlp.lr=1e-2", "probe.mlp.lr=1e-3", "models.0.k=[1,2]", "catalog=here.duckdb"]
    config = load_config(write(tmp_path, BASE), overrides).config
    assert isinstance(config.models[0], KmerModel)
    assert (config.probe.mlp.lr, config.models[0].k) == (0.001, (1, 2))
    assert config.catalog == tmp_path / "here.duckdb"


KEYS: dict[str, st.SearchStrategy[Any]] = {
    "probe.seeds": st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5, unique=True),
    "probe.mlp.lr": st.floats(min_value=1e-12, max_value=1e3),
    "extract.layers": st.just("all") | st.lists(st.integers(-50, 50), min_size=1, max_size=5, unique=True),
    "extract.max_tokens": st.just("auto") | st.integers(8, 2**40),
    "probe.xgb.eval_metric": st.none() | st.from_regex(r"[a-z][a-z0-9@.-]{0,9}", fullmatch=True),
    "models.0.name": st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.+=@-]{0,20}", fullmatch=True),
}


@pytest.fixture(scope="module")
def base_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("overrides"), BASE)


@given(values=st.fixed_dictionaries({}, optional=KEYS))
def test_any_valid_override_is_what_the_config_holds(base_config: Path, values: dict[str, Any]) -> None:
    overrides = [
        f"{key}={yaml.safe_dump(value, default_style=quoted(value))}" for key, value in values.items()
    ]
    dumped = load_config(base_config, overrides).config.model_dump(mode="json")
    for key, value in values.items():
        held: Any = dumped
        for part in key.split("."):
            held = held[int(part)] if isinstance(held, list) else held[part]
        assert held == value


def quoted(value: Any) -> str | None:
    return '"' if isinstance(value, str) else None


def test_the_example_names_the_registered_data_sets() -> None:
    listed = SHARED / "reference" / "datasets.yaml"
    if not listed.exists():
        pytest.skip("shared/reference/datasets.yaml absent")
    groups = yaml.safe_load(listed.read_text())["groups"]
    names = load_config(CONFIGS / "genomic_benchmark.yaml").config.datasets.names
    assert names == tuple(name for group in groups.values() for name in group)


def test_the_example_compares_a_model_with_all_controls() -> None:
    loaded = load_config(CONFIGS / "genomic_benchmark.yaml")
    names = [model.name for model in loaded.config.models]
    assert names == ["nt-500m", "onehot", "nt-500m-untrained", "kmers", "composition"]
    assert loaded.config.probe.shuffled_labels
    assert not loaded.legacy
    assert loaded.warnings == ()


def test_importing_seqbench_does_not_import_the_config() -> None:
    code = "import sys, seqbench; sys.exit('seqbench.config' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
