"""Writing configs: short, and read back as what was written."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.config import Config, load_config, to_yaml

CONFIGS = Path(__file__).parents[2] / "configs"


def read_back(text: str, directory: Path) -> Config:
    (directory / "written.yaml").write_text(text)
    return load_config(directory / "written.yaml").config


@pytest.mark.parametrize("name", ["genomic_benchmark.yaml", "reference_flat.yaml"])
def test_an_example_comes_back_equal(tmp_path: Path, name: str) -> None:
    config = load_config(CONFIGS / name).config
    assert read_back(to_yaml(config, tmp_path), tmp_path) == config


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path) -> None:
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "c.yaml").write_text(
        "models:\n- {kind: huggingface, path: models/m, name: m, dtype: bfloat16}\n"
        "- {k: 4, kind: kmer, name: kmers}\ndatasets: {root: data}\n"
        "probe: {mlp: {epochs: 5, lr: 1e-5, dropout: 0.2}}\ncatalog: catalog.duckdb"
    )
    assert to_yaml(load_config(tmp_path / "c.yaml").config, tmp_path) == (
        "models:\n- {path: ./models/m}\n- {kind: kmer, name: kmers}\ndatasets: {root: data}\n"
        "probe:\n  mlp: {lr: 1.0e-05, epochs: 5}\n"
    )


def test_the_url_of_a_store_is_written_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "models: [{kind: kmer}]\ndatasets: {root: data}\nstore: {path: s3://b/e}"
    )
    config = load_config(tmp_path / "c.yaml").config
    assert "store: {path: 's3://b/e'}" in to_yaml(config, tmp_path)
    assert read_back(to_yaml(config, tmp_path), tmp_path) == config


def test_an_adapter_and_an_attention_come_back(tmp_path: Path) -> None:
    text = "models:\n- {path: org/m, attn_implementation: eager, adapter: tuned}\ndatasets: {root: data}\n"
    (tmp_path / "c.yaml").write_text(text)
    config = load_config(tmp_path / "c.yaml").config
    assert to_yaml(config, tmp_path) == text
    assert read_back(text, tmp_path) == config


def test_a_converted_flat_config_is_in_the_new_form_and_equal(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(
        "model_path: org/m\ndataset_path: data\nembedding_output_dir: emb\n"
        "eval_result_path: out\nmlp_epochs: 5"
    )
    config = load_config(tmp_path / "old.yaml").config
    text = to_yaml(config, tmp_path)
    assert text == (
        "models:\n- {path: org/m}\ndatasets: {root: data}\nstore: {path: emb/embeddings.zarr}\n"
        "probe:\n  choose_epoch: last\n  mlp: {epochs: 5, standardize: false}\ncatalog: out/catalog.duckdb\n"
        "report: {out: out}\n"
    )
    assert read_back(text, tmp_path) == config


def test_a_path_outside_the_directory_stays_absolute(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("models: [{kind: onehot}]\ndatasets: {root: ../data}")
    text = to_yaml(load_config(tmp_path / "c.yaml").config, tmp_path)
    assert text == f"models:\n- {{kind: onehot}}\ndatasets: {{root: {tmp_path.parent / 'data'}}}\n"


def test_a_config_written_elsewhere_still_means_the_same_places(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("models: [{kind: onehot}]\ndatasets: {root: data}")
    (tmp_path / "elsewhere").mkdir()
    config = load_config(tmp_path / "c.yaml").config
    assert read_back(to_yaml(config, tmp_path / "elsewhere"), tmp_path / "elsewhere") == config


TEXT = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.+=@-]{0,12}", fullmatch=True)
MODEL: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"kind": st.just("kmer"), "k": st.integers(1, 9), "name": TEXT}),
    st.fixed_dictionaries(
        {"kind": st.just("precomputed"), "path": TEXT, "n_layers": st.integers(1, 99), "name": TEXT}
    ),
)
SECTIONS: dict[str, st.SearchStrategy[Any]] = {
    "catalog": TEXT,
    "probe": st.fixed_dictionaries(
        {"seeds": st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True)},
        optional={"mlp": st.fixed_dictionaries({"lr": st.floats(1e-300, 1e300), "hidden": st.just([8, 4])})},
    ),
    "report": st.fixed_dictionaries({"best_table": st.sampled_from([[], ["mcc"], [["f1", "mcc"], "mcc"]])}),
}
REQUIRED: dict[str, st.SearchStrategy[Any]] = {
    "models": st.lists(MODEL, min_size=1, max_size=3, unique_by=lambda model: str(model["name"])),
    "datasets": st.fixed_dictionaries(
        {"root": TEXT, "names": st.lists(TEXT, min_size=1, max_size=3, unique=True)}
    ),
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


@given(data=st.fixed_dictionaries(REQUIRED, optional=SECTIONS))
def test_whatever_is_written_is_read_back_equal(directory: Path, data: dict[str, Any]) -> None:
    config = read_back(json.dumps(data), directory)
    assert read_back(to_yaml(config, directory), directory) == config
