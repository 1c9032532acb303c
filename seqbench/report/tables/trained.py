"""The tables of trained models: each way to use one with what it took, and what training changed by layer."""

from seqbench.report.analysis import Analysis
from seqbench.report.tables.marks import best_in
from seqbench.report.tables.table import Cell, Table, TablePart
from seqbench.report.ways import Apart, WayRow

_WAYS = (
    "dataset", "metric", "model", "way", "head", "layer", "score", "low", "high", "n_probes",
    "folds_mean", "folds_std", "n_folds", "rank",
    "gain", "gain_low", "gain_high", "gain_p_holm", "gain_clear",
    "over_lora", "over_lora_low", "over_lora_high", "over_lora_p_holm", "over_lora_clear",
    "trained_parameters", "total_parameters", "hours", "device", "peak_memory_gb", "steps",
)  # fmt: skip
_WAYS_PRINTED = (
    "dataset", "model", "way", "head", "score", "low", "high", "gain", "gain_low", "gain_high", "gain_p_holm",
    "trained_parameters", "hours", "device", "peak_memory_gb",
)  # fmt: skip
_FOLDS_PRINTED = ("folds_mean", "folds_std")
_FOLDS_NOTE = (
    " Of a cross-validation the score is that of the folds' mean prediction, beside mean and standard "
    "deviation of the single folds' scores."
)
_CHANGES = (
    "dataset", "metric", "model", "base", "stage", "trained_on", "head", "layer", "before", "after",
    "difference", "low", "high", "p_holm", "clear",
)  # fmt: skip


def trained_table(analysis: Analysis) -> Table:
    """A row a data set, model that was trained on it, and way to use it; no rows where none was trained."""
    rows = tuple(_way(one) for one in analysis.ways)
    metrics = {one.row.dataset: one.row.metric for one in analysis.ways}
    # A lower score is better by some metrics, so that each is marked by itself.
    best = frozenset(
        place
        for metric in dict.fromkeys(metrics.values())
        for place in best_in(_WAYS, rows, {"score": metric})
        if rows[place[0]][1] == metric
    )
    has_folds = any(one.folds is not None for one in analysis.ways)
    place = _WAYS_PRINTED.index("gain")
    printed = (*_WAYS_PRINTED[:place], *(_FOLDS_PRINTED if has_folds else ()), *_WAYS_PRINTED[place:])
    return Table(
        name="trained",
        title="Frozen, LoRA, full",
        note="Scores on test. The gain is over the frozen model's best head, chosen on eval with its layer, "
        "on the same test items; p_holm is corrected over all pairs of ways of the data set. Hours are of "
        "one seed: of a frozen model embedding and the head on all layers. Ranks: among models used alike."
        + (_FOLDS_NOTE if has_folds else ""),
        parts=(TablePart(title="", columns=_WAYS, rows=rows, printed=printed, best=best),),
    )


def _way(one: WayRow) -> tuple[Cell, ...]:
    row, cost, test = one.row, one.cost, one.row.choice.test
    return (
        *(row.dataset, row.metric, row.model, one.way, row.head, row.choice.layer),
        *(test.value, test.low, test.high, test.n_probes),
        *((None,) * 3 if one.folds is None else (one.folds.mean, one.folds.std, one.folds.n)),
        row.rank,
        *_apart(one.over_frozen),
        *_apart(one.over_lora),
        cost.trained_parameters,
        cost.total_parameters,
        None if cost.seconds is None else cost.seconds / 3600,
        cost.device,
        None if cost.peak_memory_bytes is None else cost.peak_memory_bytes / 1e9,
        cost.steps,
    )


def _apart(apart: Apart | None) -> tuple[Cell, ...]:
    if apart is None:
        return (None,) * 5
    return (apart.difference, apart.low, apart.high, apart.p_holm, apart.is_clear)


def changes_table(analysis: Analysis) -> Table:
    """A row a data set, model that a training left, and layer; no rows where none was probed."""
    rows = tuple(
        (
            *(one.dataset, one.metric, one.model, one.base, one.stage, one.trained_on, one.head),
            *(layer.layer, layer.before.value, layer.after.value, *_apart(layer.apart)),
        )
        for one in analysis.changes
        for layer in one.layers
    )
    return Table(
        name="changes",
        title="What training changed, layer by layer",
        note="Each layer of an adapted or fine-tuned model against the same layer of the model that it began "
        "with, probed with the same head on the same test items; p_holm is corrected over the layers.",
        parts=(TablePart(title="", columns=_CHANGES, rows=rows),),
    )
