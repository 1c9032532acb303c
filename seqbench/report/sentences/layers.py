"""Which layer, how many are as good, and what choosing it on eval cost."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from seqbench.report.analysis import Analysis, LayerComparisons
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.phrases import counted, listed, number


def layers_of_one(analysis: Analysis, best: LeaderRow) -> Iterator[str]:
    """On the best model of the one data set."""
    choice, probed = best.choice, _probed(analysis, best)
    if len(probed) < 2:
        return
    of = (
        f"0–{best.n_layers - 1}" if len(probed) == best.n_layers else listed([str(layer) for layer in probed])
    )
    which = f"Layer {choice.layer} of {of} was chosen on eval for {best.model}"
    said = [f"{which}, with the {best.head} head"]
    compared = _compared(analysis).get((best.dataset, best.model))
    if compared is not None:
        good = [str(layer.layer) for layer in compared.layers if layer.is_as_good]
        n_good = f"{counted(len(good), 'other layer')} {'is' if len(good) == 1 else 'are'} as good"
        said.append(f"{n_good} ({listed(good)})" if good else "every other layer is worse")
    if choice.gap:
        said.append(f"the best layer on test, {choice.oracle_layer}, is {number(choice.gap)} better")
    yield f"{'; '.join(said)}."


def layers_of_many(analysis: Analysis, boards: Mapping[str, Sequence[LeaderRow]]) -> Iterator[str]:
    """On the best model of each data set."""
    firsts = [row for board in boards.values() for row in board if not row.control]
    best = {row.dataset: row for row in reversed(firsts)}
    deep = [row for row in best.values() if len(_probed(analysis, row)) > 1]
    if not deep:
        return
    depth = median(row.choice.layer / (row.n_layers - 1) for row in deep)
    last = sum(row.choice.layer == row.n_layers - 1 for row in deep)
    models = {row.model for row in firsts}
    whose = models.pop() if len(models) == 1 else "the best model"
    yield (
        f"The layer chosen on eval for {whose} lies at {depth:.0%} of the depth in the median, and is "
        f"the last one on {last} of {counted(len(deep), 'data set')}{_as_good(analysis, deep)}."
    )
    gaps = [row.choice.gap for row in deep if row.choice.gap is not None]
    if any(gaps):
        yield (
            f"The best layer on test is {number(median(gaps))} better than the chosen one in the median, "
            f"{number(max(gaps))} at most."
        )


def _as_good(analysis: Analysis, rows: Sequence[LeaderRow]) -> str:
    compared = _compared(analysis)
    found = [compared[row.dataset, row.model] for row in rows if (row.dataset, row.model) in compared]
    if not found:
        return ""
    shares = [sum(layer.is_as_good for layer in one.layers) / len(one.layers) for one in found]
    return f"; {median(shares):.0%} of the other layers are as good in the median"


def _probed(analysis: Analysis, row: LeaderRow) -> tuple[int, ...]:
    """The layers among which a row's was chosen, which can be some of the model's."""
    curve = analysis.results.curve(row.dataset, row.model, row.head)
    return () if curve is None else curve.layers()


def _compared(analysis: Analysis) -> dict[tuple[str, str], LayerComparisons]:
    return {(one.dataset, one.model): one for one in analysis.layers}
