"""On a GPU: BERT-base and a 1 B-class Llama, bfloat16, 512 and 8,192 tokens, against both peers."""

from common.results import Figure

from extraction.against_peers import Case, against_peers
from extraction.sequences import random_sequences
from extraction.setting import Setting
from extraction.shapes import BERT_BASE, LLAMA_1B, Shape

SHAPES: tuple[tuple[str, Shape, dict[int, int]], ...] = (
    ("BERT-base", BERT_BASE, {512: 16384, 8192: 256}),
    ("Llama 1B", LLAMA_1B, {512: 2048, 8192: 64}),
)
"""Name, shape, and sequences by their tokens: some seconds a turn on a GPU of 2023."""


def gpu(setting: Setting) -> list[Figure]:
    """Tokens a second, share of peak, and both peers; nothing where there is no GPU."""
    if setting.device.type != "cuda":
        setting.say("gpu: skipped, no CUDA device here")
        return []
    return measure_shapes(setting, SHAPES)


def measure_shapes(setting: Setting, shapes: tuple[tuple[str, Shape, dict[int, int]], ...]) -> list[Figure]:
    """All contenders on each shape and number of tokens."""
    figures: list[Figure] = []
    for name, shape, counts in shapes:
        for tokens, count in counts.items():
            letters = tokens - shape.specials
            case = Case(
                benchmark="gpu",
                what=f"{name}, {tokens:,} tokens",
                shape=shape,
                dtype="bfloat16",
                sequences=random_sequences(setting.scaled(count), letters, letters),
                share=50.0,
            )
            figures += against_peers(case, setting)
    return figures
