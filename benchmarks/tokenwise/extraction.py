"""Extraction that keeps the tokens of one layer beside one that pools alone."""

from common.results import Figure
from common.turns import in_turns, paired
from extraction import engine
from extraction.sequences import random_sequences
from extraction.setting import Setting
from extraction.shapes import SMALL_BERT

LENGTHS = (71, 593)
"""Of the sequences, shortest and longest: those of the benchmark of extraction."""


def extraction(setting: Setting) -> list[Figure]:
    """Speed with tokens of the last layer kept in float16 over the speed without."""
    sequences = random_sequences(setting.scaled(1200), *LENGTHS)
    plain = setting.job("pooled", SMALL_BERT, sequences)
    kept = setting.job("tokens", SMALL_BERT, data="pooled", tokens={"layers": [-1]})
    values = in_turns(
        {
            "pooled": lambda: engine.extract(plain).seconds,
            "with tokens": lambda: engine.extract(kept).seconds,
        },
        setting.rounds,
        setting.console,
        "extraction, seconds",
    )
    return [
        Figure(
            benchmark="extraction",
            what="tokens of one layer kept: speed over that of pooling alone",
            values=paired(values["pooled"], values["with tokens"]),
            unit="×",
            target=0.9,
            note=f"BERT 6 x 256, bfloat16, {len(sequences):,} sequences of {LENGTHS[0]}–{LENGTHS[1]}",
        ),
        *(
            Figure(benchmark="extraction", what=f"seconds, {name}", values=tuple(found.tolist()), unit="s")
            for name, found in values.items()
        ),
    ]
