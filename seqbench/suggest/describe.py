"""What was understood of a person's data, in a few lines with a word in front of each."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from seqbench.core.progress import Reporter, Silent
from seqbench.core.types import Task
from seqbench.datasets.check import DatasetReport, check_dataset
from seqbench.datasets.dataset import open_dataset
from seqbench.datasets.info_file import INFO
from seqbench.datasets.registry import Resolved, resolve
from seqbench.splitting.together import Likeness
from seqbench.suggest.prepare import IDENTITY, Prepared

Said = tuple[str, str]
"""A word, and what is said of it."""

MOST_CLASSES: Final = 6

TASK_WORDS: Final = {
    Task.CLASSIFICATION: "classification",
    Task.LABELS: "labels (several of an item)",
    Task.REGRESSION: "regression",
}


def described(prepared: Prepared, reporter: Reporter) -> list[Said]:
    """Tell what a file was taken for, what was left out, and how it was split.

    Raises:
        DataError: The data set can't be read any more.
    """
    spec = resolve(prepared.root, prepared.root / INFO, [prepared.name]).specs[0]
    report = check_dataset(spec, reporter)
    source = prepared.source
    said = [("sequences", f"{source.sequences}: {_lengths(report)}")]
    said.append(("labels", f"{source.labels}: {_labels(report)}"))
    said += [("", remark) for remark in source.remarks]
    skipped = [f"{each['items']:,} {reason}" for reason, each in prepared.imported["skipped"].items()]
    if skipped:
        said.append(("left out", ", ".join(skipped)))
    said.append(("copies", _copies(prepared)))
    said += _split(prepared, report)
    if source.unused:
        said.append(("not used", f"{', '.join(source.unused[:8])}{', …' if len(source.unused) > 8 else ''}"))
    said += [("warning", warning.removeprefix(f"{prepared.name}: ")) for warning in report.warnings]
    return said


def described_folder(resolved: Resolved, reporter: Reporter) -> list[Said]:
    """Tell what is in each data set of a folder.

    Raises:
        DataError: One is faulty.
    """
    said: list[Said] = []
    for spec in (view for each in resolved.specs for view in each.views):
        report = check_dataset(spec, reporter)
        said.append((spec.name, f"{_labels(report)}; {_counts(report)}; {_lengths(report)}"))
        said += [("warning", warning) for warning in report.warnings]
    return said


def _lengths(report: DatasetReport) -> str:
    low = min(split.min_length for split in report.splits)
    high = max(split.max_length for split in report.splits)
    span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{report.alphabet}, {span} letters"


def _labels(report: DatasetReport) -> str:
    word = TASK_WORDS.get(report.task, report.task.value)
    if report.task is Task.REGRESSION:
        first = [split.targets[0] for split in report.splits if split.targets]
        low, high = min(each.minimum for each in first), max(each.maximum for each in first)
        several = len(report.splits[0].targets)
        more = f", {several} values of an item" if several > 1 else ""
        return f"{word}, {low:.4g} to {high:.4g}{more}"
    totals: dict[int | str, int] = {}
    for split in report.splits:
        for name, count in split.label_counts:
            totals[name] = totals.get(name, 0) + count
    shown = ", ".join(f"{name} ({count:,})" for name, count in list(totals.items())[:MOST_CLASSES])
    more = f", … {len(totals) - MOST_CLASSES} more" if len(totals) > MOST_CLASSES else ""
    return (
        f"{word}, {len(totals)} {'classes' if report.task is Task.CLASSIFICATION else 'names'}: {shown}{more}"
    )


def _counts(report: DatasetReport) -> str:
    return ", ".join(f"{split.items:,} {split.name}" for split in report.splits)


def _copies(prepared: Prepared) -> str:
    """Items whose sequence is another's, on either strand, and how many of these differ in their labels."""
    dataset = open_dataset(resolve(prepared.root, prepared.root / INFO, [prepared.name]).specs[0])
    atoms_N = Likeness(dataset, Silent(), near=False).copies_N
    copies = len(atoms_N) - len(np.unique(atoms_N))
    if not copies:
        return "no sequence occurs twice"
    labels_N = np.concatenate([split.targets.reshape(len(split), -1) for split in dataset.splits.values()])
    pairs = np.unique(np.column_stack([atoms_N, labels_N]), axis=0)[:, 0]
    unlike = len(pairs) - len(np.unique(pairs))
    other = f", {unlike:,} of them with another label" if unlike else ", with the same labels"
    return f"{copies:,} of {len(atoms_N):,} items repeat an earlier sequence{other}"


def _split(prepared: Prepared, report: DatasetReport) -> Iterator[Said]:
    if prepared.split is None:
        yield "split", f"{_counts(report)}, as {prepared.source.split} says"
        yield "", "whether train and test share near-identical sequences is told by `seqbench datasets audit`"
        return
    together = prepared.split["stay_together"]
    yield "split", f"{_counts(report)}, drawn by seed {prepared.split['settings']['seed']}"
    if prepared.why_alike is None:
        yield (
            "",
            f"sequences of {IDENTITY:.0%} identity or more stay on one side ({together['groups']:,} groups)",
        )
    else:
        yield "", f"only copies stay on one side: {prepared.why_alike}"


def aligned(said: Sequence[Said]) -> list[str]:
    """Lines with what is said in one column."""
    width = max(len(word) for word, _ in said)
    return [f"{word:<{width}}  {text}".rstrip() for word, text in said]


def folder_of(path: Path) -> tuple[Path, list[str] | None]:
    """The root and the names that a folder in the data layout means: itself, or one data set in it."""
    if (path / "train.jsonl").exists():
        whole = path.absolute()
        return whole.parent, [whole.name]
    return path, None
