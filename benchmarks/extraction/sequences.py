"""Random DNA of given lengths, and data sets of it on disk."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

TEST_ITEMS = 4
"""The last items of a data set; a data set must have a test split, all others are train."""


def random_sequences(count: int, shortest: int, longest: int, *, seed: int = 0) -> list[str]:
    """Random bases; lengths are uniform from `shortest` to `longest`, both included."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest + 1, count)
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)[rng.integers(0, 4, int(lengths.sum()), dtype=np.uint8)]
    text = letters.tobytes().decode("ascii")
    stops = np.cumsum(lengths).tolist()
    return [text[stop - length : stop] for stop, length in zip(stops, lengths.tolist(), strict=True)]


def repeated(sequences: Sequence[str], times: int, *, seed: int = 0) -> list[str]:
    """Every sequence so many times, shuffled."""
    order = np.random.default_rng(seed).permutation(len(sequences) * times)
    return [sequences[index % len(sequences)] for index in order.tolist()]


def write_dataset(folder: Path, sequences: Sequence[str]) -> Path:
    """Write `train.jsonl` and `test.jsonl`, together in the order of `sequences`, labels 0 and 1 in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    cut = len(sequences) - TEST_ITEMS
    for split, part in (("train", sequences[:cut]), ("test", sequences[cut:])):
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(
                json.dumps({"seq": sequence, "label": index % 2}) + "\n"
                for index, sequence in enumerate(part)
            )
    return folder
