"""What was compared before, and what can't be compared: only the rest is done, and then recorded."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seqbench.catalog import Catalog
from seqbench.catalog.records import ComparisonRecord
from seqbench.catalog.training_records import TRAINED_HEADS
from seqbench.core.progress import Reporter
from seqbench.core.types import Task
from seqbench.report.comparing.doing import compare
from seqbench.report.comparing.pairs import ComparedPair
from seqbench.report.comparing.predictions import Contents, read_contents
from seqbench.report.comparing.recording import ComparisonRecorder
from seqbench.report.comparing.sides import Probed
from seqbench.report.phrases import listed

NO_PREDICTIONS = "no predictions were stored"
"""Why most pairs that were not compared were not."""

_OTHERS = {
    "layers": "some of its layers",
    "shuffled": "its probes on shuffled labels",
    "changes": "some of its layers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The pairs that could be compared, and what is to be said of the others."""

    records: Mapping[str, ComparisonRecord]
    """By `ComparedPair.key`; without those that are undefined."""
    not_compared: tuple[str, ...]
    """One sentence each."""


def compared(
    catalog: Catalog, wanted: Sequence[ComparedPair], tasks: Mapping[str, Task], reporter: Reporter
) -> Compared:
    """Take from the catalog what was compared before, compare the rest, and record it.

    A catalog that can't be written costs a remark, and the same work next time.

    Raises:
        CatalogError: The catalog can't be read.
    """
    found = catalog.known_comparisons(pair.key for pair in wanted)
    left = [pair for pair in wanted if pair.key not in found]
    contents = read_contents(catalog, {probe for pair in left for probe in _probes(pair)}) if left else {}
    doable = [pair for pair in left if _is_doable(pair, contents)]
    recorder = ComparisonRecorder(catalog, reporter, "comparisons")
    if doable:
        with reporter.task("compare", len(doable), "pairs") as advance:
            for records in compare(catalog, doable, tasks, contents):
                found |= {record.key: record for record in records}
                recorder.add(records)
                advance(len(records))
    recorder.flush()
    said = [*_undone(left, contents), *_undefined(wanted, found)]
    return Compared(
        records={key: record for key, record in found.items() if record.difference is not None},
        not_compared=_sentences(said),
    )


def _name(probed: Probed) -> str:
    """The model, and how it was trained if it was."""
    side = probed.side
    return f"{side.model} ({side.head})" if side.head in TRAINED_HEADS else side.model


def _probes(pair: ComparedPair) -> tuple[int, ...]:
    return (*pair.a.side.probes, *pair.b.side.probes)


def _has_predictions(probed: Probed, contents: Mapping[int, Contents]) -> bool:
    """Whether all its seeds predicted, and the same items."""
    stored = {contents.get(probe) for probe in probed.side.probes}
    return None not in stored and len(stored) == 1


def _same_items(pair: ComparedPair, contents: Mapping[int, Contents]) -> bool:
    """Whether both predicted the same items: by place and target, and by the file's hash if there was one."""
    hashes = {probed.test_hash for probed in (pair.a, pair.b)} - {None}
    stored = {contents[probed.side.probes[0]] for probed in (pair.a, pair.b)}
    return len(hashes) < 2 and len(stored) == 1


def _is_doable(pair: ComparedPair, contents: Mapping[int, Contents]) -> bool:
    return (
        _has_predictions(pair.a, contents)
        and _has_predictions(pair.b, contents)
        and _same_items(pair, contents)
    )


def _undone(left: Iterable[ComparedPair], contents: Mapping[int, Contents]) -> list[tuple[str, str, str]]:
    """Who was not compared: its name, the data set, and why."""
    said: dict[tuple[str, str, str], None] = {}
    for pair in left:
        lacking = [probed for probed in (pair.a, pair.b) if not _has_predictions(probed, contents)]
        for probed in lacking:
            chosen = pair.kind in ("models", "heads") or (probed is pair.a and pair.kind != "changes")
            why = NO_PREDICTIONS if chosen else f"{NO_PREDICTIONS} of {_OTHERS[pair.kind]}"
            said[_name(probed), pair.dataset, why] = None
        if not lacking and not _same_items(pair, contents):
            other = _OTHERS["shuffled"] if pair.kind == "shuffled" else _name(pair.b)
            both = f"{_name(pair.a)} and {other}"
            said[both, pair.dataset, "they were tested on different items (probe both again)"] = None
    whole = {(model, dataset) for model, dataset, why in said if why == NO_PREDICTIONS}
    return [one for one in said if one[2] == NO_PREDICTIONS or (one[0], one[1]) not in whole]


def _undefined(
    wanted: Iterable[ComparedPair], found: Mapping[str, ComparisonRecord]
) -> list[tuple[str, str, str]]:
    said: dict[tuple[str, str, str], None] = {}
    for pair in wanted:
        record = found.get(pair.key)
        if record is not None and record.difference is None:
            models = dict.fromkeys((_name(pair.a), _name(pair.b)))
            if pair.kind == "shuffled":
                models[_OTHERS[pair.kind]] = None
            why = f"{pair.metric} is undefined on over half of the resamples"
            said[" and ".join(models), pair.dataset, why] = None
    return list(said)


def _sentences(said: Iterable[tuple[str, str, str]]) -> tuple[str, ...]:
    """One for all data sets on which the same can't be compared for the same reason."""
    together: dict[tuple[str, str], list[str]] = defaultdict(list)
    for who, dataset, why in said:
        together[who, why].append(dataset)
    return tuple(f"{who} × {listed(datasets)}: {why}." for (who, why), datasets in together.items())
