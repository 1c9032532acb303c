"""Peak memory: with the number of layers, with the number of items, and of one very long sequence."""

import numpy as np
from common.results import Figure

from extraction.against_peers import LENGTHS
from extraction.child import Measured, measure
from extraction.engine import Job
from extraction.sequences import random_sequences
from extraction.setting import Setting
from extraction.shapes import DEEP_BERT, LONG_LLAMA, NARROW_BERT, TINY_BERT, Shape

MB = 1e6
RUNS = 3
"""Processes for each figure; peaks of equal runs differ by a few MB."""
BUDGET = 4096
"""Tokens a batch where two runs are compared: a calibration might choose differently in each."""


def memory(setting: Setting) -> list[Figure]:
    """Peak above the loaded model with all 13 layers over that with layers 0 and 12."""
    # The second case keeps the most beside the model: many rows, little to compute for each.
    cases = (("12 x 256", DEEP_BERT, 300, LENGTHS), ("12 x 64", NARROW_BERT, 70_000, (20, 40)))
    return [figure for case in cases for figure in _layers(setting, *case)]


def _layers(
    setting: Setting, shape_name: str, shape: Shape, count: int, lengths: tuple[int, int]
) -> list[Figure]:
    what = f"BERT {shape_name}, lengths {lengths[0]}–{lengths[1]}"
    data = f"memory-{shape.hidden}"
    sequences = random_sequences(setting.scaled(count), *lengths)
    few = setting.job(f"{data}-2", shape, sequences, data=data, layers=[0, 12], tokens_per_batch=BUDGET)
    every = setting.job(f"{data}-13", shape, data=data, tokens_per_batch=BUDGET)
    runs = _in_turns(setting, f"memory, {what}", {"2 layers": few, "13 layers": every})
    above = {name: _megabytes([run.above_model for run in found]) for name, found in runs.items()}
    return [
        Figure(
            benchmark="memory",
            what=f"{what}: peak above the model, 13 layers over 2",
            values=tuple((above["13 layers"] / above["2 layers"]).tolist()),
            unit="×",
            target=1.05,
            better="less",
            note="peak: VmHWM of a process that does nothing else, from when the model had been loaded; "
            f"above the model: less its resident memory at that moment; {BUDGET:,} tokens a batch",
        ),
        *(
            Figure(
                benchmark="memory",
                what=f"{what}: {name}, {len(sequences):,} sequences",
                values=tuple(found.tolist()),
                unit="MB",
            )
            for name, found in above.items()
        ),
    ]


def items(setting: Setting) -> list[Figure]:
    """Peak memory of a million items over that of ten thousand, lengths alike."""
    many, few = setting.scaled(1_000_000), setting.scaled(10_000)
    jobs = {
        f"{count:,} items": setting.job(
            f"items-{count}", TINY_BERT, random_sequences(count, 8, 24), tokens_per_batch=BUDGET
        )
        for count in (few, many)
    }
    runs = _in_turns(setting, "items", jobs, count=1)
    small, large = (runs[name] for name in jobs)
    peaks = {name: _megabytes([run.peak_bytes for run in found]) for name, found in runs.items()}
    above = [found[0].above_model / MB for found in (small, large)]
    ratio = np.divide(*(peaks[name] for name in reversed(jobs)))
    return [
        Figure(
            benchmark="items",
            what=f"{many:,} items: peak memory over that of {few:,}",
            values=tuple(ratio.tolist()),
            unit="×",
            target=1.1,
            better="less",
            note=f"BERT 1 x 32, lengths 8–24, VmHWM of the whole process; above the loaded model it is "
            f"{above[0]:,.0f} and {above[1]:,.0f} MB",
        ),
        *(
            Figure(benchmark="items", what=name, values=tuple(found.tolist()), unit="MB")
            for name, found in peaks.items()
        ),
        Figure(
            benchmark="items", what=f"{many:,} items", values=tuple(run.seconds for run in large), unit="s"
        ),
    ]


def long(setting: Setting) -> list[Figure]:
    """Time and peak memory of one sequence of 1,048,576 tokens, in one piece."""
    tokens = setting.scaled(2**20)
    sequences = [*random_sequences(1, tokens, tokens), *random_sequences(7, *LENGTHS)]
    job = setting.job("long", LONG_LLAMA, sequences, max_tokens="whole")
    setting.say(
        f"long: {tokens:,} tokens, {LONG_LLAMA.flops([tokens]) / 1e12:,.0f} TFLOP, nearly all attention"
    )
    found = measure(job)
    name = f"{tokens:,} tokens through a rotary Llama of 2 x 64"
    note = f"bfloat16, all 3 layers, extract.max_tokens: whole; {found.budget}"
    return [
        Figure(benchmark="long", what=name, values=(found.seconds,), unit="s", note=note),
        Figure(
            benchmark="long",
            what=f"{name}: peak above the model",
            values=(found.above_model / MB,),
            unit="MB",
        ),
        Figure(
            benchmark="long", what=f"{name}: peak of the process", values=(found.peak_bytes / MB,), unit="MB"
        ),
    ]


def _in_turns(
    setting: Setting, label: str, jobs: dict[str, Job], count: int = RUNS
) -> dict[str, list[Measured]]:
    runs: dict[str, list[Measured]] = {name: [] for name in jobs}
    for number in range(1, count + 1):
        for name, job in jobs.items():
            found = measure(job)
            runs[name].append(found)
            setting.say(
                f"{label}, run {number}/{count}: {name} {found.peak_bytes / MB:,.0f} MB at most, "
                f"{found.above_model / MB:,.0f} above the model, {found.seconds:.1f} s"
            )
    return runs


def _megabytes(sizes: list[int]) -> "np.ndarray":
    return np.asarray(sizes, dtype=np.float64) / MB
