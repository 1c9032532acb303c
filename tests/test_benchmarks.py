"""What the benchmark of extraction counts and how it judges; the measuring itself is not run here."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module


@pytest.mark.parametrize(("family", "kv_heads"), [("bert", None), ("llama", None), ("llama", 2)])
def test_flops_are_those_that_torch_counts(modules: Any, family: str, kv_heads: int | None) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoModel

    shape = modules("extraction.shapes").Shape(
        family=family, blocks=3, hidden=64, heads=4, kv_heads=kv_heads, intermediate=160
    )
    model = AutoModel.from_config(shape.config(), attn_implementation="eager")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.ones(1, 50, dtype=torch.long))
    pooler = 2 * 64 * 64 if family == "bert" else 0
    attention = 3 * 4 * 50 * 50 * 64  # torch counts the half that a decoder's mask throws away
    spared = attention / 2 if family == "llama" else 0
    assert counter.get_total_flops() - pooler - spared == shape.flops([50])


def test_a_figure_passes_where_its_median_reaches_the_target(modules: Any) -> None:
    figure = modules("common.results").Figure
    common = {"benchmark": "b", "what": "w", "unit": "×", "target": 2.5}
    assert figure(**common, values=(1.0, 2.5, 9.0)).verdict == "pass"
    assert figure(**common, values=(1.0, 2.4, 9.0)).verdict == "falls short"
    assert figure(**common, values=(1.0, 2.4, 9.0), better="less").verdict == "pass"


def test_repeated_sequences_stand_there_as_often_as_asked(modules: Any) -> None:
    sequences = modules("extraction.sequences")
    distinct = sequences.random_sequences(20, 30, 40)
    again = sequences.repeated(distinct, 4)
    assert len(set(distinct)) == 20
    assert sorted(again) == sorted(distinct * 4)
    assert again != distinct * 4
