"""Training the conv head on tokens: its memory by the number of sequences, its speed beside a plain loop.

Shape letters: B items of a batch, T tokens, H width.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from common.results import Figure
from common.turns import in_turns, paired
from extraction.engine import PEAK_RESET, peak_bytes
from extraction.setting import Setting
from torch import nn
from torch.utils.data import DataLoader

from seqbench.core.types import SplitName, Task
from seqbench.probe.heads.base import Problem
from seqbench.probe.items import items_of
from seqbench.probe.token_heads.state import settings_of
from seqbench.probe.token_heads.training import TokenFit
from seqbench.store import LayerTokens, TokenEmbeddings, open_store
from seqbench.store.layout import blocks
from seqbench.store.token_data import pad_items
from tokenwise.made import make_entry, whole_items

LENGTH, WIDTH, EPOCHS, BATCH = 500, 256, 2, 64
N_TEST = 200


def memory(setting: Setting) -> list[Figure]:
    """Peak of training conv on ten times the sequences, each in a process of its own."""
    few, many = setting.scaled(1_000), setting.scaled(10_000)
    peaks = {}
    for count in (few, many):
        path = setting.folder / f"tokens-{count}.zarr"
        make_store(path, count, LENGTH)
        peaks[count] = [_peak_apart(path) for _ in range(setting.rounds)]
    ratio = tuple(large / small for large, small in zip(peaks[many], peaks[few], strict=True))
    return [
        Figure(
            benchmark="memory",
            what=f"conv on {many:,} sequences of {LENGTH}: peak over that on {few:,}",
            values=ratio,
            unit="×",
            target=1.2,
            better="less",
            note=f"width {WIDTH}, float16 in the store, batches of {BATCH}, {EPOCHS} epochs; VmHWM",
        ),
        *(
            Figure(
                benchmark="memory",
                what=f"{count:,} sequences",
                values=tuple(peak / 1e6 for peak in found),
                unit="MB",
            )
            for count, found in peaks.items()
        ),
    ]


def speed(setting: Setting) -> list[Figure]:
    """Items a second of training conv, and of the same network in a plain loop over a DataLoader."""
    count = setting.scaled(2_000)
    path = setting.folder / "speed.zarr"
    make_store(path, count, LENGTH)
    values = in_turns(
        {"seqbench": lambda: train(path), "plain loop": lambda: plain(path)},
        setting.rounds,
        setting.console,
        "training, seconds",
    )
    return [
        Figure(
            benchmark="training",
            what="conv on tokens: speed over that of a plain loop with DataLoader and padding",
            values=paired(values["plain loop"], values["seqbench"]),
            unit="×",
            target=2.0,
            note=f"{count:,} sequences of {LENGTH // 4}–{LENGTH}, width {WIDTH}, {EPOCHS} epochs; the loop "
            "pads batches of any lengths and reads items as they come",
        )
    ]


def make_store(path: Path, count: int, longest: int) -> None:
    """Random tokens, half to all of the longest; two classes."""
    rng = np.random.default_rng(0)
    sizes: dict[SplitName, int] = {"train": count, "eval": N_TEST, "test": N_TEST}
    entry = make_entry(path, sizes, n_classes=2, n_layers=1, width=WIDTH, dtype="float16", block_rows=256)
    for split, size in sizes.items():
        lengths = rng.integers(longest // 4, longest + 1, size)
        entry.put_lengths(split, lengths, None)
        entry.prepare(split, np.arange(size) % 2, [0])
        for block in blocks(size, 256):
            parts = (
                rng.standard_normal((length, WIDTH), dtype=np.float32)
                for length in lengths[block.start : block.stop].tolist()
            )
            entry.write_tokens(
                split, block, [LayerTokens(layer=0, parts=parts)], whole_items(block.stop - block.start)
            )


def train(path: Path) -> float:
    """Seconds of seqbench's training, prediction included."""
    entry = open_store(path)["m@tokens/d"]
    parts = items_of(entry).parts
    began = time.perf_counter()
    TokenFit(
        kind="conv",
        settings=settings_of("conv", {"epochs": EPOCHS, "batch_size": BATCH, "standardize": False}),
        class_weights="none",
        choose_epoch="last",
        combine="concat",
        seed=0,
        problem=Problem(task=Task.CLASSIFICATION, n_outputs=2),
        arrays={split: entry.tokens(0, split) for split in entry.splits},
        train=parts["train"],
        scored={"eval": parts["eval"], "test": parts["test"]},
    ).run(lambda share: None)
    return time.perf_counter() - began


def plain(path: Path) -> float:
    """Seconds of the same network written by hand: Conv1d twice, mean and maximum, AdamW, a DataLoader."""
    entry = open_store(path)["m@tokens/d"]
    assert isinstance(entry, TokenEmbeddings)
    torch.manual_seed(0)
    first, second = nn.Conv1d(WIDTH, 64, 7, padding=3), nn.Conv1d(64, 64, 7, padding=3)
    last = nn.Linear(128, 2)
    weights = [weight for each in (first, second, last) for weight in each.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=1e-3)

    def answer(x_BTH: torch.Tensor, mask_BT: torch.Tensor) -> torch.Tensor:
        kept = mask_BT[:, None].float()
        found = torch.relu(first(x_BTH.transpose(1, 2))) * kept
        found = (torch.relu(second(found)) + found) * kept
        return last(torch.cat([found.sum(2) / kept.sum(2), found.amax(2)], dim=1))

    began = time.perf_counter()
    for _ in range(EPOCHS):
        for split, is_training in (("train", True), ("eval", False)):
            loader = DataLoader(
                entry.token_dataset(0, split),  # type: ignore[arg-type]
                batch_size=BATCH, shuffle=is_training, collate_fn=pad_items,
            )  # fmt: skip
            for x_BSTH, mask_BST, labels_B in loader:
                with torch.set_grad_enabled(is_training):
                    loss = nn.functional.cross_entropy(answer(x_BSTH[:, 0], mask_BST[:, 0]), labels_B)
                if is_training:
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
    return time.perf_counter() - began


def _peak_apart(path: Path) -> float:
    """Bytes at the peak of a process that trains."""
    benchmarks = Path(__file__).parents[1]
    found = subprocess.run(
        [sys.executable, "-m", "tokenwise.training", str(path)],
        cwd=benchmarks,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(benchmarks), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(found.stdout.splitlines()[-1]))


if __name__ == "__main__":
    PEAK_RESET.write_text("5", encoding="ascii")
    train(Path(sys.argv[1]))
    print(json.dumps(peak_bytes()))
