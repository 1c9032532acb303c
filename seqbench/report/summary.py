"""What a report says in a few sentences: what pre-training bought, who is ahead, at which layer, how sure."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from seqbench.metrics.test_splits import remarks_on_test
from seqbench.report.analysis import Analysis
from seqbench.report.leaderboard import LeaderRow
from seqbench.report.phrases import MOST_NAMED, counted, listed
from seqbench.report.results import Results
from seqbench.report.sentences.audits import red_datasets
from seqbench.report.sentences.bits import adapted
from seqbench.report.sentences.layers import layers_of_many, layers_of_one
from seqbench.report.sentences.pretraining import bought, lacking
from seqbench.report.sentences.ranking import ranking_of_many, ranking_of_one
from seqbench.report.sentences.responses import responses
from seqbench.report.sentences.trained import trained

Boards = dict[str, list[LeaderRow]]
"""By data set, its rows that have a score on test, best first."""


def summarize(analysis: Analysis, *, brief: bool = False) -> tuple[str, ...]:
    """Sentences that answer which model, which layer and how sure, on which red data, and what is not there.

    What a model has over its untrained twin, k-mers, composition and shuffled labels comes first: a score
    alone does not tell what pre-training is worth. Better, without "by score", means clear at 5 %, all pairs
    of a data set considered.

    Args:
        analysis: What the report concludes.
        brief: For a terminal: what comes first takes at most eight lines of 80 columns.
    """
    boards = _boards(analysis.leaderboard)
    ways = (*trained(analysis), *adapted(analysis))
    if not boards:
        return (*(ways or ("No model has a score on test yet.",)), *_open(analysis))
    if all(row.control for board in boards.values() for row in board):
        return (*ways, "Only controls have scores on test.", *_open(analysis))
    cells = tuple(responses(analysis))
    if cells and len(boards) == len(cells):
        return (*cells, *_open(analysis))  # the general sentences are about controls that cells don't have
    lead, absent = bought(analysis, boards, brief=brief), tuple(lacking(analysis))
    if len(boards) > 1:
        found = (*ranking_of_many(analysis, boards), *layers_of_many(analysis, boards))
    else:
        (board,) = boards.values()
        best = next(row for row in board if not row.control)
        found = (*ranking_of_one(analysis, best, board), *layers_of_one(analysis, best))
    # What was found goes before what was not compared.
    said = (*lead, *ways, *cells, *absent, *found) if lead else (*ways, *cells, *found, *absent)
    return (*said, *_open(analysis))


def _boards(rows: Sequence[LeaderRow]) -> Boards:
    boards = {
        dataset: [row for row in group if row.place is not None]
        for dataset, group in groupby(rows, key=lambda row: row.dataset)
    }
    return {dataset: board for dataset, board in boards.items() if board}


def _weak_tests(results: Results) -> Iterator[str]:
    """Data sets whose test items are too few or too alike; of many the first few."""
    found: list[str] = []
    for dataset in results.datasets:
        test = dataset.splits.get("test")
        targets = None if test is None else test.targets
        n_labelled = dataset.n_test - (0 if test is None else test.n_unlabelled)
        n_letters = 0 if test is None else test.n_letters
        remarks = remarks_on_test(
            dataset.task,
            n_letters or n_labelled,
            None if test is None else test.label_counts,
            names=dataset.class_names,
            missing=None if test is None else test.missing,
            varies=targets is None or any(low < high for low, *_, high in targets),
            n_sequences=n_labelled if n_letters else None,
        )
        found += [f"{dataset.name}: {'; '.join(remarks)}."] if remarks else []
    yield from found[:MOST_NAMED]
    if len(found) > MOST_NAMED:
        yield f"Test items are too few or too uniform on {counted(len(found) - MOST_NAMED, 'more data set')}."


def _open(analysis: Analysis) -> tuple[str, ...]:
    """Which data sets can't be trusted; what is not there, and why as far as that is known."""
    results = analysis.results
    said = [*red_datasets(analysis), *_weak_tests(results)]
    if results.failed:
        by_reason: dict[str, int] = {}
        for failure in results.failed:
            by_reason[failure.reason] = by_reason.get(failure.reason, 0) + failure.n_probes
        reason, most = max(by_reason.items(), key=lambda entry: entry[1])
        rarer = f" (that is {most} of them)" if len(by_reason) > 1 else ""
        said.append(f"{counted(sum(by_reason.values()), 'probe')} failed: {reason.rstrip('.')}{rarer}.")
    if results.missing:
        places = [f"{place.model} × {place.dataset}" for place in results.missing]
        said.append(
            f"{len(results.missing)} of {results.selection.n_places} combinations have no results: "
            f"{listed(list(dict.fromkeys(places)))}."
        )
    return tuple(said)
