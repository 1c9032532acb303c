"""From the catalog to what a report concludes: results, comparisons, ranks, gains."""

from seqbench.catalog import Catalog
from seqbench.core.progress import Reporter
from seqbench.report.analysis import Analysis
from seqbench.report.comparing.changes import changes, wanted_changes
from seqbench.report.comparing.clean import clean_scores
from seqbench.report.comparing.families import layer_comparisons, model_comparisons, shuffled_comparisons
from seqbench.report.comparing.gains import gains
from seqbench.report.comparing.known import compared
from seqbench.report.comparing.pairs import pairs
from seqbench.report.comparing.sides import read_shuffled, read_sides
from seqbench.report.comparing.standings import blocks, rank_test, ranked, standings, wins
from seqbench.report.comparing.ways import trained_models, ways
from seqbench.report.leaderboard import leaderboard
from seqbench.report.read import read_results
from seqbench.report.reading.current import Reader
from seqbench.report.reading.tracks import read_tracks
from seqbench.report.selection import Selection


def analyse(catalog: Catalog, selection: Selection, reporter: Reporter) -> Analysis:
    """Read the results of a selection and conclude from them all that a report shows.

    Comparisons of stored predictions, and scores on the clean ones of them, are the costly part; they are
    recorded in the catalog and taken from there the next time. Where it can't be written, the reporter is
    told and all else is the same.

    Args:
        catalog: Where the results are.
        selection: Models, data sets and heads, in the order in which they are shown.
        reporter: Shows progress of the comparisons.

    Raises:
        CatalogNotFoundError: There is no catalog.
        CatalogError: It can't be read.
    """
    reader = Reader(catalog, selection)
    with catalog.kept_open():
        results = read_results(catalog, selection)
        by_score = leaderboard(results)
        models_shuffled = [row for row in by_score if not row.control] if results.selectivity else []
        shuffled = read_shuffled(reader, models_shuffled) if models_shuffled else {}
        sides = read_sides(reader, by_score)
        wanted = pairs(by_score, sides, shuffled)
        trained = trained_models(reader, results, by_score, sides)
        changed = wanted_changes(reader, results, by_score)
    tasks = {dataset.name: dataset.task for dataset in results.datasets}
    order = {dataset.name: place for place, dataset in enumerate(results.datasets)}
    layers = [pair for one in changed for pair in one.pairs]
    every = sorted((*wanted, *trained.pairs, *layers), key=lambda pair: order[pair.dataset])
    found = compared(catalog, every, tasks, reporter)
    comparisons = model_comparisons(by_score, wanted, found.records)
    rows = ranked(by_score, comparisons)
    over = (*comparisons, *shuffled_comparisons(wanted, found.records))
    gained = gains(rows, over, results.models, results.selectivity)
    scopes = blocks(rows, results.datasets, results.models)
    models = [model.name for model in results.models]
    return Analysis(
        results=results,
        leaderboard=rows,
        comparisons=comparisons,
        layers=layer_comparisons(rows, wanted, found.records),
        gains=gained,
        standings=tuple(one for scope in scopes for one in standings(scope, results.models, gained)),
        rank_tests=tuple(rank_test(scope) for scope in scopes),
        wins=wins(rows, comparisons, models),
        not_compared=found.not_compared,
        clean=clean_scores(reader, results, reporter),
        ways=ways(reader, results, rows, trained, found.records),
        tracks=read_tracks(reader, results, rows),
        changes=changes(changed, found.records, comparisons),
    )
