"""Whether training a model is worth it over reading it frozen, and what adaptation changed."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from seqbench.report.analysis import Analysis
from seqbench.report.phrases import MOST_NAMED, counted, listed, number, signed
from seqbench.report.ways import FROZEN, Apart, Change, WayRow

_WORDS = {"lora": "LoRA", "full": "full fine-tuning"}
_MADE = {"adapt": "adapting it", "finetune": "fine-tuning it"}


def trained(analysis: Analysis) -> Iterator[str]:
    """A sentence for each data set and model that was trained on it; of many a count a way."""
    rows = [one for one in analysis.ways if one.row.place is not None]
    groups = [list(group) for _, group in groupby(rows, key=lambda one: (one.row.dataset, one.row.model))]
    groups = [group for group in groups if group[-1].way != FROZEN]
    if len(groups) <= MOST_NAMED:
        yield from map(_of_one, groups)
    else:
        yield from _of_many(rows)
    yield from _changed(analysis.changes)


def _of_one(group: Sequence[WayRow]) -> str:
    row = group[0].row
    said = [_said(one) for one in group if one.way != FROZEN]
    frozen = "" if group[0].way != FROZEN else f" (frozen {number(row.choice.test.value)}, {row.head})"
    return f"{row.model} on {row.dataset}{frozen}: {'; '.join(said)}."


def _said(one: WayRow) -> str:
    scores = f"{_WORDS[one.way]} scores {number(one.row.choice.test.value)} {one.row.metric}"
    if one.folds is not None and one.folds.std is not None:
        scores += f" (its folds alone {number(one.folds.mean)} ± {number(one.folds.std)})"
    return f"{scores}{_against(one.over_frozen, 'the frozen model')}{_against(one.over_lora, 'LoRA')}"


def _against(apart: Apart | None, other: str) -> str:
    if apart is None:
        return ""
    if apart.is_clear is False:
        return f", not clearly apart from {other} ({signed(apart.difference)}{_interval(apart)})"
    better = "better" if apart.difference > 0 else "worse"
    by_score = "" if apart.is_clear else " by score"
    return f", {better}{by_score} than {other} ({signed(apart.difference)}{_interval(apart)})"


def _interval(apart: Apart) -> str:
    if apart.low is None or apart.high is None:
        return ""
    return f", {signed(apart.low)} to {signed(apart.high)}"


def _of_many(rows: Sequence[WayRow]) -> Iterator[str]:
    for way, words in _WORDS.items():
        mine = [one.over_frozen for one in rows if one.way == way and one.over_frozen is not None]
        if mine:
            better = sum(one.difference > 0 and one.is_clear is True for one in mine)
            worse = sum(one.difference < 0 and one.is_clear is True for one in mine)
            pairs = counted(len(mine), "pair of model and data set", "pairs of model and data set")
            name = f"{words[0].upper()}{words[1:]}"
            yield f"{name} is clearly better than the frozen model on {better} of {pairs}, worse on {worse}."


def _changed(changes: Sequence[Change]) -> Iterator[str]:
    """A sentence for each model that a training left: on how many data sets it is better than its base."""
    by_model: dict[tuple[str, str, str], list[Change]] = {}
    for one in changes:
        by_model.setdefault((one.model, one.base, one.stage), []).append(one)
    for (model, base, stage), found in list(by_model.items())[:MOST_NAMED]:
        tested = [(one, one.best) for one in found if one.best is not None]
        better = [one.dataset for one, best in tested if best.is_clear and best.difference > 0]
        worse = [one.dataset for one, best in tested if best.is_clear and best.difference < 0]
        if not tested:
            continue
        on = f" ({listed(better)})" if better else ""
        lost = f", and worse on {len(worse)} ({listed(worse)})" if worse else ""
        yield (
            f"{model}, {base} after {_MADE[stage]}, is clearly better than {base} on {len(better)} of "
            f"{counted(len(tested), 'data set')}{on}{lost}."
        )
