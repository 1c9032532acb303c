"""What tests see of the machine: nothing that could change their outcome."""

import os
from pathlib import Path

import pytest

from tests.machine import HIDDEN, SEEN, hide_machine, program


def test_the_path_holds_nothing_but_the_named_programs() -> None:
    seen = {path.name for folder in os.environ["PATH"].split(os.pathsep) for path in Path(folder).iterdir()}
    assert seen <= set(SEEN)
    assert program("sh") is not None


def test_keys_homes_and_gpus_of_the_user_are_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = (
        "WANDB_API_KEY",
        "HF_HOME",
        "SLURM_JOB_ID",
        "FORCE_COLOR",
        "SEQBENCH_CACHE",
        "CUDA_VISIBLE_DEVICES",
    )
    found = dict.fromkeys(theirs, "1") | {"SEQBENCH_FAULT_SEED": "3", "HOME": "/root"}
    monkeypatch.setattr(os, "environ", found)
    hide_machine(tmp_path)
    assert {name: value for name, value in found.items() if name.startswith(HIDDEN)} == {
        "SEQBENCH_FAULT_SEED": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    assert list(Path(found["HOME"]).iterdir()) == []
