"""What the page draws: an analysis as plain lists and mappings, which become the JSON inside the page."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from seqbench.metrics import PRIMARY, higher_is_better
from seqbench.report.analysis import OVERALL, Analysis, CleanScore, LayerComparisons
from seqbench.report.figures.effects import shown_effects
from seqbench.report.figures.style import LEVEL, SERIES, looks
from seqbench.report.results import Choice, Curve, Results, Score
from seqbench.report.studies import Study
from seqbench.report.subjects import DatasetFacts, ModelFacts, metrics_of
from seqbench.report.tracks import Tracks
from seqbench.report.ways import Apart, Change, WayRow

DIGITS = 5
"""Significant digits of a number on the page. The tables beside it have them in full."""

Plain = dict[str, Any]


def payload(analysis: Analysis, *, sentences: Sequence[str], files: Sequence[str]) -> Plain:
    """Everything the page shows.

    To keep the page small, records become one mapping of field to list, so that field names are not repeated,
    and numbers are rounded.

    Args:
        analysis: What the report concludes.
        sentences: The summary.
        files: Names of tables and figures beside the page.
    """
    results = analysis.results
    return {
        "sentences": list(sentences),
        "files": list(files),
        "overall": OVERALL,
        "tasks": _tasks(results),
        "heads": list(results.selection.heads),
        "models": _models(results),
        "datasets": [_dataset(results, dataset) for dataset in results.datasets],
        "curves": [_curve(results, curve) for curve in results.curves.values()],
        "verdicts": [
            {"dataset": key[0], "model": key[1], "head": key[2], "counts": dict(counts)}
            for key, counts in results.verdicts.items()
        ],
        **{
            name: plain(getattr(results, name))
            for name in ("failed", "missing", "runs", "embeddings", "selectivity")
        },
        # Lines of trained models would stand among those of frozen ones, in the same look.
        **{
            name: plain([one for one in getattr(results, name) if one.head in results.selection.heads])
            for name in ("learning", "efficiency")
        },
        "effects": plain(shown_effects(analysis)),
        "audits": plain(results.audits),
        "clean": _clean(analysis.clean),
        "ways": [_way(one) for one in analysis.ways],
        "changes": [_change(one) for one in analysis.changes],
        "studies": [_study(one) for one in results.studies],
        "bits": [plain(one) for one in results.bits],
        "tracks": [_tracks(one) for one in analysis.tracks],
        **{
            name: plain(getattr(analysis, name))
            for name in ("leaderboard", "standings", "rank_tests", "wins", "not_compared")
        },
        "layers": _with(analysis.layers, layers=[_compared(family) for family in analysis.layers]),
        "gains": _with(analysis.gains, clear=[gain.is_clear for gain in analysis.gains]),
        "comparisons": _with(analysis.comparisons, clear=[pair.is_clear for pair in analysis.comparisons]),
    }


def plain(value: Any) -> Any:
    """A record, or anything made of records, as JSON can hold it.

    Several records of one kind become one mapping of field to list. Floats are rounded to `DIGITS`; what is
    infinite or not a number becomes None.
    """
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return _columns(value) if value and is_dataclass(value[0]) else [plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


def rounded(value: float | None) -> float | int | None:
    """A number with `DIGITS` significant digits, as an int where that says the same in fewer letters."""
    if value is None or not isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short


def _columns(records: Sequence[Any]) -> Plain:
    names = [field.name for field in fields(records[0])]
    return {name: [plain(getattr(record, name)) for record in records] for name in names}


def _with(records: Sequence[Any], **more: list[Any]) -> Any:
    """Columns of records beside columns that are computed from them in full precision."""
    return {**_columns(records), **more} if records else []


def _compared(family: LayerComparisons) -> Any:
    return _with(family.layers, as_good=[layer.is_as_good for layer in family.layers])


def _clean(scores: Sequence[CleanScore]) -> list[Plain]:
    """A record a model and head, as all its metrics share all but the scores."""
    found: dict[tuple[str, str, str], Plain] = {}
    for one in scores:
        shared = {
            name: getattr(one, name) for name in ("dataset", "model", "head", "layer", "n_items", "n_clean")
        }
        record = found.setdefault((one.dataset, one.model, one.head), {**shared, "metrics": {}})
        record["metrics"][one.metric] = [_ends(one.full), _ends(one.clean), one.reason]
    return list(found.values())


def _ends(score: Score) -> list[float | None]:
    return [rounded(score.value), rounded(score.low), rounded(score.high)]


def _way(one: WayRow) -> Plain:
    row, cost = one.row, one.cost
    shared = {name: getattr(row, name) for name in ("dataset", "metric", "model", "head", "rank")}
    took = ("trained_parameters", "seconds", "device", "peak_memory_bytes")
    return {
        **shared,
        "way": one.way,
        "layer": row.choice.layer,
        "test": _ends(row.choice.test),
        **{name: plain(getattr(cost, name)) for name in took},
        "folds": plain(one.folds),
        "over_frozen": _apart(one.over_frozen),
        "over_lora": _apart(one.over_lora),
    }


def _apart(apart: Apart | None) -> Plain | None:
    return None if apart is None else {**plain(apart), "clear": apart.is_clear}


def _change(one: Change) -> Plain:
    names = ("dataset", "model", "base", "stage", "trained_on", "head", "metric")
    layers = [
        {"layer": each.layer, "before": _ends(each.before), "after": _ends(each.after)}
        | (_apart(each.apart) or {})
        for each in one.layers
    ]
    return {name: getattr(one, name) for name in names} | {"best": _apart(one.best), "layers": layers}


def _study(study: Study) -> Plain:
    chosen = study.chosen
    found: Plain = {
        name: plain(getattr(study, name)) for name in ("dataset", "model", "way", "method", "metric")
    }
    found |= {"higher_is_better": study.higher_is_better, "keys": list(study.keys)}
    names = ("number", "values", "state", "score", "steps", "seconds", "error")
    trials = [{name: plain(getattr(trial, name)) for name in names} for trial in study.trials]
    return found | {"chosen": None if chosen is None else chosen.number, "trials": trials}


def _tracks(tracks: Tracks) -> Plain:
    names = ("dataset", "model", "head", "layer")
    sequences = [
        {
            "item": track.item,
            "n_letters": track.n_letters,
            "rows": [[row.name, row.truth, row.predicted] for row in track.rows],
        }
        for track in tracks.tracks
    ]
    symbols = [list(pair) for pair in tracks.symbols]
    return {name: getattr(tracks, name) for name in names} | {"symbols": symbols, "sequences": sequences}


def _tasks(results: Results) -> Plain:
    present = dict.fromkeys(dataset.task for dataset in results.datasets)
    metrics = {task: metrics_of([one for one in results.datasets if one.task is task]) for task in present}
    return {
        task.value: {
            "metrics": list(metrics[task]),
            "primary": PRIMARY[task],
            "lower": [metric for metric in metrics[task] if not higher_is_better(metric)],
        }
        for task in present
    }


def _models(results: Results) -> list[Plain]:
    drawn = looks(results.models)

    def look(model: ModelFacts) -> Plain:
        found = drawn[model.name]
        return {"color": variable(found.color), "dashes": list(found.dashes), "width": found.width}

    return [{**plain(model), "control": model.is_control, "look": look(model)} for model in results.models]


def _dataset(results: Results, dataset: DatasetFacts) -> Plain:
    return {**plain(dataset), "group": dataset.group, "metric": results.metric_of(dataset)}


def _curve(results: Results, curve: Curve) -> Plain:
    layers = curve.layers()
    metrics = {metric for _, metric in curve.test} | set(curve.choices)
    return {
        "dataset": curve.dataset,
        "model": curve.model,
        "head": curve.head,
        "n_layers": curve.n_layers,
        "layers": list(layers),
        "scores": {
            metric: _scores([curve.at(layer, metric) for layer in layers]) for metric in sorted(metrics)
        },
        "choices": {metric: _choice(choice) for metric, choice in sorted(curve.choices.items())},
    }


def _scores(scores: Sequence[Score]) -> list[list[float | None]]:
    """Values, lower ends and upper ends, by layer."""
    return [[rounded(getattr(score, name)) for score in scores] for name in ("value", "low", "high")]


def _choice(choice: Choice) -> Plain:
    found: Plain = plain(choice)
    return found


_ON_DARK = {
    LEVEL: "#98a2ae",
    "#0072b2": "#4aa8e6",
    "#d55e00": "#ff8b42",
    "#009e73": "#2cc59a",
    "#cc79a7": "#e39fc6",
    "#e69f00": "#f0b429",
    "#56b4e9": "#8ccdf5",
}
"""The colours of models, lightened until they stand out from a dark page as they do from a white one."""


def variable(color: str) -> str:
    """The CSS variable that holds a colour: `--c-0072b2`."""
    return f"--c-{color.removeprefix('#')}"


def palette() -> str:
    """The CSS that sets the variables, each to its colour on light and on dark pages."""
    pairs = (f"{variable(color)}:light-dark({color},{_ON_DARK[color]});" for color in (*SERIES, LEVEL))
    return f":root{{{''.join(pairs)}}}\n"
