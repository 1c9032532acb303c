"""Tokens a second against both peers, in turns, on one model and one data set."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from common.results import Figure
from common.turns import Values, in_turns, paired

from extraction import engine
from extraction.apart import Apart, apart
from extraction.peak import matrix_rate
from extraction.peers import LastLayer, ReferenceLoop
from extraction.sequences import random_sequences
from extraction.setting import Setting
from extraction.shapes import SMALL_BERT, Shape

LENGTHS = (71, 593)
"""Letters of the shortest and longest sequence of the issue's table."""
COUNTS = {"bfloat16": 1200, "float32": 600}
"""Sequences: about 10 s a turn on 2 cores with AMX, of which a run's fixed 0.3 s is a small part."""
OVER_PEERS = {"bfloat16": (2.5, 1.4), "float32": (1.6, 1.05)}
"""What is to be reached, over the reference loop and over sentence-transformers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model, a dtype and sequences, with what is to be reached."""

    benchmark: str
    what: str
    shape: Shape
    dtype: str
    sequences: Sequence[str]
    over_reference: float | None = None
    over_last_layer: float | None = None
    share: float | None = None

    @property
    def lengths(self) -> list[int]:
        """Tokens of each sequence, special tokens included: a token is a letter."""
        return [len(sequence) + self.shape.specials for sequence in self.sequences]


def throughput(setting: Setting) -> list[Figure]:
    """The issue's first two rows: BERT 6 x 256, lengths 71 to 593, all 7 layers."""
    figures: list[Figure] = []
    for dtype in setting.dtypes:
        over_reference, over_last = OVER_PEERS[dtype]
        case = Case(
            benchmark="throughput",
            what=dtype,
            shape=SMALL_BERT,
            dtype=dtype,
            sequences=_sequences(dtype, setting),
            over_reference=over_reference,
            over_last_layer=over_last,
        )
        figures += against_peers(case, setting)
    return figures


def peak(setting: Setting) -> list[Figure]:
    """The issue's third row: the share of the measured matrix-product rate, real tokens only."""
    targets = {"float32": 75.0, "bfloat16": 45.0 if setting.device.type == "cpu" else 50.0}
    figures: list[Figure] = []
    for dtype in setting.dtypes:
        case = Case(
            benchmark="peak",
            what=dtype,
            shape=SMALL_BERT,
            dtype=dtype,
            sequences=_sequences(dtype, setting),
            share=targets[dtype],
        )
        job = setting.job(f"peak-{dtype}", case.shape, case.sequences, dtype=dtype)
        engine.extract(job)
        values = in_turns(
            {
                "seqbench": lambda job=job: engine.extract(job).seconds,  # type: ignore[misc]
                "matrices": lambda dtype=dtype: matrix_rate(getattr(torch, dtype), setting.device),  # type: ignore[misc]
            },
            setting.rounds,
            setting.console,
            f"peak {dtype}",
        )
        figures += shares(case, values)
    return figures


def _sequences(dtype: str, setting: Setting) -> list[str]:
    return random_sequences(setting.sequences or setting.scaled(COUNTS[dtype]), *LENGTHS)


def against_peers(case: Case, setting: Setting) -> list[Figure]:
    """Measure the three contenders in turns; where the case has a share to reach, the matrix product too."""
    with apart() as make:
        return _against(case, setting, make)


def _against(case: Case, setting: Setting, make: Callable[..., Apart]) -> list[Figure]:
    dtype = getattr(torch, case.dtype)
    name = re.sub(r"\W+", "-", f"{case.benchmark}-{case.what}")
    job = setting.job(name, case.shape, case.sequences, dtype=case.dtype)
    reference = make(ReferenceLoop, job.model, dtype, setting.device)
    last = make(LastLayer, job.model, dtype, setting.device, case.shape.positions)
    part = case.sequences[: max(128, len(case.sequences) // 4)]
    chosen = last.call("choose_batch_size", part, 1 if setting.quick else 2)
    first = engine.extract(job)  # untimed: imports, kernels
    _check_tokens(case, job)
    contenders = {
        "seqbench": lambda: engine.extract(job).seconds,
        "reference": lambda: reference.call("extract", job.dataset, job.out.with_name("reference")),
        "sentence-transformers": lambda: last.call("encode", case.sequences),
    }
    if case.share is not None:
        contenders["matrices"] = lambda: matrix_rate(dtype, setting.device)
    values = in_turns(contenders, setting.rounds, setting.console, f"{case.benchmark} {case.what}")
    about = (
        f"{case.what}: {len(case.sequences):,} sequences, {sum(case.lengths):,} tokens; seqbench "
        f"{engine.token_budget(job)}; loading {first.loading_seconds:.1f} s, calibration and preflight "
        f"{first.calibration_seconds:.1f} s are not counted; peers in a process of their own; "
        f"sentence-transformers {chosen}, one layer, nothing written; the reference loop gives its model no "
        "mask, as described, which makes it faster"
    )
    return [
        *_ratios(case, values, about),
        *_rates(case, values),
        _difference(case, engine.stored_rows(job, -1), last.call("rows")),
        *(shares(case, values) if case.share is not None else []),
    ]


def shares(case: Case, values: Values) -> list[Figure]:
    """The share of the matrix-product rate that seqbench reached, and that rate."""
    flops = case.shape.flops(case.lengths)
    return [
        Figure(
            benchmark=case.benchmark,
            what=f"{case.what}: share of the matrix-product rate, real tokens only",
            values=paired(100 * flops / values["seqbench"], values["matrices"]),
            unit="%",
            target=case.share,
            note=f"{case.what}: {flops / sum(case.lengths) / 1e6:.1f} MFLOP a token, attention included",
        ),
        Figure(
            benchmark=case.benchmark,
            what=f"{case.what}: measured matrix-product rate",
            values=tuple((values["matrices"] / 1e9).tolist()),
            unit="GFLOP/s",
        ),
    ]


def _ratios(case: Case, values: Values, about: str) -> list[Figure]:
    return [
        Figure(
            benchmark=case.benchmark,
            what=f"{case.what}: tokens/s against {name}",
            values=paired(values[peer], values["seqbench"]),
            unit="×",
            target=target,
            note=about,
        )
        for peer, name, target in (
            ("reference", "the reference loop", case.over_reference),
            ("sentence-transformers", "sentence-transformers, last layer", case.over_last_layer),
        )
    ]


def _rates(case: Case, values: Values) -> list[Figure]:
    return [
        Figure(
            benchmark=case.benchmark,
            what=f"{case.what}: {name}",
            values=tuple((sum(case.lengths) / values[name]).tolist()),
            unit="tokens/s",
        )
        for name in ("seqbench", "reference", "sentence-transformers")
    ]


def _difference(case: Case, ours_NH: np.ndarray, theirs_NH: np.ndarray) -> Figure:
    """How far both are apart: in bfloat16 a per cent, in float32 rounding only."""
    apart = np.abs(ours_NH - theirs_NH).max() / np.abs(theirs_NH).max()
    return Figure(
        benchmark=case.benchmark,
        what=f"{case.what}: last layer, largest difference from sentence-transformers, relative",
        values=(float(apart),),
        unit="",
        better="less",
    )


def _check_tokens(case: Case, job: engine.Job) -> None:
    """The rates count tokens as sequences have them; the store must have counted as many."""
    stored = engine.stored_tokens(job)
    if stored != sum(case.lengths):
        raise RuntimeError(f"the store counts {stored} tokens, the sequences have {sum(case.lengths)}")
