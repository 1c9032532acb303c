"""What adaptation brought: the best mixture for each data set, what was learned and what was forgotten."""

from collections.abc import Iterator, Sequence

from seqbench.metrics import higher_is_better
from seqbench.report.analysis import Analysis
from seqbench.report.bits import CorpusBits, final_models
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.phrases import listed, number, signed


def adapted(analysis: Analysis) -> Iterator[str]:
    """Sentences on the models that adaptations end with; none where nothing was adapted."""
    bits = analysis.results.bits
    names = final_models(bits)
    if not names:
        return
    yield from _learned([one for one in bits if one.model in names and one.gain is not None])
    bases = list(dict.fromkeys(one.base for one in bits if one.model in names and one.base is not None))
    for dataset in dict.fromkeys(row.dataset for row in analysis.leaderboard):
        rows = [
            row for row in analysis.leaderboard if row.dataset == dataset and row.model in {*names, *bases}
        ]
        yield from _downstream(analysis, rows, bases)


def _learned(rows: Sequence[CorpusBits]) -> Iterator[str]:
    """What became cheaper, and what dearer, of each model."""
    for model in dict.fromkeys(one.model for one in rows):
        mine = [one for one in rows if one.model == model and one.gain is not None]
        better = [_told(one) for one in mine if one.gain and one.gain.is_clear and one.gain.difference > 0]
        worse = [_told(one) for one in mine if one.gain and one.gain.is_clear and one.gain.difference < 0]
        same = [one.corpus for one in mine if one.gain and not one.gain.is_clear]
        said = [f"needs fewer bits than {mine[0].base} on {listed(better)}"] if better else []
        said += [f"forgot of {listed(worse)}"] if worse else []
        other = "it" if better else mine[0].base  # which a sentence names once
        said += [f"can't be told apart from {other} on {listed(same)}"] if same else []
        yield f"{model} {', and '.join(said)}."


def _told(one: CorpusBits) -> str:
    assert one.gain is not None
    low, high = one.gain.low, one.gain.high
    ends = "" if low is None or high is None else f", {signed(low)} to {signed(high)}"
    return f"{one.corpus} ({signed(one.gain.difference)} bits a {one.symbol}{ends})"


def _downstream(analysis: Analysis, rows: Sequence[LeaderRow], bases: Sequence[str]) -> Iterator[str]:
    """Which of the adapted models and their bases is best on a data set, and whether that is sure."""
    scored = [row for row in rows if row.choice.test.value is not None]
    if len(scored) < 2:
        return
    sign = 1 if higher_is_better(scored[0].metric) else -1
    best = max(scored, key=lambda row: sign * (row.choice.test.value or 0.0))
    beside = [row for row in scored if row is not best]
    others = listed([f"{row.model} {number(row.choice.test.value)}" for row in beside])
    clear = {
        one.b.model if one.a.model == best.model else one.a.model
        for one in analysis.comparisons
        if one.dataset == best.dataset and one.is_clear and best.model in (one.a.model, one.b.model)
    }
    sure = [row.model for row in beside if row.model in clear]
    kind = "the model as it was" if best.model in bases else "the mixture of"
    how = f", clearly better than {listed(sure)}" if sure else ", but not clearly better than any"
    yield (
        f"For {best.dataset} {kind} {best.model} is best, with {number(best.choice.test.value)} "
        f"{best.metric} ({others}){how}."
    )
