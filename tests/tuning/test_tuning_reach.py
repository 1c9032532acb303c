"""What is trained of tiny models of each family: adapters and weights that hidden states depend on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seqbench.errors import ModelError
from seqbench.models.base import EmbedOptions
from seqbench.models.huggingface import HuggingFace, RandomInit
from seqbench.tuning.prepare import prepare
from seqbench.tuning.reach import pattern_of
from seqbench.tuning.settings import LoraSettings, Method, TuningSettings
from seqbench.tuning.trainable import Objective, TrainableModel, open_encoder, open_language_model

TinyModel = Callable[[str], Path]
WINDOWS = [torch.arange(4, 14).int().numpy(), torch.arange(5, 11).int().numpy()]
TARGETS = {
    "bert": {"query", "key", "value", "dense"},
    "esm": {"query", "key", "value", "dense"},
    "llama": {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
    "gpt2": {"c_attn", "c_proj", "c_fc"},
    "t5": {"q", "k", "v", "o", "wi", "wo"},
    "mixtral": {"q_proj", "k_proj", "v_proj", "o_proj"},
    "mamba": {"in_proj", "x_proj"},
    "mamba2": {"in_proj"},
    "modernbert": {"Wqkv", "Wo", "Wi"},
}


def source_at(folder: Path) -> HuggingFace:
    return HuggingFace(name="m", path=str(folder), dtype="bfloat16", options=EmbedOptions())


def ready(folder: Path, settings: TuningSettings, told: list[str] | None = None) -> TrainableModel:
    note = (lambda text: None) if told is None else told.append
    return prepare(open_encoder(source_at(folder), "dna"), settings, seed=0, note=note)


def check_gradients(model: TrainableModel) -> None:
    """See that each trained weight gets a gradient from hidden states of windows of unlike lengths."""
    for name, weight in model.named_parameters():
        if "lora_B" in name:  # zeros, behind which lora_A would get none
            torch.nn.init.normal_(weight)
    states, real = model.states(WINDOWS)
    assert states.shape[:2] == real.shape == (2, 10)
    torch.autograd.backward(states[real].pow(3).sum())
    named = model.named_parameters()
    assert [name for name, weight in named if weight.requires_grad and weight.grad is None] == []


@pytest.mark.parametrize("family", TARGETS)
def test_adapters_stand_on_the_linear_maps_that_hidden_states_pass_through(
    tiny_model: TinyModel, family: str
) -> None:
    told: list[str] = []
    model = ready(tiny_model(family), TuningSettings(method="lora"), told)
    names = {
        name.split(".lora_")[0].rpartition(".")[2] for name, _ in model.named_parameters() if ".lora_" in name
    }
    assert names == TARGETS[family]
    assert not any(
        "pooler" in name or "decoder" in name
        for name, weight in model.named_parameters()
        if weight.requires_grad
    )
    assert all(name in told[0] for name in names)
    check_gradients(model.train())


@pytest.mark.parametrize("family", ["esm", "bart", "mamba2", "mixtral"])
def test_every_weight_that_is_trained_gets_a_gradient(tiny_model: TinyModel, family: str) -> None:
    check_gradients(ready(tiny_model(family), TuningSettings(method="full")).train())


def test_what_gets_no_adapter_is_named_with_its_reason(tiny_model: TinyModel) -> None:
    told: list[str] = []
    ready(tiny_model("mamba"), TuningSettings(method="lora"), told)
    assert any("no adapter on layers.*.mixer.out_proj (3): peft has none" in text for text in told)
    assert any("layers.*.mixer.dt_proj (3): the last hidden states get no gradient" in text for text in told)
    told.clear()
    ready(tiny_model("bert"), TuningSettings(method="full"), told)
    assert told == [
        "m: not trained, as the last hidden states do not depend on them: "
        "pooler.dense.weight, pooler.dense.bias"
    ]


def test_named_targets_are_taken_and_unknown_ones_refused(tiny_model: TinyModel) -> None:
    lora = LoraSettings(targets=("self.query",), modules_to_save=("layer.2.output.LayerNorm",))
    model = ready(tiny_model("bert"), TuningSettings(method="lora", lora=lora))
    trained = {pattern_of(name) for name, weight in model.named_parameters() if weight.requires_grad}
    assert {name.rpartition("self.")[2].split(".default")[0] for name in trained if "lora" in name} == {
        "query.lora_A",
        "query.lora_B",
    }
    assert sum("modules_to_save" in name for name in trained) == 2
    with pytest.raises(ModelError, match=r"lora.targets: 'pooler' names no part .*self.query"):
        ready(tiny_model("bert"), TuningSettings(method="lora", lora=LoraSettings(targets=("pooler",))))


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5"])
def test_frozen_blocks_keep_embeddings_and_first_blocks(tiny_model: TinyModel, family: str) -> None:
    methods: list[Method] = ["full", "lora"]
    for method in methods:
        model = ready(tiny_model(family), TuningSettings(method=method, freeze_blocks=2))
        names = [name for name, weight in model.named_parameters() if weight.requires_grad]
        assert all(".2." in name or "norm" in name.lower() or ".ln_f" in name for name in names)
        assert not any("embed" in name for name in names)
    with pytest.raises(ModelError, match="freeze_blocks is 4, but the model has 3 blocks"):
        ready(tiny_model(family), TuningSettings(method="full", freeze_blocks=4))


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5", "deberta", "opt", "bloom"])
def test_encoder_dropout_reaches_every_place_of_a_model(tiny_model: TinyModel, family: str) -> None:
    still = ready(tiny_model(family), TuningSettings(method="full", encoder_dropout=0.0))
    loud = ready(tiny_model(family), TuningSettings(method="full", encoder_dropout=0.5))
    with torch.no_grad():
        wanted = still.eval().states(WINDOWS[:1])[0]
        torch.testing.assert_close(still.train().states(WINDOWS[:1])[0], wanted)
        assert not torch.allclose(loud.train().states(WINDOWS[:1])[0], wanted, atol=0.1)


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_checkpointed_blocks_give_the_same_gradients(tiny_model: TinyModel, family: str) -> None:
    slopes = []
    for checkpointed in (False, True):
        settings = TuningSettings(method="lora", gradient_checkpointing=checkpointed, encoder_dropout=0.0)
        model = ready(tiny_model(family), settings).train()
        torch.autograd.backward(model.states(WINDOWS[:1])[0].pow(3).sum())
        slopes.append([w.grad for w in model.parameters() if w.grad is not None])
    assert len(slopes[0]) > 0
    torch.testing.assert_close(slopes[1], slopes[0])


def test_a_language_model_gives_logits_and_trains_its_head(tiny_model: TinyModel) -> None:
    told: list[str] = []
    pairs: list[tuple[str, Objective]] = [("bert", "mlm"), ("llama", "clm")]
    for family, objective in pairs:
        opened = open_language_model(source_at(tiny_model(family)), objective, "dna", told.append)
        model = prepare(opened, TuningSettings(method="full"), seed=0, note=told.append).train()
        logits, real = model.states(WINDOWS)
        assert logits.shape == (2, 10, 25)
        torch.autograd.backward(logits[real].logsumexp(-1).sum())
        assert all(w.grad is not None for w in model.parameters() if w.requires_grad)
    assert "has no head of a language model" in told[0]
    with pytest.raises(ModelError, match="has an encoder and a decoder"):
        open_language_model(source_at(tiny_model("t5")), "mlm", "dna")


def test_random_weights_are_tuned_like_any_others(tiny_model: TinyModel) -> None:
    source = RandomInit(name="r", path=str(tiny_model("esm")), options=EmbedOptions(), seed=3)
    model = prepare(
        open_encoder(source, "dna"), TuningSettings(method="lora"), seed=0, note=lambda text: None
    )
    assert 0 < model.n_trained < model.n_parameters
