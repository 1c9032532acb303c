"""How a model is run: masks, padding that leaks, compiled blocks, the size of batches."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModel

from seqbench.errors import ModelError
from seqbench.models import calibrate as calibration
from seqbench.models.attention import use_shared_masks
from seqbench.models.base import EmbedOptions, SequenceFacts
from seqbench.models.calibrate import Budget, calibrate
from seqbench.models.forward import Forward
from seqbench.models.huggingface import HuggingFace
from seqbench.models.likeness import alike
from seqbench.models.transformer import SequenceEmbedder

TinyModel = Callable[[str], Path]
WINDOWS = [np.arange(4, 10, dtype=np.int32), np.arange(4, 18, dtype=np.int32)]


class Smearing(nn.Module):
    """Two blocks that mix every token with all of its row, masked or not."""

    def __init__(self, heeds_mask: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(30, 8)
        self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])
        self._heeds_mask = heeds_mask

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embedding

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> object:
        hidden = self.embedding(input_ids)
        weights = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        weights = (weights if self._heeds_mask else torch.ones_like(weights))[..., None].float()
        states = [hidden]
        for layer in self.layers:
            # blocks get hidden states as their first argument, as those of transformers do
            hidden = torch.tanh(layer(hidden))
            mixed = hidden + (hidden * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True)
            states.append(hidden)
            hidden = mixed
        states[-1] = hidden

        class Output(tuple):
            hidden_states = tuple(states)

        return Output((hidden,))


def test_padding_that_leaks_is_found_and_batches_are_then_of_one_length() -> None:
    for heeds in (True, False):
        torch.manual_seed(0)
        forward = Forward(Smearing(heeds).eval(), name="m", n_layers=3, windows=WINDOWS, pad_id=0)
        assert forward.equal_lengths is not heeds


def test_a_leak_that_rounding_would_hide_is_found() -> None:
    class Faint(Smearing):
        """Lets a hundred-thousandth of the padding through."""

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **rest: bool
        ) -> object:
            if attention_mask is not None:
                attention_mask = attention_mask + 1e-5 * (attention_mask == 0)
            return super().forward(input_ids, attention_mask, **rest)

    torch.manual_seed(0)
    model = Faint(heeds_mask=True).eval()
    forward = Forward(model, name="m", n_layers=3, windows=WINDOWS, pad_id=0)
    with torch.inference_mode():
        alone, beside = forward._states(WINDOWS[:1]), forward._states(WINDOWS)
    assert alike(alone, [layer[: len(WINDOWS[0])] for layer in beside], forward.dtype)
    assert forward.equal_lengths


def test_a_change_that_makes_a_model_faster_and_wrong_is_taken_back(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_masks(model: nn.Module) -> Callable[[], None]:
        forward = model.forward
        model.forward = lambda attention_mask=None, **rest: forward(**rest)
        return lambda: setattr(model, "forward", forward)

    monkeypatch.setattr("seqbench.models.forward.use_shared_masks", without_masks)
    model = AutoModel.from_pretrained(tiny_model("bert")).eval()
    forward = Forward(model, name="m", n_layers=4, windows=WINDOWS, pad_id=0)
    assert "shared masks" not in forward.sped_up
    assert not forward.equal_lengths


@pytest.mark.parametrize("family", ["bert", "esm", "modernbert", "llama"])
def test_shared_masks_give_the_same_bits(tiny_model: TinyModel, family: str) -> None:
    plain, shared = (AutoModel.from_pretrained(tiny_model(family)).eval() for _ in range(2))
    undo = use_shared_masks(shared)
    assert undo is not None
    ids, mask = torch.arange(4, 20).reshape(2, 8), torch.ones(2, 8, dtype=torch.long)
    mask[1, 3:] = 0
    with torch.inference_mode():
        expected = plain(input_ids=ids, attention_mask=mask)[0][mask.bool()]
        assert torch.equal(shared(input_ids=ids, attention_mask=mask)[0][mask.bool()], expected)
    undo()
    assert shared.config._attn_implementation == "sdpa"


def test_a_batch_without_padding_goes_without_a_mask(tiny_model: TinyModel) -> None:
    model = AutoModel.from_pretrained(tiny_model("bert")).eval()
    forward = Forward(model, name="m", n_layers=4, windows=WINDOWS, pad_id=0)
    ids, full, padded = np.full((2, 5), 4), np.ones((2, 5), np.int64), np.ones((2, 5), np.int64)
    padded[1, 3:] = 0
    assert "attention_mask" not in forward.inputs(ids, full)
    assert forward.inputs(ids, padded)["attention_mask"].tolist() == padded.tolist()


@pytest.mark.parametrize("without", ["raises", "differs"])
def test_a_model_that_needs_its_mask_gets_it_even_if_it_is_all_ones(without: str) -> None:
    class Needy(Smearing):
        """As multimolecule 0.2.2's UTR-LM, which reads the mask's shape; or with a default of its own."""

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **rest: bool
        ) -> object:
            if attention_mask is None and without == "differs":
                attention_mask = (input_ids != 4).long()
            return super().forward(input_ids, attention_mask.float(), **rest)  # type: ignore[union-attr]

    torch.manual_seed(0)
    forward = Forward(Needy(heeds_mask=True).eval(), name="m", n_layers=3, windows=WINDOWS, pad_id=0)
    ones = np.ones((2, 5), np.int64)
    assert forward.inputs(np.full((2, 5), 4), ones)["attention_mask"].tolist() == ones.tolist()
    assert not forward.equal_lengths


def test_a_tokenizer_of_another_model_is_refused(tiny_model: TinyModel) -> None:
    model = AutoModel.from_pretrained(tiny_model("bert")).eval()
    windows = [WINDOWS[0], np.asarray([4, 25, 7], np.int32)]
    with pytest.raises(ModelError, match="makes id 25, its embedding has only 25"):
        Forward(model, name="m", n_layers=4, windows=windows, pad_id=0)


def load(folder: Path, **options: object) -> SequenceEmbedder:
    wanted = EmbedOptions(**options)  # type: ignore[arg-type]
    facts = SequenceFacts(
        name="d", alphabet="dna", min_length=1, max_length=32, letters=10**9, sequences=10**7
    )
    return HuggingFace(name="tiny", path=str(folder), dtype="float32", options=wanted).load().embedder(facts)


def rates(monkeypatch: pytest.MonkeyPatch, found: dict[int, float | None]) -> None:
    """Let batches of so many tokens run at so many tokens a second."""

    def rate(forward: Forward, ids_BT: np.ndarray) -> float | None:
        size = min(found, key=lambda budget: abs(budget - ids_BT.size))
        return found[size]

    monkeypatch.setattr(calibration, "_rate", rate)


@pytest.mark.parametrize(
    ("curve", "chosen"),
    [
        ({1024: 10.0, 2048: 20.0, 4096: 30.0, 8192: 30.5, 16384: 30.9}, 4096),  # within 3 % of the best
        ({1024: 30.0, 2048: 20.0, 4096: 10.0, 8192: 5.0, 16384: 1.0}, 1024),
        ({1024: 10.0, 2048: 20.0, 4096: None, 8192: None, 16384: None}, 2048),  # out of memory above
        ({1024: None, 2048: None, 4096: None, 8192: None, 16384: None}, 4096),  # the default; halved later
    ],
)
def test_the_smallest_budget_that_is_nearly_the_fastest_is_taken(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch, curve: dict[int, float | None], chosen: int
) -> None:
    model = load(tiny_model("esm"))
    rates(monkeypatch, curve)
    assert calibrate(model.forward, model.tokens, model.facts).tokens == chosen


def test_a_small_job_is_not_calibrated(tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(tiny_model("esm"))
    rates(monkeypatch, {})
    few = SequenceFacts(name="d", alphabet="dna", min_length=1, max_length=9, letters=10**5, sequences=10**4)
    budget = calibrate(model.forward, model.tokens, few)
    assert budget == Budget(
        tokens=4096, reason="default of the device (cpu, float32), too small a job to calibrate"
    )


def test_a_recorded_budget_is_used_again_and_one_in_the_config_goes_first(tiny_model: TinyModel) -> None:
    recorded = {"token_budget": {"tokens": 1234, "reason": "measured before"}, "certificate": {}}
    model = load(tiny_model("esm"))
    assert model.tune(recorded, [])["token_budget"] == recorded["token_budget"]
    assert model.budget.tokens == 1234
    told = load(tiny_model("esm"), tokens_per_batch=99)
    assert told.tune(recorded, [])["token_budget"] == {"tokens": 99, "reason": "set in the config"}


def test_a_real_calibration_measures_this_device(tiny_model: TinyModel) -> None:
    model = load(tiny_model("esm"))
    budget = calibrate(model.forward, model.tokens, model.facts)
    assert budget.tokens in calibration.CANDIDATES["cpu"]
    assert budget.reason.startswith("calibrated on cpu at 64 tokens a sequence, tokens/s 1024: ")


def test_compiled_blocks_give_the_same_layers(tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(function: Callable, *, dynamic: bool) -> Callable:
        calls.append(dynamic)
        return function

    calls: list[bool] = []
    monkeypatch.setattr(torch, "compile", compiled)  # the compiler itself takes a minute and a C++ toolchain
    plain, other = load(tiny_model("bert")), load(tiny_model("bert"), compile=True)
    assert calls == [True] * 3
    np.testing.assert_array_equal(
        plain.embed(["ACGTACGT"], [1]).layers[1], other.embed(["ACGTACGT"], [1]).layers[1]
    )


def test_a_model_whose_blocks_are_unknown_cannot_be_compiled(tiny_model: TinyModel) -> None:
    model = load(tiny_model("bert")).forward
    model.tap = SimpleNamespace(blocks=None)  # type: ignore[assignment]
    with pytest.raises(ModelError, match=r"set extract\.compile: false"):
        model.compile()
