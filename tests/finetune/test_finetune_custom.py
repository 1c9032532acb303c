"""Checkpoints that bring their own code, on items of several sequences, from a config to predictions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from seqbench.config import load_config
from seqbench.core.progress import Silent
from seqbench.schedule.run import run
from tests.command import rows, seqbench
from tests.finetune.planted import config_of, write_config
from tests.tiny_code import save_custom_model

LETTERS = "ACGT"


def write_pairs(folder: Path) -> None:
    """Whether the second sequence is the first with one base changed to T, or the same."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for split, size in {"train": 64, "eval": 16, "test": 16}.items():
        lines = []
        for number in range(size):
            first = "".join(random.choice(list("ACG"), int(random.integers(6, 12))))
            place = int(random.integers(len(first)))
            second = first[:place] + "T" + first[place + 1 :] if number % 2 else first
            lines.append(json.dumps({"ref": first, "alt": second, "label": number % 2}))
        (folder / f"{split}.jsonl").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    base = save_custom_model(folder / "base")
    write_pairs(folder / "data" / "changed")
    (folder / "info.yaml").write_text("changed: {seq_key: [ref, alt]}")
    settings = {"encoder": ["full"], "combine": "difference", "epochs": 15, "batch_size": 8, "lr": 0.01}
    config: Any = config_of(folder / "data", base, **settings)
    config["datasets"]["info"] = str(folder / "info.yaml")
    config["models"][0]["trust_remote_code"] = True
    path = write_config(folder / "config.yaml", config)
    outcome = run(load_config(path).config, Silent(), "finetune")
    assert not outcome.failed
    return path


def test_what_is_stored_is_what_transformers_and_a_plain_head_give(paired: Path) -> None:
    """Each sequence alone through `AutoModel` and its code, the mean, [a, b - a], and the saved head."""
    folder = paired.parent / "out" / "m-changed-full-42"
    model = transformers.AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
    head = load_file(folder / "head.safetensors")
    stored = rows(
        paired,
        "SELECT item, score FROM predictions JOIN probes USING (probe_id) WHERE split = 'test' ORDER BY item",
    )
    lines = (paired.parent / "data" / "changed" / "test.jsonl").read_text().splitlines()
    assert [row["item"] for row in stored] == list(range(16))
    for row, line in zip(stored, map(json.loads, lines), strict=True):
        with torch.no_grad():
            ids = [torch.tensor([[LETTERS.index(base) for base in line[key]]]) for key in ("ref", "alt")]
            first, second = (model(one).last_hidden_state[0].mean(0) for one in ids)
            outputs = head["output.weight"] @ torch.cat([first, second - first]) + head["output.bias"]
        assert row["score"] == pytest.approx(float(outputs.softmax(0)[1]), abs=1e-5)


def test_it_learns_what_pairs_differ_in_and_predicts_new_ones(paired: Path, tmp_path: Path) -> None:
    (score,) = rows(
        paired,
        "SELECT value FROM metrics JOIN probes USING (probe_id) WHERE split = 'test' AND metric = 'accuracy'",
    )
    assert score["value"] > 0.9
    folder, test = (
        paired.parent / "out" / "m-changed-full-42",
        paired.parent / "data" / "changed" / "test.jsonl",
    )
    refused = seqbench("predict", folder, test, "--out", tmp_path / "no.jsonl")
    assert refused.exit_code == 2
    assert "code" in refused.output
    shown = seqbench("predict", folder, test, "--out", tmp_path / "p.jsonl", "--trust-remote-code")
    assert shown.exit_code == 0, shown.output
    said = [json.loads(line)["scores"] for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    stored = rows(
        paired,
        "SELECT score FROM predictions JOIN probes USING (probe_id) WHERE split = 'test' ORDER BY item",
    )
    assert [list(one.values())[1] for one in said] == pytest.approx(
        [row["score"] for row in stored], abs=1e-5
    )
