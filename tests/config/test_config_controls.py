"""The switch `controls`: what it adds, what it leaves alone, and what it refuses."""

from pathlib import Path

import pytest

from seqbench.config import Checkpoint, KmerModel, LoadedConfig, RandomInitModel, load_config, to_yaml
from seqbench.errors import ConfigError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def load(
    directory: Path, models: str, more: str = "controls: true", root: str = "root: data"
) -> LoadedConfig:
    path = directory / "config.yaml"
    path.write_text(f"models:\n{models}\ndatasets: {{{root}}}\n{more}\n")
    return load_config(path)


def names(loaded: LoadedConfig) -> list[str]:
    return [model.name for model in loaded.config.models]


def test_a_checkpoint_gets_a_twin_that_is_run_alike_and_counts_behind_the_users_own_models(
    tmp_path: Path,
) -> None:
    models = (
        f"- {{path: org/bert, name: mine, dtype: float16, revision: {COMMIT}, trust_remote_code: true, "
        "attn_implementation: eager}\n- {kind: onehot}"
    )
    loaded = load(tmp_path, models)
    assert names(loaded) == ["mine", "onehot", "mine-untrained", "kmers", "composition"]
    mine, _, twin, kmers, composition = loaded.config.models
    assert isinstance(mine, Checkpoint)
    assert isinstance(twin, RandomInitModel)
    assert {key: getattr(twin, key) for key in Checkpoint.model_fields} == {
        "path": "org/bert",
        "dtype": "float16",
        "revision": COMMIT,
        "trust_remote_code": True,
        "attn_implementation": "eager",
        "requires": None,
    }
    assert twin.seed == 0
    assert (kmers, composition) == (
        KmerModel(kind="kmer", k="auto", name="kmers"),
        KmerModel(kind="kmer", k=1, name="composition"),
    )
    assert loaded.config.probe.shuffled_labels
    assert [line.split(" adds ")[1].split(",")[0] for line in loaded.controls] == [
        "mine-untrained",
        "kmers",
        "composition",
        "each probe once more on shuffled labels (probe.shuffled_labels)",
    ]


def test_without_the_switch_nothing_is_added(tmp_path: Path) -> None:
    off = load(tmp_path, "- {path: org/bert}", "controls: false")
    assert off.config == load(tmp_path, "- {path: org/bert}", "").config
    assert names(off) == ["bert"]
    assert not off.config.probe.shuffled_labels
    assert off.controls == ()


@pytest.mark.parametrize(
    ("written", "added"),
    [
        ("{kind: random-init, path: org/bert, name: other, seed: 7}", ["kmers", "composition"]),
        ("{kind: random-init, path: org/bert, revision: v2}", ["mine-untrained", "kmers", "composition"]),
        ("{kind: kmer, k: 6}", ["mine-untrained", "composition"]),
        ("{kind: kmer, k: [1, 2]}", ["mine-untrained", "composition"]),
        ("{kind: kmer, k: [1], name: letters}", ["mine-untrained", "kmers"]),
        ("{kind: kmer, k: 1}\n- {kind: kmer, k: 3}", ["mine-untrained"]),
    ],
    ids=["twin", "twin of another revision", "k-mers", "k-mers and letters", "composition", "both counts"],
)
def test_what_the_user_wrote_is_not_doubled(tmp_path: Path, written: str, added: list[str]) -> None:
    loaded = load(tmp_path, f"- {{path: org/bert, name: mine}}\n- {written}")
    own = 2 + written.count("\n")
    assert names(loaded)[own:] == added


def test_shuffled_labels_that_are_written_out_as_off_stay_off(tmp_path: Path) -> None:
    loaded = load(tmp_path, "- {path: org/bert}", "controls: true\nprobe: {shuffled_labels: false}")
    assert not loaded.config.probe.shuffled_labels
    assert not any("shuffled" in line for line in loaded.controls)
    (tmp_path / "again.yaml").write_text(to_yaml(loaded.config, tmp_path))
    assert load_config(tmp_path / "again.yaml").config == loaded.config


def test_entries_of_one_checkpoint_share_a_twin_and_an_adapter_has_that_of_its_checkpoint(
    tmp_path: Path,
) -> None:
    (tmp_path / "bert").mkdir()
    loaded = load(tmp_path, "- {path: bert, name: tuned, adapter: lora}\n- {path: ./bert, name: base}")
    assert names(loaded) == ["tuned", "base", "tuned-untrained", "kmers", "composition"]
    twin = loaded.config.models[2]
    assert isinstance(twin, RandomInitModel)
    assert twin.path == str(tmp_path / "bert")
    assert loaded.controls[0].endswith("the untrained twin of tuned without its adapter")


def test_consent_to_custom_code_is_only_that_of_the_same_checkpoint(tmp_path: Path) -> None:
    for name in ("trusted", "other"):
        (tmp_path / name).mkdir()
    loaded = load(tmp_path, "- {path: trusted, trust_remote_code: true}\n- {path: other}")
    given = {
        model.name: model.trust_remote_code for model in loaded.config.models if isinstance(model, Checkpoint)
    }
    assert given == {"trusted": True, "other": False, "trusted-untrained": True, "other-untrained": False}


def test_embeddings_from_files_have_no_twin_and_without_sequences_nothing_is_counted(tmp_path: Path) -> None:
    theirs = "- {kind: precomputed, path: files, n_layers: 3, name: theirs}"
    alone = load(tmp_path, theirs, root="names: [a]")
    assert names(alone) == ["theirs"]
    assert alone.controls[0] == "theirs can't have an untrained twin: its embeddings come from files"
    assert "no sequences to count them in (datasets.root)" in alone.controls[1]
    assert names(load(tmp_path, theirs)) == ["theirs", "kmers", "composition"]


def test_a_config_that_is_written_with_its_controls_reads_back_as_the_same(tmp_path: Path) -> None:
    loaded = load(tmp_path, "- {path: org/bert, dtype: float32}\n- {kind: onehot}")
    (tmp_path / "again.yaml").write_text(to_yaml(loaded.config, tmp_path))
    again = load_config(tmp_path / "again.yaml")
    assert again.config == loaded.config
    assert again.controls == ()


@pytest.mark.parametrize(
    ("models", "says"),
    [
        (
            "- {path: org/bert}\n- {path: org/gpt, name: bert-untrained}",
            "config.yaml:3: models.1.name: bert-untrained is also what controls: true names the untrained "
            "twin of models.0: set another `name:`",
        ),
        (
            "- {path: org/composition}",
            "config.yaml:2: models.0.name: composition is also what controls: true names a control: set "
            "another `name:`",
        ),
        (
            "- {kind: kmer, k: 1, name: kmers}",
            "config.yaml:2: models.0.name: kmers is also what controls: true names a control: set "
            "another `name:`",
        ),
    ],
    ids=["twin", "composition", "k-mers"],
)
def test_a_name_that_is_taken_is_refused_in_one_line(tmp_path: Path, models: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, models)
    assert str(caught.value).replace(f"{tmp_path}/", "") == says


def test_a_name_that_gets_too_long_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"models\.0\.name: controls: true can't name its untrained twin "):
        load(tmp_path, f"- {{path: org/bert, name: {'x' * 120}}}")
