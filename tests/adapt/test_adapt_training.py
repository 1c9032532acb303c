"""Adapting a tiny model: it learns, goes on to the bit after a stop, and each checkpoint is a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqbench.adapt import training
from seqbench.adapt.inputs import open_corpora
from seqbench.adapt.outcome import Adapted
from seqbench.adapt.training import Surroundings, adapt
from seqbench.config.adapt import AdaptConfig
from seqbench.errors import DataError, ModelError, TrainingError
from tests.adapt.making import adaptation, save_language_model, source, write_corpus


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapt")
    write_corpus(folder / "corpus.jsonl")
    save_language_model("esm", folder / "esm")
    save_language_model("llama", folder / "llama")
    return folder


def train(
    entry: AdaptConfig, folder: Path, out: Path, *, advance: Callable[[float], None] = lambda amount: None
) -> list[Adapted]:
    around = Surroundings(states=out / "states", folder=lambda name: out / name, advance=advance)
    return adapt(entry, source(folder / entry.model), open_corpora(entry), around)


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Adapted]]:
    out = tmp_path_factory.mktemp("trained")
    return out, train(adaptation(folder / "esm", checkpoint_steps=4), folder, out)


def test_the_loss_on_held_out_documents_falls(trained: tuple[Path, list[Adapted]]) -> None:
    _, found = trained
    curve = found[-1].curve
    assert [each.step for each in curve] == [0, 3, 6, 9, 12]  # few looks, as steps are few
    assert curve[0].eval_loss is not None
    assert curve[-1].eval_loss is not None
    assert curve[-1].eval_loss < curve[0].eval_loss - 0.5
    assert curve[-1].eval_losses == {"corpus": pytest.approx(curve[-1].eval_loss)}
    assert found[-1].tokens == curve[-1].tokens > 12 * 256


def test_each_checkpoint_is_a_model_that_transformers_opens(trained: tuple[Path, list[Adapted]]) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    out, found = trained
    assert [(each.name, each.step) for each in found] == [("adapted@4", 4), ("adapted@8", 8), ("adapted", 12)]
    for each in found:
        model = AutoModelForMaskedLM.from_pretrained(out / each.name)
        assert AutoTokenizer.from_pretrained(out / each.name).mask_token == "<mask>"
        assert model.get_output_embeddings() is not None
        assert source(out / each.name).fingerprint == each.weights
    assert len({each.weights for each in found}) == 3


def test_a_training_that_was_stopped_goes_on_to_the_bit(
    folder: Path, trained: tuple[Path, list[Adapted]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)
    entry, left = adaptation(folder / "esm", checkpoint_steps=4), iter([0, 7, 2, 3])

    def stop_after(n: int) -> Callable[[float], None]:
        told = iter(range(n + 1))

        def advance(amount: float) -> None:
            if next(told, None) is None:
                raise KeyboardInterrupt

        return advance

    for n in left:
        with pytest.raises(KeyboardInterrupt):
            train(entry, folder, tmp_path, advance=stop_after(n))
    assert len(list((tmp_path / "states").iterdir())) == 1
    found = train(entry, folder, tmp_path)
    assert [each.weights for each in found] == [each.weights for each in trained[1]]
    assert [point.eval_loss for point in found[-1].curve] == [
        point.eval_loss for point in trained[1][-1].curve
    ]
    assert found[-1].tokens == trained[1][-1].tokens
    assert not list((tmp_path / "states").iterdir())


def test_what_is_there_is_not_trained_again_and_other_settings_do_not_take_its_place(
    folder: Path, trained: tuple[Path, list[Adapted]]
) -> None:
    out, found = trained
    again = train(adaptation(folder / "esm", checkpoint_steps=4), folder, out)
    assert again == found
    with pytest.raises(ModelError, match=r"holds adapted@4 trained from another model.*another `name`"):
        train(adaptation(folder / "esm", checkpoint_steps=4, lr=2e-3), folder, out)
    (out / "adapted@4" / "seqbench_adaptation.json").write_text("{}")
    with pytest.raises(ModelError, match="is no folder that an adaptation wrote"):
        train(adaptation(folder / "esm", checkpoint_steps=4), folder, out)


def test_a_causal_model_learns_and_lora_leaves_an_adapter(folder: Path, tmp_path: Path) -> None:
    found = train(adaptation(folder / "llama", lr=3e-3, encoder="lora"), folder, tmp_path)[-1]
    assert (found.objective, found.masking, found.loss_by) == ("clm", "none", "targets")
    assert found.trained_parameters < found.total_parameters / 2
    assert found.curve[-1].eval_loss is not None
    assert found.curve[0].eval_loss is not None
    assert found.curve[-1].eval_loss < found.curve[0].eval_loss
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder / "llama")
    assert PeftModel.from_pretrained(base, str(tmp_path / "adapted")).peft_config


@pytest.mark.parametrize(
    ("changed", "error", "line"),
    [
        ({"lr": 1e30, "clip": None}, TrainingError, r"loss was no number after \d+ steps \(lower adapt.lr"),
        ({"eval": 1e-9}, DataError, "nothing is held out"),
        ({"masking": "word"}, ModelError, "marks where words begin"),
        ({"objective": "clm", "model": "esm"}, ModelError, "can't be loaded"),
    ],
)
def test_what_can_not_be_trained_is_one_line(
    changed: dict[str, Any], error: type[Exception], line: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=line):
        train(adaptation(folder / "esm", **changed), folder, tmp_path)
