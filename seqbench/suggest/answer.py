"""The answer in five lines: which layer, how sure, what it has over k-mers and its twin, what next."""

from pathlib import Path
from shlex import quote
from typing import Final

from seqbench.report.analysis import Analysis, Gain, GainKind
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.phrases import listed, number, signed
from seqbench.suggest.config_text import HEADS_FOLDER
from seqbench.suggest.describe import Said

FEW_TEST_ITEMS: Final = 300
"""Below this the interval of a score is mostly wider than what models differ by."""

_WORDS: Final[dict[GainKind, str]] = {"kmer": "k-mers", "untrained": "its untrained twin"}


def answer(analysis: Analysis, config: Path) -> list[Said]:
    """Five lines on the one model of the one data set, each with a word in front, and a command.

    Args:
        analysis: Of a report; of several models the best one is told.
        config: How the config is named in a command.

    Returns:
        The lines, or one that says that there is no score.
    """
    board = [row for row in analysis.leaderboard if row.place is not None]
    best = next((row for row in board if not row.control), None)
    if best is None:
        why = next(iter(failure.reason for failure in analysis.results.failed), "the report says why")
        return [("no answer", f"the model has no score on test: {why}")]
    gains = {gain.kind: gain for gain in analysis.gains if gain.model == best.model}
    return [
        ("layer", _layer(best)),
        ("how sure", _sure(analysis, best)),
        *((word.removeprefix("its "), _over(gains.get(kind), kind)) for kind, word in _WORDS.items()),
        *_next(analysis, best, gains, config),
    ]


def _layer(best: LeaderRow) -> str:
    test, of = best.choice.test, best.n_layers - 1
    interval = ""
    if test.low is not None and test.high is not None:
        interval = f" (95 % interval {number(test.low)} to {number(test.high)})"
    scored = f"{best.metric} {number(test.value)} on test{interval}"
    return f"{best.choice.layer} of 0 to {of}, chosen on eval: {scored}"


def _sure(analysis: Analysis, best: LeaderRow) -> str:
    compared = next((one for one in analysis.layers if one.model == best.model), None)
    if compared is None:
        return (
            "only one layer has a score" if best.n_layers < 2 else "layers could not be compared item by item"
        )
    beside = [layer.layer for layer in compared.layers if layer.is_as_good]
    better = [layer.layer for layer in compared.layers if not layer.is_as_good and layer.difference < 0]
    worse = [layer.layer for layer in compared.layers if not layer.is_as_good and layer.difference >= 0]
    if better:
        return f"not: {_span(better)} {_are(better)} clearly better on test, but eval did not tell"
    if not beside:
        return f"every other layer is clearly worse ({len(worse)} of them)"
    shallow = f" (the shallowest is {beside[0]})" if len(beside) > 1 and beside[0] < compared.chosen else ""
    if not worse and len(beside) > 1:
        return f"none of the {len(beside)} other layers can be told apart from it"
    rest = f"; {_span(worse)} {_are(worse)} clearly worse" if worse else ""
    return f"{_span(beside)} can't be told apart from it{shallow}{rest}"


def _are(numbers: list[int]) -> str:
    return "is" if len(numbers) == 1 else "are"


def _span(numbers: list[int]) -> str:
    """Numbers, with a dash through three or more in a row: `layers 0, 3–6 and 9`."""
    runs: list[list[int]] = []
    for each in numbers:
        if runs and runs[-1][-1] == each - 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    named = [
        text
        for run in runs
        for text in ([f"{run[0]}–{run[-1]}"] if len(run) > 2 else [str(each) for each in run])
    ]
    return f"{'layer' if len(numbers) == 1 else 'layers'} {listed(named, most=8)}"


def _over(gain: Gain | None, kind: GainKind) -> str:
    if gain is None:
        return "no score to compare with" + (": the model can't be untrained" if kind == "untrained" else "")
    ends = (gain.low, gain.high)
    if gain.is_clear and gain.difference < 0 and gain.low is not None and gain.high is not None:
        ends = (-gain.high, -gain.low)
    interval = ""
    if ends[0] is not None and ends[1] is not None:
        interval = f" (95 % interval {signed(ends[0])} to {signed(ends[1])})"
    if gain.is_clear is False:
        return f"no clear difference from {gain.control}: {signed(gain.difference)}{interval}"
    by_score = ", by score alone" if gain.is_clear is None else ""
    side = "above" if gain.difference > 0 else "below"
    return f"{number(abs(gain.difference))} {side} {gain.control}{interval}{by_score}"


def _next(analysis: Analysis, best: LeaderRow, gains: dict[GainKind, Gain], config: Path) -> list[Said]:
    """The one thing that would change or use the answer most, and its command."""
    known = next((one for one in analysis.results.datasets if one.name == best.dataset), None)
    weak = [word for kind, word in _WORDS.items() if kind in gains and not _is_ahead(gains[kind])]
    n_test = 0 if known is None else known.n_test
    if weak:
        few = (
            f"with {n_test} test items only large gains show, so add data; "
            if n_test < FEW_TEST_ITEMS
            else ""
        )
        return [
            ("next", f"no clear gain over {listed(weak)} with a linear head; {few}try other heads:"),
            ("", f"seqbench run {quote(str(config))} --set 'probe.heads=[linear,mlp]'"),
        ]
    head = quote(str(config.parent / HEADS_FOLDER / best.model / best.dataset / str(best.choice.layer)))
    return [
        ("next", "predict new sequences with what was trained:"),
        ("", f"seqbench predict {head}/{best.head}-*.safetensors new.fasta --out scores.tsv"),
    ]


def _is_ahead(gain: Gain) -> bool:
    return gain.difference > 0 and gain.is_clear is not False
