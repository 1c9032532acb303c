"""The learning curve of an adaptation: its points, and what they tell."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from seqbench.adapt.outcome import CurvePoint
from seqbench.training.health import judge_curve
from seqbench.training.loop import EVAL_LOSS, TRAIN_LOSS, Point

ADVICE = {
    "still improving": "more steps would lower it further",
    "unstable": "lower adapt.lr",
    "overfitting": "fewer steps, or more text",
}


def curve_of(
    first: Mapping[str, float], points: Sequence[Point], tokens: Sequence[int], held_out: Sequence[str]
) -> tuple[CurvePoint, ...]:
    """The curve, with a point before the first step.

    Args:
        first: Losses before the first step; empty where no document is held out.
        points: As the loop looked.
        tokens: Seen at each of them.
        held_out: Names of corpora that have held-out documents.
    """
    begin = CurvePoint(
        step=0,
        tokens=0,
        train_loss=None,
        eval_loss=first.get(EVAL_LOSS),
        eval_losses={name: first[name] for name in held_out},
    )
    return (begin, *(_point(*pair, held_out) for pair in zip(points, tokens, strict=True)))


def _point(point: Point, tokens: int, held_out: Sequence[str]) -> CurvePoint:
    values = {name: float(value[0]) for name, value in point.values.items()}
    return CurvePoint(
        step=point.step,
        tokens=tokens,
        train_loss=_finite(values[TRAIN_LOSS]),
        eval_loss=_finite(values[EVAL_LOSS]) if EVAL_LOSS in values else None,
        eval_losses={name: values[name] for name in held_out},
    )


def health_of(curve: Sequence[CurvePoint]) -> str:
    """What the losses tell: on held-out documents, else on those of training."""
    train_E = np.array([np.nan if point.train_loss is None else point.train_loss for point in curve[1:]])
    if not len(train_E):
        return "not judged"
    if curve[0].eval_loss is None:
        return judge_curve(train_E, None)
    eval_E = np.array([np.nan if point.eval_loss is None else point.eval_loss for point in curve[1:]])
    return judge_curve(eval_E, train_E)


def verdict(name: str, curve: Sequence[CurvePoint]) -> str:
    """How the training of a model went, in a line."""
    losses = curve[0].eval_loss, curve[-1].eval_loss
    fall = "" if None in losses else f", {losses[0]:.4g} → {losses[1]:.4g} nats a token"
    advice = ADVICE.get(found := health_of(curve))
    return f"{name}: {found}{fall}" + (f" ({advice})" if advice else "")


def loss_told(values: Mapping[str, float]) -> str:
    """Loss on held-out documents, in nats and in bits."""
    loss = values[EVAL_LOSS]
    return f"eval loss {loss:.4f} ({loss / math.log(2):.3f} bits a token)"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
