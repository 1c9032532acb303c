"""What pre-training bought: models against untrained twins, k-mers, composition, shuffled labels."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from textwrap import wrap

from seqbench.core.types import Task
from seqbench.report.analysis import OVERALL, Analysis, Gain, GainKind
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.phrases import MOST_NAMED, counted, listed, number, signed

MOST_MODELS = 3
"""Models that a summary tells this of; tables and page have all."""

MOST_DATASETS = 6
"""Data sets on which the scores of a model that stands alone are told; tables and page have all."""

LEAD_LINES, LEAD_COLUMNS = 8, 80
"""So much of a terminal the brief form takes."""

_WORDS: dict[GainKind, str] = {
    "untrained": "its untrained twin",
    "kmer": "k-mers",
    "composition": "composition",
    "shuffled": "shuffled labels",
}
_LACKING: dict[GainKind, str] = _WORDS | {"untrained": "untrained twin"}

Boards = Mapping[str, Sequence[LeaderRow]]


def bought(analysis: Analysis, boards: Boards, *, brief: bool) -> tuple[str, ...]:
    """What a report leads with: of the best models, what each has over its controls.

    A model that is alone on several data sets, without any control, has its scores told. Empty where several
    models have no controls.

    Args:
        analysis: With at least one model that is no control.
        boards: By data set, its rows that have a score on test, best first.
        brief: As many models as fit into `LEAD_LINES`, the first in any case, and no sizes of gains where
            data sets differ in their metrics.
    """
    models = {row.model for board in boards.values() for row in board}
    if len(boards) > 1 and len(models) == 1:
        return tuple(_scores_alone([row for board in boards.values() for row in board]))
    if len(boards) == 1:
        (board,) = boards.values()
        each = [_score(row) + _on_one(analysis, row) for row in board if not row.control]
    else:
        order = [one.model for one in analysis.standings if one.scope == OVERALL and not one.control]
        told = [model for model in order if any(gain.model == model for gain in analysis.gains)]
        named = 2 if brief and len(told) > 1 else MOST_NAMED
        each = [_on_many(analysis, boards, model, brief, named) for model in told]
    each = each[:MOST_MODELS]
    room = LEAD_LINES - sum(map(_lines, lacking(analysis)))
    return tuple(_that_fit(each, room) if brief else each)


def _scores_alone(rows: Sequence[LeaderRow]) -> Iterator[str]:
    yield from (f"{_score(row)}." for row in rows[:MOST_DATASETS])
    if len(rows) > MOST_DATASETS:
        more = counted(len(rows) - MOST_DATASETS, "more data set")
        yield f"Its scores on {more} are in the leaderboard."


def _that_fit(each: Sequence[str], room: int) -> Iterator[str]:
    for index, said in enumerate(each):
        room -= _lines(said)
        if index and room < 0:
            return
        yield said


def _lines(sentence: str) -> int:
    return len(wrap(sentence, LEAD_COLUMNS))


def _score(row: LeaderRow) -> str:
    test = row.choice.test
    interval = ""
    if test.low is not None and test.high is not None:
        interval = f" (95 % interval {number(test.low)} to {number(test.high)})"
    return f"{row.model} scores {number(test.value)} {row.metric} on {row.dataset}{interval}"


def _on_one(analysis: Analysis, row: LeaderRow) -> str:
    """The end of the sentence on a model of the one data set."""
    gains = [gain for gain in analysis.gains if (gain.dataset, gain.model) == (row.dataset, row.model)]
    return f": {listed([_over(gain) for gain in gains])}." if gains else "."


def _over(gain: Gain) -> str:
    other = f"its untrained twin {gain.control}" if gain.kind == "untrained" else gain.control
    low, high = gain.low, gain.high
    better = "better" if gain.difference > 0 else "worse"
    if gain.is_clear is None:
        return f"{number(abs(gain.difference))} {better} by score than {other}"
    if low is None or high is None:
        apart = f"{number(abs(gain.difference))} {better} than {other}"
        return apart if gain.is_clear else f"not clearly apart from {other} ({signed(gain.difference)})"
    if not gain.is_clear:
        return f"not clearly apart from {other} ({signed(gain.difference)}, {signed(low)} to {signed(high)})"
    ends = (low, high) if gain.difference > 0 else (-high, -low)
    return f"{number(abs(gain.difference))} {better} than {other} ({number(ends[0])} to {number(ends[1])})"


def _on_many(analysis: Analysis, boards: Boards, model: str, brief: bool, named: int) -> str:
    """What a model has over each kind of control, and where that is nothing."""
    metrics = {dataset: board[0].metric for dataset, board in boards.items()}
    short = brief and len(set(metrics.values())) > 1
    parts: list[str] = []
    for kind, name in _WORDS.items():
        mine = [gain for gain in analysis.gains if (gain.model, gain.kind) == (model, kind)]
        if mine:
            size = "" if short else f" ({_size(mine, metrics, brief)})"
            parts.append(f"than {name} on {_counts(mine, is_first=not parts)}{size}")
    *most, last = parts
    said = f"{', '.join(most)}, and {last}" if most else last
    return f"{model} is better {said}. {_as_good(analysis, boards, model, named)}"


def _counts(gains: Sequence[Gain], *, is_first: bool) -> str:
    """On how many data sets it is better, and on how many clearly worse."""
    tested = [gain for gain in gains if gain.is_clear is not None]
    clear = [gain for gain in tested if gain.is_clear]
    n_sets = len(tested or gains)
    among = counted(n_sets, "data set") if is_first else str(n_sets)
    if not tested:
        return f"{sum(gain.difference > 0 for gain in gains)} of {among} by score"
    worse = sum(gain.difference < 0 for gain in clear)
    return f"{len(clear) - worse} of {among}{f' and worse on {worse}' if worse else ''}"


def _size(gains: Sequence[Gain], metrics: Mapping[str, str], brief: bool) -> str:
    """The median gain by metric, since those in different metrics can't be averaged; of one its range."""
    by_metric: dict[str, list[float]] = {}
    for gain in gains:
        by_metric.setdefault(metrics[gain.dataset], []).append(gain.difference)
    said = [f"{signed(median(values))} {metric}" for metric, values in by_metric.items()]
    if len(gains) == 1:
        return said[0]
    every = [gain.difference for gain in gains]
    spread = f", from {signed(min(every))} to {signed(max(every))}" if len(said) == 1 and not brief else ""
    return f"median {listed(said)}{spread}"


def _as_good(analysis: Analysis, boards: Boards, model: str, named: int) -> str:
    """Where the model is not needed: data sets on which a control is not beaten, and the best such one."""
    beaten = {
        (one.dataset, ahead.model, behind.model)
        for one in analysis.comparisons
        if one.is_clear
        for ahead, behind in [(one.a, one.b) if one.difference > 0 else (one.b, one.a)]
    }
    compared = {(one.dataset, frozenset((one.a.model, one.b.model))) for one in analysis.comparisons}
    found: dict[str, str] = {}
    n_sets = 0
    for dataset, board in boards.items():
        mine = next((row for row in board if row.model == model), None)
        controls = [row for row in board if row.control]
        if mine is None or not controls:
            continue
        n_sets += 1
        for control in controls:
            is_known = (dataset, frozenset((model, control.model))) in compared
            by_score = (mine.place or 0) < (control.place or 0)
            if not ((dataset, model, control.model) in beaten if is_known else by_score):
                found.setdefault(dataset, control.model)
    sets = counted(n_sets, "data set")
    if not found:
        return f"On all {sets} it is better than every control."
    places = listed([f"{dataset} ({control})" for dataset, control in found.items()], named)
    return f"On {len(found)} of {sets} a control is as good or better: {places}."


def lacking(analysis: Analysis) -> Iterator[str]:
    """Controls that no model is compared with, and how to get them."""
    if all(dataset.task is Task.PERTURBATION for dataset in analysis.results.datasets):
        return  # their baselines are means, and always there
    kinds = {model.name: model.kind for model in analysis.results.models}
    trained = {kinds.get(row.model) for row in analysis.leaderboard if not row.control}
    there = {gain.kind for gain in analysis.gains}
    absent = [_LACKING[kind] for kind in _WORDS if kind not in there]
    if trained <= {"precomputed", "by-id"}:
        absent = [name for name in absent if name != _LACKING["untrained"]]
    if absent:
        key = "probe.shuffled_labels" if absent == [_LACKING["shuffled"]] else "controls"
        yield f"Not compared with {listed(absent)}: set `{key}: true` in the config and run again."
