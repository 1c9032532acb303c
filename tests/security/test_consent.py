"""Code of a checkpoint runs with the user's consent to that checkpoint, and no other code does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers.dynamic_module_utils as dynamic

from seqbench.config import load_config
from seqbench.errors import ConfigError, ModelError
from seqbench.models import checkpoint
from seqbench.models.base import EmbedOptions
from seqbench.models.consent import code_arguments
from seqbench.models.huggingface import HuggingFace
from tests.command import seqbench
from tests.data import write_split
from tests.security.attacks import change_json, code
from tests.tiny import save_tiny_model
from tests.tiny_code import save_custom_model

COMMIT = "0123456789" * 4


def model(folder: Path, **settings: Any) -> HuggingFace:
    return HuggingFace(name="m", path=str(folder), dtype="float32", options=EmbedOptions(), **settings)


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, Path]:
    """A model whose code leaves a trace, and the trace."""
    folder, trace = save_custom_model(tmp_path / "tiny"), tmp_path / "it-ran"
    for path in folder.glob("*.py"):
        path.write_text(code(trace) + path.read_text())
    return folder, trace


def test_code_beside_weights_runs_with_consent_alone(hostile: tuple[Path, Path]) -> None:
    folder, trace = hostile
    with pytest.raises(ModelError, match="set trust_remote_code: true"):
        model(folder).load()
    assert not trace.exists()
    with pytest.raises(ModelError, match="File exists"):  # by the second of its files
        model(folder, trust_remote_code=True).load()
    assert trace.exists()


def test_a_terminal_is_never_asked_for_consent(
    hostile: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transformers would ask `[y/N]` where consent is open, and a stray `y` would give it."""
    folder, trace = hostile
    monkeypatch.setattr("builtins.input", lambda _: "y")
    with pytest.raises(ModelError):
        model(folder).load()
    assert not trace.exists()
    with pytest.raises(ModelError, match="File exists"):
        model(folder, trust_remote_code=None).load()
    assert trace.exists()


def test_consent_to_one_model_of_a_config_is_none_to_another(
    hostile: tuple[Path, Path], tmp_path: Path
) -> None:
    _, trace = hostile
    save_custom_model(tmp_path / "trusted")
    write_split(tmp_path / "data" / "gc", "train")
    write_split(tmp_path / "data" / "gc", "test")
    (tmp_path / "run.yaml").write_text(
        "models: [{path: ./trusted, trust_remote_code: true}, {path: ./tiny}]\ndatasets: {root: data}\n"
    )
    done = seqbench("extract", tmp_path / "run.yaml")
    assert (done.exit_code, "tiny" in done.stderr, trace.exists()) == (3, True, False)
    done = seqbench("extract", tmp_path / "run.yaml", "--set", "models.1.trust_remote_code=true")
    assert trace.exists()


def serve(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A hub that gives every file of every repository from one folder."""
    fetch: Callable[..., Any] = dynamic.cached_file

    def cached_file(repository: str, name: str, **options: Any) -> Any:
        return str(folder / name) if repository == "evil/code" else fetch(repository, name, **options)

    monkeypatch.setattr(dynamic, "cached_file", cached_file)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_consent_does_not_cover_code_of_another_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder, trace = save_custom_model(tmp_path / f"m-{name[0]}"), tmp_path / "it-ran"
    elsewhere = tmp_path / "snapshots" / COMMIT
    elsewhere.mkdir(parents=True)
    module = name.partition("_")[0].partition(".")[0]  # one that was imported would not run again
    (elsewhere / f"{module}.py").write_text(code(trace))
    evil = {"AutoConfig": f"evil/code--{module}.C", "AutoTokenizer": [f"evil/code--{module}.T", None]}
    change_json(folder / name, auto_map=evil)
    serve(monkeypatch, elsewhere)
    with pytest.raises(ModelError, match=r"takes code from evil/code, which consent to .* does not cover"):
        model(folder, trust_remote_code=True).load()
    assert not trace.exists()
    monkeypatch.setattr(checkpoint, "code_arguments", lambda *_, **__: {"trust_remote_code": True})
    with pytest.raises(ModelError):
        model(folder, trust_remote_code=True).load()
    assert trace.exists()


def test_a_repository_that_names_itself_runs_at_the_commit_that_was_consented_to(tmp_path: Path) -> None:
    change_json(tmp_path / "config.json", auto_map={"AutoModel": "me/mine--m.M"})
    given = code_arguments(tmp_path, path="me/mine", revision=COMMIT, consents=True)
    assert given == {"trust_remote_code": True, "code_revision": COMMIT}
    with pytest.raises(ModelError, match="takes code from me/mine"):
        code_arguments(tmp_path, path="other/one", revision=COMMIT, consents=True)
    assert code_arguments(tmp_path, path="me/mine", revision=None, consents=False) == {
        "trust_remote_code": False
    }


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_config_cannot_bring_a_kernel_from_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    folder = save_tiny_model("bert", tmp_path / "m")
    change_json(folder / "config.json", **{key: "evil/kernel"})
    with pytest.raises(ModelError, match="asks for the attention 'evil/kernel', which may be foreign code"):
        model(folder).load()
    assert model(folder, attn_implementation="sdpa").load()
    monkeypatch.setattr(checkpoint, "check_attention", lambda _: None)
    with pytest.raises(ModelError, match="`kernels` is either not installed"):  # it would fetch it
        model(folder).load()


def test_a_hub_id_runs_code_at_a_commit_only(tmp_path: Path) -> None:
    """The rule is one line of the config's checks; the last revision shows that nothing else refuses."""
    (tmp_path / "data").mkdir()
    for revision in ("main", COMMIT[:7], COMMIT):
        (tmp_path / "run.yaml").write_text(
            f"models: [{{path: evil/code, trust_remote_code: true, revision: '{revision}'}}]\n"
            "datasets: {root: data}\n"
        )
        if revision != COMMIT:
            with pytest.raises(ConfigError, match="runs only at a pinned revision"):
                load_config(tmp_path / "run.yaml")
    assert load_config(tmp_path / "run.yaml").config.models[0].name == "code"
