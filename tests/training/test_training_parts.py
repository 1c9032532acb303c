"""Schedules, optimiser groups, checkpoints and out-of-memory messages, each against what is known of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertModel,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

from seqbench.core.memory import is_out_of_memory
from seqbench.errors import TrainingError
from seqbench.training.checkpoint import Checkpoint, fingerprint
from seqbench.training.optimizer import Rate, rated_adamw, undecayed_names
from seqbench.training.randomness import seeded
from seqbench.training.schedule import Schedule

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("decay", "theirs"),
    [("linear", get_linear_schedule_with_warmup), ("cosine", get_cosine_schedule_with_warmup)],
)
def test_schedules_are_transformers_own_one_step_on(decay, theirs) -> None:
    """transformers' first step has a rate of 0: seqbench's warm-up reaches 1 a step earlier."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = theirs(optimizer, 5, 40)
    ours = Schedule(warmup_steps=5, decay=decay)
    wanted = []
    for _ in range(40):
        wanted.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    found = [ours.factor(step, 40) for step in range(40)]
    assert found[:5] == pytest.approx([*wanted[1:5], 1.0])
    assert found[5:] == pytest.approx(wanted[5:])


def test_the_rate_rises_on_a_line_from_0_and_falls_as_torchs_own_cosine_to_0() -> None:
    schedule = Schedule(warmup=0.2, decay="cosine")
    factors = np.array([schedule.factor(step, 50) for step in range(50)])
    np.testing.assert_allclose(factors[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(factors[10:], (1 + np.cos(np.pi * np.arange(40) / 40)) / 2)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(()))], lr=1.0)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    for factor in factors[10:]:
        assert optimizer.param_groups[0]["lr"] == pytest.approx(factor, abs=1e-9)
        optimizer.step()
        cosine.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)


def test_without_warmup_and_decay_the_rate_stays() -> None:
    assert {Schedule().factor(step, 7) for step in range(7)} == {1.0}
    assert Schedule(warmup=0.99).factor(0, 1) == pytest.approx(1.0)


def test_a_share_and_a_number_of_warm_up_steps_together_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        Schedule(warmup=0.1, warmup_steps=3)


def test_biases_and_norms_of_a_bert_never_decay() -> None:
    config = BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, vocab_size=9
    )
    model = BertModel(config)
    expected = {name for name, _ in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name}
    assert undecayed_names(model) == expected


def test_encoder_and_head_have_rates_of_their_own() -> None:
    network = nn.ModuleDict({"encoder": nn.Linear(3, 3), "head": nn.Linear(3, 2)})
    network["encoder"].bias.requires_grad_(False)
    optimizer = rated_adamw(
        network, Rate(lr=0.1, weight_decay=0.5), {"head.": Rate(lr=0.2, weight_decay=0.0)}
    )
    found = sorted(
        (group["lr"], group["weight_decay"], len(group["params"])) for group in optimizer.adamw.param_groups
    )
    assert found == [(0.1, 0.5, 1), (0.2, 0.0, 1), (0.2, 0.0, 1)]
    with pytest.raises(ValueError, match="begins with 'decoder"):
        rated_adamw(network, Rate(lr=0.1, weight_decay=0), {"decoder.": Rate(lr=1, weight_decay=0)})


def test_a_state_comes_back_as_it_was_without_pickle(tmp_path: Path) -> None:
    shared = torch.arange(6.0)
    state = {"a": [shared, shared[2:4]], "b": (1, None, "text", True), 3: {"empty": torch.empty(0)}}
    file = Checkpoint(path=tmp_path / "deep" / "state", fingerprint=fingerprint("one"))
    file.save(state)
    found = file.load(CPU)
    assert found is not None
    assert found["b"] == (1, None, "text", True)
    assert torch.equal(found["a"][1], shared[2:4])
    assert found[3]["empty"].shape == (0,)
    assert b"pickle" not in file.path.read_bytes()


def test_states_of_others_and_damaged_ones_are_none(tmp_path: Path) -> None:
    file = Checkpoint(path=tmp_path / "state", fingerprint=fingerprint("one"))
    assert file.load(CPU) is None
    file.save({"a": torch.ones(50)})
    assert Checkpoint(path=file.path, fingerprint=fingerprint("two")).load(CPU) is None
    content = bytearray(file.path.read_bytes())
    content[-9] ^= 1
    file.path.write_bytes(content)
    assert file.load(CPU) is None
    file.remove()
    assert not file.path.exists()


def test_a_state_that_cannot_be_written_names_file_and_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = Checkpoint(path=tmp_path / "file" / "state", fingerprint="x", way_out="choose another folder")
    with pytest.raises(TrainingError, match=r"file/state: .* choose another folder"):
        file.save({"a": torch.ones(1)})


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp] data. DefaultCPUAllocator: can't allocate memory"),
            True,
        ),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_out_of_memory_is_known_by_its_type_or_by_what_torch_says(error: Exception, is_one: bool) -> None:
    assert is_out_of_memory(error) is is_one


def test_draws_within_a_place_are_its_own_and_leave_the_callers_as_they_were() -> None:
    torch.manual_seed(4)
    wanted = torch.rand(2)
    torch.manual_seed(4)
    with seeded(CPU, 1, 2, 3):
        first = torch.rand(2)
    assert torch.equal(torch.rand(2), wanted)
    with seeded(CPU, 1, 2, 3):
        assert torch.equal(torch.rand(2), first)
