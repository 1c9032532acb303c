"""Sets a second of training `st` against a plain torch loop over the same network, and arc-state.

Shape letters: N cells of a set, G genes, F of a perturbation's vector.
"""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from common.results import Figure
from common.turns import in_turns, paired
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from perturbing import synthetic
from perturbing.setting import Setting
from seqbench.config.perturb import StateTransitionConfig
from seqbench.perturb.experiment import Experiment
from seqbench.perturb.network import StateTransition
from seqbench.perturb.sets import SetSource
from seqbench.perturb.state_transition import fit_state_transition

CELLS, GENES, SET, HIDDEN, BLOCKS, HEADS, SETS = 50_000, 2000, 64, 128, 4, 8, 16
STEPS = 60


def training(setting: Setting) -> list[Figure]:
    """All of a training but reading the cells for the first time: drawing sets, steps, two looks at eval."""
    path = setting.folder / "cells.h5ad"
    synthetic.write(path, setting.scaled(CELLS), setting.scaled(GENES))
    experiment = synthetic.experiment(path, setting.folder)
    steps = 4 if setting.quick else STEPS
    contenders: dict[str, Callable[[], float]] = {
        "seqbench": lambda: _seqbench(experiment, steps),
        "plain torch": lambda: _plain(experiment, steps),
    }
    if setting.arc_python is not None:
        genes = len(experiment.effects.matrix.genes)
        contenders["arc-state"] = lambda: _arc(setting.arc_python or Path(), genes, steps)
    rates = in_turns(contenders, setting.rounds, setting.console, "sets/s")
    experiment.close()
    note = (
        f"sets of {SET}, {BLOCKS} blocks × {HIDDEN}, {SETS} sets a step, {steps} steps; sets/s: "
        + ", ".join(f"{name} {np.median(found):.0f}" for name, found in rates.items())
    )
    return [
        Figure(
            benchmark="training",
            what=f"{GENES:,} genes: sets a second against {name}",
            values=paired(rates["seqbench"], found),
            unit="×",
            target=2.0 if name == "arc-state" or setting.arc_python is None else None,
            note=note,
        )
        for name, found in rates.items()
        if name != "seqbench"
    ]


def _seqbench(experiment: Experiment, steps: int) -> float:
    settings = StateTransitionConfig(
        set_size=SET, hidden=HIDDEN, blocks=BLOCKS, heads=HEADS, batch_sets=SETS, steps=steps,
        val_every=steps,
        checkpoint_steps=None,
    )  # fmt: skip
    source = SetSource(
        effects=experiment.effects, features=synthetic.features(), batch=experiment.cells.batch,
        embedding=None, set_size=SET, seed=0,
    )  # fmt: skip
    began = time.perf_counter()
    fit_state_transition(
        source, settings, checkpoint=None, device=torch.device("cpu"), advance=lambda share: None,
        note=lambda text: None,
    )  # fmt: skip
    return steps * SETS / (time.perf_counter() - began)


class _Sets(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """A set an item, from the same scratch file."""

    def __init__(self, experiment: Experiment, n_sets: int) -> None:
        self._effects, self._n_sets = experiment.effects, n_sets
        self._pairs = experiment.effects.pairs("train")
        self._vectors, self._draw = synthetic.features(), np.random.default_rng(0)

    def __len__(self) -> int:
        return self._n_sets

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor, Tensor]:
        pair = self._pairs[place % len(self._pairs)]
        matrix = self._effects.matrix
        controls = self._draw.choice(self._effects.control_set(pair[1]).rows, SET)
        real = self._draw.choice(self._effects.sets[pair].rows, SET)
        return (
            torch.from_numpy(matrix.rows(controls)),
            torch.from_numpy(self._vectors.of([pair[0]])[0]),
            torch.from_numpy(matrix.rows(real)),
        )


def _plain(experiment: Experiment, steps: int) -> float:
    torch.manual_seed(0)
    n_genes = len(experiment.effects.matrix.genes)
    network = StateTransition(
        n_inputs=n_genes, n_features=synthetic.WIDTH, n_outputs=n_genes, hidden=HIDDEN, blocks=BLOCKS,
        heads=HEADS, dropout=0.0, residual=True, decoder=None,
    )  # fmt: skip
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    loader = DataLoader(_Sets(experiment, steps * SETS), batch_size=SETS, shuffle=True)
    began = time.perf_counter()
    for controls_SNG, features_SF, real_SNG in loader:
        found_SNG, _ = network(controls_SNG, features_SF)
        loss = (
            2 * torch.cdist(found_SNG, real_SNG).mean()
            - torch.cdist(found_SNG, found_SNG).mean()
            - torch.cdist(real_SNG, real_SNG).mean()
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
    return steps * SETS / (time.perf_counter() - began)


def _arc(python: Path, n_genes: int, steps: int) -> float:
    sizes = {
        "genes": n_genes, "set": SET, "hidden": HIDDEN, "blocks": BLOCKS, "heads": HEADS, "sets": SETS,
        "width": synthetic.WIDTH, "steps": steps, "threads": torch.get_num_threads(),
    }  # fmt: skip
    command = [str(python), str(Path(__file__).with_name("arc_child.py")), json.dumps(sizes)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(f"arc-state failed: {found.stderr[-2000:]}")
    return float(found.stdout.split()[-1])
