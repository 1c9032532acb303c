"""Trainings of a tiny model: against an ordinary torch loop, and gone on with after a stop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from seqbench.config.finetune import FinetuneConfig
from seqbench.core.types import Task
from seqbench.finetune.batches import Batch
from seqbench.finetune.items import tokenise
from seqbench.finetune.material import Material
from seqbench.finetune.network import FineTuned, Head
from seqbench.finetune.problem import Target
from seqbench.finetune.training import Finetuning, Surroundings
from seqbench.probe.heads.base import Problem
from seqbench.training.batches import BatchPlan
from seqbench.training.checkpoint import Checkpoint
from seqbench.training.optimizer import undecayed_names
from seqbench.tuning.prepare import prepare
from seqbench.tuning.settings import Method, TuningSettings
from seqbench.tuning.trainable import open_encoder
from tests.finetune.test_finetune_network import source

TinyModel = Callable[[str], Path]
N = 24


def network_of(folder: Path, method: Method = "full", dropout: float = 0.0) -> FineTuned:
    settings = TuningSettings(method=method, encoder_dropout=dropout)
    encoder = prepare(open_encoder(source(folder), "dna"), settings, seed=0, note=lambda text: None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = Head("mean", "concat", width=32, n_seqs=1, n_outputs=2, dropout=dropout)
    return FineTuned(encoder, head, special_tokens=True, n_around=(1, 1))


def material_of(network: FineTuned) -> Material:
    random = np.random.default_rng(0)
    sequences = [("".join(random.choice(list("ACGT"), random.integers(3, 12))),) for _ in range(N)]
    items = tokenise(sequences, network.encoder.tokens(overlong="window", stride=None))[0]
    values = np.array([[text.count("A"), len(text)] for (text,) in sequences], dtype=np.float64)
    target = Target(
        name="t",
        problem=Problem(task=Task.REGRESSION, n_outputs=2),
        classes=(),
        class_names=(),
        labels={"train": values, "eval": values},
    )
    rows = np.arange(N)
    return Material(
        items={"train": items, "eval": items},
        targets=[target],
        train_N=rows,
        eval_source="eval",
        eval_N=rows[:8],
        n_labels=N,
    )


def training(network: FineTuned, config: FinetuneConfig, checkpoint: Any, told: list[str]) -> Finetuning:
    around = Surroundings(checkpoint=checkpoint, advance=lambda share: None, note=told.append)
    return Finetuning(network, material_of(network), config, seed=5, autocast=None, around=around)


@dataclass
class Kept:
    """Keeps what was saved at a step, and ends the training there, as a kill would."""

    stop_at: int = 0
    state: Mapping[str, Any] | None = None
    saved: list[int] = field(default_factory=list)

    def load(self, device: torch.device) -> Any:
        return self.state

    def save(self, state: Mapping[str, Any]) -> None:
        self.saved.append(state["loop"]["position"][0])
        if self.saved[-1] == self.stop_at:
            raise InterruptedError


def test_a_full_training_equals_an_ordinary_torch_loop(tiny_model: TinyModel, tmp_path: Path) -> None:
    config = FinetuneConfig(
        lr=1e-3, head_lr=3e-3, weight_decay=0.1, epochs=3, batch_size=8, dropout=0.0, warmup=0.25, clip=0.5,
        value_loss="mse", decay="linear",
    )  # fmt: skip
    ours, theirs = network_of(tiny_model("bert")), network_of(tiny_model("bert"))
    trainer = training(ours, config, Kept(), [])
    outcome = trainer.run()
    assert outcome.chosen == 3  # else the kept weights are not the last ones
    reference = training(theirs, config, Kept(), [])
    undecayed = undecayed_names(theirs)
    kinds = [(is_head, is_bare) for is_head in (False, True) for is_bare in (False, True)]
    named = [(name, weight) for name, weight in theirs.named_parameters() if weight.requires_grad]
    adamw = torch.optim.AdamW(
        [
            {
                "params": [w for n, w in named if (n.startswith("head."), n in undecayed) == kind],
                "weight_decay": 0.0 if kind[1] else 0.1,
            }
            for kind in kinds
        ]
    )
    factors = [1 / 3, 2 / 3, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]  # ceil(.25 · 9) steps of warm-up
    lengths = reference._material.items["train"].lengths_N
    plan = BatchPlan(n_items=N, seed=5, batch_size=8, lengths_N=lengths)
    batches = [batch for number in range(3) for batch in plan.batches(number)]
    for factor, rows in zip(factors, batches, strict=True):
        theirs.train()
        batch = reference.batch(rows)
        torch.nn.functional.mse_loss(theirs(batch.items), batch.targets_RO).backward()
        torch.nn.utils.clip_grad_norm_([weight for _, weight in named], 0.5)
        for group, lr in zip(adamw.param_groups, (1e-3, 1e-3, 3e-3, 3e-3), strict=True):
            group["lr"] = lr * factor
        adamw.step()
        adamw.zero_grad()
    for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5, msg=name)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_training_that_was_stopped_goes_on_to_the_bit(
    tiny_model: TinyModel, method: Method, tmp_path: Path
) -> None:
    config = FinetuneConfig(
        lr=1e-3, epochs=4, batch_size=4, dropout=0.3, checkpoint_steps=3, accumulate=2, keep=3
    )
    whole = training(network_of(tiny_model("bert"), method, 0.2), config, Kept(), [])
    wanted = whole.run()
    state = Checkpoint(path=tmp_path / "state", fingerprint="f")

    class Stopping(Kept):
        def save(self, state_now: Mapping[str, Any]) -> None:
            state.save(state_now)
            super().save(state_now)

    stopped = training(network_of(tiny_model("bert"), method, 0.2), config, Stopping(stop_at=6), [])
    with pytest.raises(InterruptedError):
        stopped.run()
    found = training(network_of(tiny_model("bert"), method, 0.2), config, state, []).run()
    assert found.history == wanted.history
    assert found.others == wanted.others
    for point in (None, *wanted.others):
        for outcome in (found, wanted) if point else ():
            outcome.take(point)
        for one, other in zip(found.network.parameters(), wanted.network.parameters(), strict=True):
            assert torch.equal(one, other)


def test_items_and_tokens_seen_and_the_budget_are_told(tiny_model: TinyModel) -> None:
    told: list[str] = []
    config = FinetuneConfig(lr=1e-3, epochs=2)
    outcome = training(network_of(tiny_model("bert")), config, Kept(), told).run()
    lengths = material_of(outcome.network).items["train"].lengths_N
    assert (outcome.n_items, outcome.n_tokens) == (2 * N, 2 * int(lengths.sum()))
    assert outcome.budget is not None
    assert told == [f"{outcome.budget.tokens:,} tokens a batch (default of cpu, too small a job to measure)"]


def test_the_point_that_is_best_by_a_metric_is_kept(tiny_model: TinyModel) -> None:
    config = FinetuneConfig(lr=5e-3, epochs=4, batch_size=8, choose_by="mcrmse", patience=4)
    trainer = training(network_of(tiny_model("bert")), config, Kept(), [])
    outcome = trainer.run()
    rmse = trainer._score(outcome.predict("eval", np.arange(8)), "mcrmse")
    assert outcome.chosen is not None
    assert rmse == pytest.approx(outcome.history[outcome.chosen - 1].eval_loss, rel=1e-5)


def test_the_best_points_are_kept_and_predict_as_they_did_when_they_were_reached(
    tiny_model: TinyModel,
) -> None:
    config = FinetuneConfig(lr=0.03, epochs=6, batch_size=8, value_loss="mse", keep=3, dropout=0.0)
    trainer = training(network_of(tiny_model("bert")), config, Kept(), [])
    outcome = trainer.run()
    losses = np.array([point.eval_loss for point in outcome.history])
    best, *others = (np.argsort(losses, kind="stable")[:3] + 1).tolist()
    assert (outcome.chosen, outcome.others) == (best, tuple(others))
    assert others != sorted(others) or best != 6  # else keeping the last ones would do
    values = trainer._material.targets[0].labels["eval"][:8]
    for point in others:
        outcome.take(point)
        found = outcome.predict("eval", np.arange(8)).numpy()
        apart = (found - values) / np.array(trainer.scaling[1])
        assert float(np.square(apart).mean()) == pytest.approx(losses[point - 1], rel=1e-5)


@pytest.mark.parametrize("value_loss", ["mse", "rmse"])
def test_a_batch_that_is_cut_by_tokens_has_the_gradient_of_the_whole(
    tiny_model: TinyModel, value_loss: str
) -> None:
    network = network_of(tiny_model("bert"))
    rows, found = np.arange(N), []
    for most in ("auto", 40):
        config = FinetuneConfig(batch_size=N, tokens_per_batch=most, value_loss=value_loss, dropout=0.0)
        trainer = training(network, config, Kept(), [])
        batch = trainer.batch(rows)
        trainer.training.gradients([batch], 0)
        assert len(trainer.training._parts.of(batch)) == (1 if most == "auto" else 6)
        grads = [weight.grad for weight in network.parameters()]
        found.append(torch.cat([grad.flatten() for grad in grads if grad is not None]))
    whole, cut = found
    rounding = 1e-6 * float(whole.abs().max())
    torch.testing.assert_close(cut, whole, atol=rounding, rtol=0)
    network.zero_grad()
    loss = torch.nn.functional.mse_loss(network(batch.items), batch.targets_RO, reduction="none").mean(0)
    (loss.sqrt() if value_loss == "rmse" else loss).mean().backward()
    plain = [weight.grad.flatten() for weight in network.parameters() if weight.grad is not None]
    torch.testing.assert_close(cut, torch.cat(plain), atol=rounding, rtol=0)


def test_a_fixed_batch_that_exceeds_memory_is_cut_and_trains_as_if_it_had_not(
    tiny_model: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = FinetuneConfig(lr=1e-3, epochs=2, batch_size=12, dropout=0.0)
    wanted = training(network_of(tiny_model("bert")), config, Kept(), []).run()
    network, told = network_of(tiny_model("bert")), []
    run = FineTuned.forward

    def tight(self: FineTuned, items: Any) -> torch.Tensor:
        if self.training and Batch(items=items, targets_RO=torch.zeros(0)).n_tokens > 60:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return run(self, items)

    monkeypatch.setattr(FineTuned, "forward", tight)
    outcome = training(network, config, Kept(), told).run()
    assert told[-1].startswith("out of memory: batches are cut into parts of at most ")
    for one, other in zip(outcome.network.parameters(), wanted.network.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_points_and_trials_are_judged_by_the_mean_over_targets_by_their_weights(
    tiny_model: TinyModel,
) -> None:
    network = network_of(tiny_model("bert"))
    whole = material_of(network)
    values = whole.targets[0].labels["eval"]
    one = Problem(task=Task.REGRESSION, n_outputs=1)
    targets = [
        Target(
            name=f"t/{column}", problem=one, classes=(), class_names=(), share=share,
            labels={"train": values[:, [column]], "eval": values[:, [column]]},
        )
        for column, share in enumerate((3.0, 1.0))
    ]  # fmt: skip
    around = Surroundings(checkpoint=Kept(), advance=lambda share: None, note=lambda text: None)  # type: ignore[arg-type]
    trainer = Finetuning(
        network, replace(whole, targets=targets), FinetuneConfig(), seed=5, autocast=None, around=around
    )
    said = torch.from_numpy(np.random.default_rng(1).normal(size=(8, 2)).astype(np.float32))
    found = [spearmanr(said[:, column], values[:8, column]).statistic for column in range(2)]
    assert trainer._score(said, None) == pytest.approx((3 * found[0] + found[1]) / 4)
