"""Loading checkpoints: shards, attention by name, encoders alone, custom code, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, PerceiverConfig
from typer.testing import CliRunner

from seqbench.cli.main import app
from seqbench.errors import ModelError, ModelNotFoundError
from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.huggingface import HuggingFace, RandomInit
from tests.data import write_split
from tests.tiny_code import save_custom_model

TinyModel = Callable[[str], Path]
FACTS = SequenceFacts(name="d", alphabet="dna", min_length=1, max_length=32)
SEQUENCES = ["ACGT", "GATTACAGATTACA", "C", "ACGTNACGTTGCAGGA"]


def source(folder: Path, **parameters: Any) -> HuggingFace:
    return HuggingFace(name="m", path=str(folder), dtype="float32", options=EmbedOptions(), **parameters)


def rows(folder: Path, layer: int = 3, **parameters: Any) -> np.ndarray:
    embedder = source(folder, **parameters).load().embedder(FACTS)
    return embedder.embed(SEQUENCES, [layer]).layers[layer]


@pytest.fixture
def changed(tiny_model: TinyModel, tmp_path: Path) -> Callable[..., Path]:
    """A copy of a tiny model with other values in its config."""

    def change(family: str, **values: Any) -> Path:
        folder = Path(shutil.copytree(tiny_model(family), tmp_path / family))
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **values}))
        return folder

    return change


@pytest.fixture
def sharded(tiny_model: TinyModel, tmp_path: Path) -> Path:
    model = AutoModel.from_pretrained(tiny_model("llama"))
    folder = tmp_path / "sharded"
    model.save_pretrained(folder, max_shard_size="20KB")
    shutil.copy(tiny_model("llama") / "tokenizer.json", folder)
    shutil.copy(tiny_model("llama") / "tokenizer_config.json", folder)
    return folder


def test_shards_give_what_one_file_gives(tiny_model: TinyModel, sharded: Path) -> None:
    assert len(list(sharded.glob("model-*.safetensors"))) > 2
    np.testing.assert_array_equal(rows(sharded), rows(tiny_model("llama")))


def test_a_missing_shard_is_named(sharded: Path) -> None:
    (first, *_) = sorted(sharded.glob("model-*.safetensors"))
    first.unlink()
    with pytest.raises(ModelNotFoundError, match=rf"lacks 1 of the \d+ weight files .*first: {first.name}"):
        source(sharded).identity()


def test_a_damaged_index_is_named(sharded: Path) -> None:
    (sharded / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(ModelNotFoundError, match=r"index\.json is damaged: it maps no weights to files"):
        source(sharded).identity()


def test_the_fingerprint_follows_every_shard(sharded: Path) -> None:
    before = source(sharded).fingerprint
    with sorted(sharded.glob("model-*.safetensors"))[-1].open("ab") as file:
        file.write(b"x")
    assert source(sharded).fingerprint != before


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_attention_is_taken_by_name(tiny_model: TinyModel, attention: str) -> None:
    found = rows(tiny_model("bert"), attn_implementation=attention)
    np.testing.assert_allclose(found, rows(tiny_model("bert")), atol=1e-5)


def test_the_named_attention_is_what_runs(tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Any:
        return source(tiny_model("llama"), attn_implementation=name).load().forward.model

    eager, sdpa = (load(name).config._attn_implementation for name in ("eager", "sdpa"))
    assert eager == "eager"
    assert sdpa in ("sdpa", "seqbench_sdpa")  # the second on CPUs: the same kernel with shared masks


@pytest.mark.parametrize("name", ["flash", "paged|eager", "kernels-community/flash-attn2"])
def test_an_unknown_attention_is_refused_with_those_that_are_known(tiny_model: TinyModel, name: str) -> None:
    with pytest.raises(ModelError, match=r"is unknown; transformers knows eager, .*flash_attention_2.*sdpa"):
        source(tiny_model("bert"), attn_implementation=name).load()


def test_random_weights_take_an_attention_too(tiny_model: TinyModel) -> None:
    twin = RandomInit(
        name="t", path=str(tiny_model("llama")), attn_implementation="eager", options=EmbedOptions()
    )
    assert twin.load().forward.model.config._attn_implementation == "eager"


def test_blocks_beyond_the_config_are_refused(changed: Callable[..., Path]) -> None:
    folder = changed("bert", num_hidden_layers=2)
    with pytest.raises(ModelError, match=r"more than the 2 blocks .*first: encoder\.layer\.2\."):
        source(folder).load()


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (
            "hidden_size",
            48,
            r"LayerNorm\.bias is 32, by the config 48 and 49 more .correct hidden_size: 48 wh",
        ),
        (
            "vocab_size",
            30,
            r"word_embeddings\.weight is 25 × 32, by the config 30 × 32 .correct vocab_size: ",
        ),
        ("intermediate_size", 128, r"intermediate\.dense\.bias is 64, by the config 128 and 8 more"),
    ],
)
def test_tensors_of_another_shape_are_named_with_both(
    changed: Callable[..., Path], key: str, value: int, says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        source(changed("bert", **{key: value})).load()


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        ("module.", r"55 tensors lie under `module\.`, as DistributedDataParallel names them"),
        ("module.bert.", r"55 tensors lie under `module\.`, as DistributedDataParallel"),
        ("_orig_mod.", r"55 tensors lie under `_orig_mod\.`, as torch\.compile names them"),
        ("encoder.net.", r"55 tensors lie under `encoder\.net\.` \(save the model itself"),
    ],
)
def test_tensors_under_a_prefix_are_counted(changed: Callable[..., Path], prefix: str, says: str) -> None:
    folder = changed("bert")
    tensors = load_file(folder / "model.safetensors")
    save_file(
        {prefix + name: tensor for name, tensor in tensors.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(ModelError, match=says):
        source(folder).load()


def test_a_trainings_checkpoint_is_told_as_such(changed: Callable[..., Path]) -> None:
    folder = changed("bert")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save({"state_dict": tensors, "epoch": 3}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="lie under the key 'state_dict' of a training's checkpoint"):
        source(folder).load()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"model_type": "rnafm"}, "no model of type 'rnafm' .set `requires` to the package that adds it"),
        ({"model_type": None}, "config.json has no model_type"),
        ({"hidden_act": "gelux"}, "knows no 'gelux', which its config.json asks for"),
        ({"num_attention_heads": 5}, "not a multiple of the number of attention heads .*is its config.json"),
    ],
)
def test_a_config_that_does_not_fit_is_not_called_damaged(
    changed: Callable[..., Path], values: dict[str, Any], says: str
) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        source(changed("bert", **values)).load()
    assert "damaged" not in str(caught.value)


def test_weights_that_git_has_not_fetched_are_told_as_such(changed: Callable[..., Path]) -> None:
    folder = changed("bert")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    (folder / "model.safetensors").write_text(pointer)
    with pytest.raises(ModelError, match=r"model\.safetensors is a pointer of Git LFS .*\(git lfs pull\)"):
        source(folder).load()


def test_weights_that_were_cut_are_called_damaged(changed: Callable[..., Path]) -> None:
    weights = changed("bert") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"deserializing header: .* \(damaged\? copy it again\)"):
        source(weights.parent).load()


def test_a_task_models_weights_load_into_the_bare_model(tiny_model: TinyModel, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = Path(shutil.copytree(tiny_model("esm"), tmp_path / "task"))
    AutoModelForSequenceClassification.from_pretrained(tiny_model("esm")).save_pretrained(folder)
    np.testing.assert_array_equal(rows(folder), rows(tiny_model("esm")))


def test_of_t5_only_the_encoder_is_loaded(tiny_model: TinyModel) -> None:
    model = source(tiny_model("t5")).load().forward.model
    assert not any("EncDecAttention" in name for name, _ in model.named_modules())


def test_a_t5_that_was_saved_without_its_decoder_loads(tiny_model: TinyModel, tmp_path: Path) -> None:
    from transformers import T5EncoderModel

    folder = Path(shutil.copytree(tiny_model("t5"), tmp_path / "encoder"))
    T5EncoderModel.from_pretrained(tiny_model("t5")).save_pretrained(folder)
    assert not json.loads((folder / "config.json").read_text())["is_encoder_decoder"]
    np.testing.assert_array_equal(rows(folder), rows(tiny_model("t5")))


@pytest.mark.parametrize("bare", [True, False])
def test_custom_code_in_a_folder_runs_with_consent(tmp_path: Path, bare: bool) -> None:
    folder = save_custom_model(tmp_path / f"tiny-{bare}", bare=bare)
    model = source(folder, trust_remote_code=True)
    assert (model.identity().n_layers, model.identity().hidden) == (3, 16)
    embedder = model.load().embedder(FACTS)
    assert embedder.tokens.fast
    found = embedder.embed(SEQUENCES, range(3))
    module = embedder.forward.model.float()
    for row, sequence in enumerate(SEQUENCES):
        ids = torch.tensor([["ACGTN".index(letter) for letter in sequence]])
        for layer, hidden in enumerate(module(ids, output_hidden_states=True).hidden_states):
            wanted = hidden[0].detach().mean(dim=0).numpy()
            np.testing.assert_allclose(found.layers[layer][row], wanted, atol=1e-5)


def test_custom_code_without_consent_is_one_line(tmp_path: Path) -> None:
    folder = save_custom_model(tmp_path / "tiny")
    with pytest.raises(ModelError, match="set trust_remote_code: true if you trust it") as caught:
        source(folder).identity()
    assert "\n" not in str(caught.value)


def test_custom_code_without_consent_ends_a_run_with_exit_2(tmp_path: Path) -> None:
    save_custom_model(tmp_path / "tiny")
    write_split(tmp_path / "data" / "gc", "train")
    (tmp_path / "run.yaml").write_text("models: [{path: ./tiny}]\ndatasets: {root: data}\n")
    done = CliRunner().invoke(app, ["extract", str(tmp_path / "run.yaml")])
    assert (done.exit_code, "trust_remote_code: true if you trust it" in done.stderr) == (2, True)


def test_a_task_model_of_custom_code_must_say_where_its_bare_model_is(tmp_path: Path) -> None:
    folder = save_custom_model(tmp_path / "unsaid", bare=False)
    code = (folder / "modeling_tiny.py").read_text()
    (folder / "modeling_tiny.py").write_text(code.replace('base_model_prefix = "tiny"', ""))
    with pytest.raises(ModelError, match="its code offers TinyForMaskedLM alone, whose base_model_prefix"):
        source(folder, trust_remote_code=True).load()


def test_the_fingerprint_follows_custom_code(tmp_path: Path) -> None:
    folder = save_custom_model(tmp_path / "tiny")
    before = source(folder).fingerprint
    (folder / "modeling_tiny.py").write_text("changed")
    assert source(folder).fingerprint != before


def test_an_adapter_beside_a_model_is_refused(changed: Callable[..., Path]) -> None:
    folder = changed("bert")
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"holds an adapter beside a model \(move it to a folder of its own"):
        source(folder).identity()


def test_a_model_whose_blocks_see_latents_is_told_as_such(tmp_path: Path) -> None:
    PerceiverConfig(num_latents=8).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match="the blocks of a Perceiver see 8 latents instead of tokens"):
        source(tmp_path).identity()


def test_a_config_that_tells_of_no_blocks_is_refused(changed: Callable[..., Path]) -> None:
    folder = changed("bert", num_hidden_layers=None)
    with pytest.raises(ModelError):
        source(folder).identity()
