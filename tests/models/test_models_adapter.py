"""Merged LoRA adapters against the hidden states of peft's own models."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import IA3Config, PeftModel, get_peft_model

from seqbench.errors import ModelError, ModelNotFoundError
from seqbench.models.adapter import check_adapter, merge_adapter
from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.huggingface import HuggingFace
from tests.tiny import save_adapter

TinyModel = Callable[[str], Path]
IDS = torch.tensor([[5, 6, 7, 8, 9, 10, 5, 5, 6]])
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bare": ("bert", "AutoModel", {"target_modules": ["query", "value"]}),
    "task model": (
        "bert",
        "AutoModelForSequenceClassification",
        {"target_modules": ["query", "dense"], "task_type": "SEQ_CLS"},
    ),
    "tokens": ("roberta", "AutoModelForTokenClassification", {"target_modules": "all-linear"}),
    "head as well": ("esm", "AutoModelForMaskedLM", {"target_modules": ["key", "decoder"], "bias": "all"}),
    "decoder": (
        "llama",
        "AutoModelForCausalLM",
        {
            "target_modules": ["q_proj", "down_proj", "lm_head"],
            "rank_pattern": {"model.layers.1.self_attn.q_proj": 3},
            "alpha_pattern": {"model.layers.2.self_attn.q_proj": 64},
        },
    ),
    "a pattern": ("llama", "AutoModelForCausalLM", {"target_modules": r"model\.layers\.[02]\..*(q|v)_proj"}),
    "transposed": ("gpt2", "AutoModelForCausalLM", {"target_modules": ["c_attn"], "fan_in_fan_out": True}),
    "dora": ("gpt_neox", "AutoModel", {"target_modules": ["query_key_value"], "use_dora": True}),
    "embedding": ("llama", "AutoModelForCausalLM", {"target_modules": ["embed_tokens", "v_proj"]}),
    "embedding saved whole": (
        "llama",
        "AutoModelForSequenceClassification",
        {"target_modules": ["v_proj"], "modules_to_save": ["embed_tokens", "norm"]},
    ),
    "encoder-decoder": ("t5", "AutoModelForSeq2SeqLM", {"target_modules": ["q", "v", "wo"]}),
    "encoder-decoder, all of it": ("bart", "AutoModelForSeq2SeqLM", {"target_modules": ["q_proj", "fc1"]}),
    "beside experts": ("mixtral", "AutoModelForCausalLM", {"target_modules": ["o_proj"]}),
    "experts": (
        "mixtral",
        "AutoModelForCausalLM",
        {"target_modules": [], "target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]},
    ),
    "router": ("mixtral", "AutoModel", {"target_modules": [], "target_parameters": ["mlp.gate.weight"]}),
    "state space": ("mamba", "AutoModelForCausalLM", {"target_modules": ["in_proj", "x_proj"]}),
}


def encoder_of(model: Any) -> Any:
    return model.get_encoder() if model.config.is_encoder_decoder else model


def hidden_states(model: Any) -> list[torch.Tensor]:
    with torch.inference_mode():
        return list(encoder_of(model.eval())(input_ids=IDS, output_hidden_states=True).hidden_states)


def bare(base: Path) -> Any:
    auto = transformers.AutoModelForTextEncoding if "t5" in base.name else transformers.AutoModel
    return auto.from_pretrained(base, dtype=torch.float32)


@pytest.mark.parametrize("case", CASES)
def test_merged_weights_give_the_hidden_states_of_pefts_own_model(
    tiny_model: TinyModel, tmp_path: Path, case: str
) -> None:
    family, auto, parameters = CASES[case]
    base = tiny_model(family)
    save_adapter(base, auto, tmp_path, **parameters)
    theirs = PeftModel.from_pretrained(getattr(transformers, auto).from_pretrained(base), tmp_path)
    wanted = hidden_states(theirs.base_model.model.base_model)
    merged = merge_adapter(bare(base), tmp_path)
    assert not any("lora" in name for name, _ in merged.named_parameters())
    found, untouched = hidden_states(merged), hidden_states(bare(base))
    for ours, truth in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, truth, atol=2e-5, rtol=2e-5)
    assert not torch.allclose(found[-1], untouched[-1], atol=1e-2)


def test_a_loaded_model_is_merged_before_its_weights_are_rounded(
    tiny_model: TinyModel, tmp_path: Path
) -> None:
    base = tiny_model("bert")
    save_adapter(base, "AutoModel", tmp_path, target_modules=["query"])
    source = HuggingFace(name="m", path=str(base), adapter=tmp_path, dtype="bfloat16", options=EmbedOptions())
    facts = SequenceFacts(name="d", alphabet="dna", min_length=1, max_length=9)
    row = source.load().embedder(facts).embed(["ACGTACG"], [3]).layers[3][0]
    model = merge_adapter(bare(base), tmp_path).to(torch.bfloat16).eval()
    with torch.inference_mode():
        ids = torch.tensor([[2, 4, 5, 6, 7, 4, 5, 6, 3]])
        wanted = model(input_ids=ids).last_hidden_state[0].float().mean(dim=0)
    torch.testing.assert_close(torch.from_numpy(row), wanted, atol=2e-2, rtol=2e-2)


def test_an_adapter_of_another_model_finds_no_place(tiny_model: TinyModel, tmp_path: Path) -> None:
    save_adapter(tiny_model("llama"), "AutoModelForCausalLM", tmp_path, target_modules=["q_proj"])
    with pytest.raises(ModelError, match=r"none of its 6 tensors has a place in BertModel .*another model"):
        merge_adapter(bare(tiny_model("bert")), tmp_path)


def test_tensors_without_a_place_are_never_left_out(tiny_model: TinyModel, tmp_path: Path) -> None:
    save_adapter(tiny_model("bert"), "AutoModel", tmp_path, target_modules=["query"])
    shallow = bare(tiny_model("bert"))
    shallow.encoder.layer = shallow.encoder.layer[:2]
    with pytest.raises(ModelError, match=r"2 tensors without a place in the model .*layer\.2"):
        merge_adapter(shallow, tmp_path)


def test_places_without_a_tensor_are_never_random(tiny_model: TinyModel, tmp_path: Path) -> None:
    import copy

    save_adapter(tiny_model("bert"), "AutoModel", tmp_path, target_modules=["query"])
    deeper = bare(tiny_model("bert"))
    deeper.encoder.layer.append(copy.deepcopy(deeper.encoder.layer[0]))
    with pytest.raises(ModelError, match=r"2 tensors too few .*layer\.3"):
        merge_adapter(deeper, tmp_path)


def test_an_embedding_of_a_longer_vocabulary_is_an_error(tiny_model: TinyModel, tmp_path: Path) -> None:
    base = tiny_model("llama")
    save_adapter(
        base,
        "AutoModelForCausalLM",
        tmp_path,
        target_modules=["q_proj"],
        modules_to_save=["embed_tokens"],
    )
    longer = bare(base)
    longer.resize_token_embeddings(99)
    with pytest.raises(
        ModelError, match=r"embed_tokens\.weight has shape \(25, 32\), the model's \(99, 32\)"
    ):
        merge_adapter(longer, tmp_path)


def test_the_fingerprint_follows_the_adapter_and_not_where_its_base_lay(
    tiny_model: TinyModel, tmp_path: Path
) -> None:
    base = tiny_model("bert")
    save_adapter(base, "AutoModel", tmp_path, target_modules=["query"])

    def fingerprint(**extra: Any) -> str:
        return HuggingFace(name="m", path=str(base), options=EmbedOptions(), **extra).fingerprint

    first = fingerprint(adapter=tmp_path)
    assert first != fingerprint()
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps({**settings, "base_model_name_or_path": "else"}))
    assert fingerprint(adapter=tmp_path) == first
    (tmp_path / "adapter_config.json").write_text(json.dumps({**settings, "lora_alpha": 99}))
    assert fingerprint(adapter=tmp_path) != first


def test_a_folder_that_is_no_adapter_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"no adapter_config\.json there"):
        check_adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelNotFoundError, match=r"no adapter_model\.safetensors there"):
        check_adapter(tmp_path)
    (tmp_path / "adapter_model.safetensors").touch()
    with pytest.raises(ModelError, match="is no config of an adapter"):
        check_adapter(tmp_path)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (tmp_path / "adapter_model.bin").touch()
    with pytest.raises(ModelError, match=r"is a pickle, .* safe_serialization=True"):
        check_adapter(tmp_path)


def test_other_adapters_than_lora_are_refused(tiny_model: TinyModel, tmp_path: Path) -> None:
    model = transformers.AutoModel.from_pretrained(tiny_model("bert"))
    config = IA3Config(target_modules=["query"], feedforward_modules=[])
    get_peft_model(model, config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="of type IA3, only LORA can be merged"):
        check_adapter(tmp_path)


def test_an_adapter_in_the_place_of_a_model_is_told(tiny_model: TinyModel, tmp_path: Path) -> None:
    save_adapter(tiny_model("bert"), "AutoModel", tmp_path, target_modules=["query"])
    with pytest.raises(ModelError, match=r"holds an adapter \(set `path` to its base model and"):
        HuggingFace(name="m", path=str(tmp_path), options=EmbedOptions()).identity()


def test_without_peft_the_error_says_what_to_install(
    tiny_model: TinyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(ModelError, match=r"pip install seqbench\[lora\]"):
        merge_adapter(bare(tiny_model("bert")), tmp_path)
