"""seqbench against itself: fewer layers, repeated sequences, and writing that computing does not hide."""

from collections.abc import Callable

from common.results import Figure
from common.turns import Values, in_turns, paired

from extraction import engine
from extraction.against_peers import LENGTHS
from extraction.engine import Job
from extraction.sequences import random_sequences, repeated
from extraction.setting import Setting
from extraction.shapes import DEEP_BERT, SMALL_BERT

REPEATS = 4


def layers(setting: Setting) -> list[Figure]:
    """Time for layer 3 of 12 over the time for all layers."""
    sequences = random_sequences(setting.scaled(1200), *LENGTHS)
    every = setting.job("layers", DEEP_BERT, sequences)
    third = setting.job("layer-3", DEEP_BERT, data="layers", layers=[3])
    values = _in_turns(setting, "layers", {"layer 3": _seconds(third), "all layers": _seconds(every)})
    return [
        Figure(
            benchmark="layers",
            what="layer 3 of 12 wanted: time over that of all",
            values=paired(values["layer 3"], values["all layers"]),
            unit="×",
            target=0.35,
            better="less",
            note=f"BERT 12 x 256, bfloat16, {len(sequences):,} sequences of {LENGTHS[0]}–{LENGTHS[1]}",
        ),
        *_times("layers", values),
    ]


def repeats(setting: Setting) -> list[Figure]:
    """Time for distinct sequences over the time for as many of which each stands there 4 times."""
    distinct = random_sequences(setting.scaled(2400), *LENGTHS)
    again = repeated(distinct[: len(distinct) // REPEATS], REPEATS)
    values = _in_turns(
        setting,
        "repeats",
        {
            "distinct": _seconds(setting.job("distinct", SMALL_BERT, distinct)),
            "repeated": _seconds(setting.job("repeated", SMALL_BERT, again)),
        },
    )
    return [
        Figure(
            benchmark="repeats",
            what=f"sequences repeat {REPEATS} ×, shuffled: speed over that of distinct ones",
            values=paired(values["distinct"], values["repeated"]),
            unit="×",
            target=3.5,
            note=f"BERT 6 x 256, bfloat16, {len(distinct):,} sequences of {LENGTHS[0]}–{LENGTHS[1]}",
        ),
        *_times("repeats", values),
    ]


def store(setting: Setting) -> list[Figure]:
    """Share of the time that goes away when blocks are computed and thrown away instead of written."""
    figures: list[Figure] = []
    # Short sequences write the most for what they compute: a row a layer for few tokens.
    for shortest, longest, count in ((*LENGTHS, 1000), (20, 40, 12_000)):
        name = f"{shortest}–{longest}"
        sequences = random_sequences(setting.scaled(count), shortest, longest)
        job = setting.job(f"store-{shortest}", SMALL_BERT, sequences)
        values = _in_turns(
            setting, f"store {name}", {"written": _seconds(job), "dropped": _seconds_without_writing(job)}
        )
        saved = values["written"] - values["dropped"]
        figures += [
            Figure(
                benchmark="store",
                what=f"lengths {name}: time in store writing, not hidden behind compute",
                values=paired(100 * saved, values["written"]),
                unit="%",
                target=5.0,
                better="less",
                note=f"BERT 6 x 256, all 7 layers, bfloat16; {len(sequences):,} sequences of {name}; "
                "below 0 is the machine's unrest",
            ),
            *_times("store", values, f"lengths {name}: "),
        ]
    return figures


def _seconds(job: Job) -> Callable[[], float]:
    return lambda: engine.extract(job).seconds


def _seconds_without_writing(job: Job) -> Callable[[], float]:
    def work() -> float:
        with engine.writes_dropped():
            return engine.extract(job).seconds

    return work


def _in_turns(setting: Setting, label: str, contenders: dict[str, Callable[[], float]]) -> Values:
    next(iter(contenders.values()))()  # untimed: imports, kernels
    return in_turns(contenders, setting.rounds, setting.console, label)


def _times(benchmark: str, values: Values, before: str = "") -> list[Figure]:
    return [
        Figure(benchmark=benchmark, what=f"{before}{name}", values=tuple(found.tolist()), unit="s")
        for name, found in values.items()
    ]
