"""Trained models, saved and opened: here, by transformers and by peft alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from peft import PeftModel

from seqbench.core.atomic import atomic_folder
from seqbench.models.base import SequenceFacts
from seqbench.tuning.saving import open_model, source_of, write_model
from seqbench.tuning.settings import LoraSettings, Method, TuningSettings
from seqbench.tuning.trainable import TrainableModel
from tests.tuning.test_tuning_reach import WINDOWS, ready, source_at

TinyModel = Callable[[str], Path]
IDS = torch.from_numpy(WINDOWS[0]).long()[None]
FAMILIES = ["gpt2", "t5gemma", "mamba", "mixtral"]


def trained(folder: Path, method: Method) -> TrainableModel:
    """A model whose trained weights were moved."""
    lora = LoraSettings(rank=4)
    model = ready(folder, TuningSettings(method=method, lora=lora))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.05)
    return model.eval()


def save(model: TrainableModel, base: Path, folder: Path) -> Path:
    with atomic_folder(folder, replace=True) as partial:
        write_model(model, source_at(base), partial)
    return folder


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_model_computes_the_same_when_it_is_opened(
    tiny_model: TinyModel, tmp_path: Path, family: str, method: Method
) -> None:
    model = trained(tiny_model(family), method)
    folder = save(model, tiny_model(family), tmp_path / "out")
    source = source_of(folder, name="again", options=source_at(folder).options)
    again = open_model(source, alphabet="dna")
    with torch.no_grad():
        wanted = model.states(WINDOWS[:1])[0]
        assert torch.equal(again.states(WINDOWS[:1])[0], wanted)
    facts = SequenceFacts(name="d", alphabet="dna", min_length=1, max_length=9)
    embedder = replace(source, dtype="float32").load().embedder(facts)  # merged, as extraction has it
    row = embedder.embed(["ACGT"], [3]).layers[3][0]
    ids = again.tokens(overlong="truncate", stride=None).windows(["ACGT"]).ids
    with torch.no_grad():
        torch.testing.assert_close(
            torch.from_numpy(row), again.states(ids)[0][0].mean(0), atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("family", ["bert", "t5", "bart"])
def test_others_open_what_was_saved_without_seqbench(
    tiny_model: TinyModel, tmp_path: Path, family: str
) -> None:
    auto = transformers.AutoModelForTextEncoding if family == "t5" else transformers.AutoModel
    methods: list[Method] = ["lora", "full"]
    for method in methods:
        model = trained(tiny_model(family), method)
        folder = save(model, tiny_model(family), tmp_path / method)
        if method == "full":
            theirs = auto.from_pretrained(folder)
            transformers.AutoTokenizer.from_pretrained(folder)
        else:
            theirs = PeftModel.from_pretrained(
                auto.from_pretrained(tiny_model(family)), folder
            ).base_model.model
        runs = theirs.get_encoder() if family in ("t5", "bart") else theirs
        with torch.no_grad():
            found = runs.eval()(input_ids=IDS).last_hidden_state
            torch.testing.assert_close(found, model.states(WINDOWS[:1])[0])


def test_dropout_that_was_set_for_training_is_not_saved(tiny_model: TinyModel, tmp_path: Path) -> None:
    model = ready(tiny_model("bert"), TuningSettings(method="full", encoder_dropout=0.0))
    folder = save(model, tiny_model("bert"), tmp_path / "out")
    assert transformers.AutoConfig.from_pretrained(folder).hidden_dropout_prob == 0.1
