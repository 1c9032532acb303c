"""One import from beginning to end: read, write, check, describe, and only then give the folder its name."""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import seqbench
from seqbench.core.alphabets import Alphabet
from seqbench.core.atomic import atomic_folder, atomic_write, check_free
from seqbench.core.progress import Reporter
from seqbench.core.types import Level, SplitName, Task, check_name
from seqbench.datasets.class_names import IMPORT_MANIFEST
from seqbench.datasets.facts import alphabet_of, sum_letters, warnings_of
from seqbench.datasets.importing.building import Built, Drawing, build
from seqbench.datasets.importing.inputs import Inputs
from seqbench.datasets.importing.labels import Labelling, LabelRule
from seqbench.datasets.importing.record import ItemSource
from seqbench.datasets.importing.splits import SplitRule
from seqbench.datasets.importing.spool import ItemRule, ItemSpool, Skipped
from seqbench.datasets.importing.targets import survey_of
from seqbench.datasets.index import Reading, SplitIndex, scan_split
from seqbench.datasets.info_file import INFO, info_entry, locked_info, merge_info
from seqbench.datasets.spec import DatasetSpec
from seqbench.errors import DataError

FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """What an import is told beside its source."""

    out: Path
    """The data set's folder, which gets its name; its parent is the root of data sets."""
    items: ItemRule = field(default_factory=ItemRule)
    labels: LabelRule = field(default_factory=LabelRule)
    splits: SplitRule = field(default_factory=SplitRule)
    max_items: int | None = None
    """A sample of so many items is kept, in proportion to labels and splits."""
    seed: int = 0
    """Of the sample and of drawn splits."""
    force: bool = False
    """Replace a folder that an import made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import made."""

    folder: Path
    task: Task
    """Of several targets the first one's."""
    level: Level
    """Whether labels are of items, or of letters."""
    targets: Mapping[str, Task]
    """Tasks of several targets; empty where items have one label."""
    alphabet: Alphabet
    names: tuple[str, ...] | None
    """Of class or label 0, 1 …, where the source had names."""
    items: Mapping[SplitName, int]
    skipped: Mapping[str, Skipped]
    warnings: tuple[str, ...]
    """As `seqbench datasets check` would give them."""


def import_dataset(source: ItemSource, settings: ImportSettings, reporter: Reporter) -> Imported:
    """Make a data set's folder of a source, whole or not at all.

    The sequences are streamed; memory holds 8 bytes an item, different labels, and what the source needs.
    The same source, settings and seed give the same bytes.

    Args:
        source: Yields the items.
        settings: Everything else.
        reporter: Shows bars for reading and writing.

    Raises:
        ConfigError: The folder's name can't be that of a data set.
        DataError: The folder is there already, a file or item is at fault, or nothing can be written.
    """
    out = settings.out
    name = check_name(out.absolute().name, "data set")
    _check_place(out, force=settings.force)
    try:
        # What comes last is done first: the folder gets its name, then its entry stands, then others may
        # come.
        with (
            ExitStack() as held,
            atomic_write(out.parent / INFO) as described,
            atomic_folder(out, replace=settings.force) as partial,
        ):
            inputs, spool, built = _read_and_build(source, settings, partial, reporter)
            scanned = _scan(partial, built, reporter)
            indexes = scanned[0]
            entry = info_entry(indexes, _targets(built))
            if built.labelling.classes:
                entry["classes"] = list(built.labelling.classes)
            _write_manifest(partial / IMPORT_MANIFEST, source, settings, inputs, spool, built, indexes)
            shutil.rmtree(inputs.scratch)
            held.enter_context(locked_info(out.parent))
            described.write_bytes(merge_info(out.parent / INFO, {name: entry}, force=settings.force))
    except OSError as error:
        raise DataError(f"{error.filename or out}: can't be written: {error.strerror or error}") from error
    return _imported(source, DatasetSpec(name=name, folder=out), spool, built, scanned)


def _imported(
    source: ItemSource,
    spec: DatasetSpec,
    spool: ItemSpool,
    built: Built,
    scanned: Sequence[Mapping[SplitName, SplitIndex]],
) -> Imported:
    alphabet = alphabet_of(sum_letters(scanned[0]))
    names = [f"{spec.name}/{target}" for target in built.labelling.targets] or [spec.name]
    warnings = [
        warning
        for name, indexes in zip(names, scanned, strict=True)
        for warning in warnings_of(replace(spec, name=name), indexes, [], alphabet)
    ]
    return Imported(
        folder=spec.folder,
        task=built.labelling.task,
        level=built.labelling.level,
        targets={name: each.task for name, each in built.labelling.targets.items()},
        alphabet=alphabet,
        names=built.labelling.names or _named(source, built),
        items=built.items,
        skipped=spool.skipped,
        warnings=(
            *(f"{spec.name}: {remark}" for remark in built.labelling.remarks),
            *warnings,
        ),
    )


def _read_and_build(
    source: ItemSource, settings: ImportSettings, partial: Path, reporter: Reporter
) -> tuple[Inputs, ItemSpool, Built]:
    scratch = partial / ".scratch"
    scratch.mkdir()
    spool = ItemSpool(scratch / "items", settings.items, settings.splits)
    survey = survey_of(source, settings.labels)
    with reporter.task("read", source.size(), "B") as advance:
        inputs = Inputs(scratch, advance)
        spool.fill(source.read(inputs), survey, source.label_from)
    for note in inputs.notes:
        reporter.note(f"note: {note}")
    where = _where(source, inputs)
    if not spool.n_items:
        why = ", ".join(f"{reason}: {each.count:,}" for reason, each in spool.skipped.items())
        raise DataError(f"{where}: holds no items" + (f" that are kept ({why})" if why else ""))
    drawing = Drawing(rule=settings.splits, max_items=settings.max_items, seed=settings.seed, where=where)
    built = build(spool, survey, partial, drawing, settings.items.duplicate_ids, reporter)
    return inputs, spool, built


def _where(source: ItemSource, inputs: Inputs) -> str:
    """The last input file, as genomes and tables of labels are read first, and how many more there are."""
    if not inputs.files:
        return source.kind
    more = f" (and {len(inputs.files) - 1} more)" if len(inputs.files) > 1 else ""
    return f"{inputs.files[-1].path}{more}"


def _scan(folder: Path, built: Built, reporter: Reporter) -> list[dict[SplitName, SplitIndex]]:
    """Read the files as every command will, which also gives their hashes; once for each target."""
    paths = {split: folder / f"{split}.jsonl" for split in built.items}
    each = built.labelling.targets or {"label": built.labelling}
    n_bytes = sum(path.stat().st_size for path in paths.values())
    with reporter.task("check", n_bytes * len(each), "B") as advance:
        return [
            {
                split: scan_split(path, _reading(labelling, key), advance=advance)
                for split, path in paths.items()
            }
            for key, labelling in each.items()
        ]


def _reading(labelling: Labelling, key: str) -> Reading:
    reading = Reading(task=labelling.task, label_key=key)
    return replace(reading, level=labelling.level, classes=labelling.classes)


def _targets(built: Built) -> dict[str, object]:
    """What the entry tells of several targets; names of classes stand in the lines themselves."""
    return {
        name: {"key": name, "eval_task": each.task.value}
        | ({"classes": list(each.names)} if each.names and each.task is Task.LABELS else {})
        for name, each in built.labelling.targets.items()
    }


def _named(source: ItemSource, built: Built) -> tuple[str, ...] | None:
    """The names that the source itself gives to outputs 0, 1 …, if it names them all."""
    if built.labelling.names is not None:
        return None
    return tuple(source.class_names[number] for number in sorted(source.class_names)) or None


def _write_manifest(
    path: Path,
    source: ItemSource,
    settings: ImportSettings,
    inputs: Inputs,
    spool: ItemSpool,
    built: Built,
    indexes: Mapping[SplitName, SplitIndex],
) -> None:
    """Write where the data set comes from; no times, so that equal imports give equal bytes."""
    names = built.labelling.names or _named(source, built)
    manifest = {
        "format": FORMAT,
        "made_by": f"seqbench {seqbench.__version__} datasets import {source.kind}",
        "sources": [{"path": each.path, "bytes": each.bytes, "sha256": each.sha256} for each in inputs.files],
        "settings": {**source.settings(), **_settings(settings)},
        "task": built.labelling.task.value,
        **({"targets": _targets(built)} if built.labelling.targets else {}),
        "names": None if names is None else {str(number): name for number, name in enumerate(names)},
        "splits": {
            split: {
                "items": built.items[split],
                "labels": {label: built.counts[split][label] for label in sorted(built.counts[split])},
                "sha256": indexes[split].sha256,
            }
            for split in built.items
        },
        "splits_drawn_by_seed": built.drawn,
        "notes": inputs.notes,
        "skipped": {
            reason: {"items": each.count, "first": each.places} for reason, each in spool.skipped.items()
        },
    }
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _settings(settings: ImportSettings) -> dict[str, object]:
    rule, items = settings.splits, settings.items
    return {
        "case": items.case,
        "missing": items.missing,
        "empty": items.empty,
        "duplicate_ids": items.duplicate_ids,
        "task": settings.labels.task,
        "classes": settings.labels.classes,
        "split": rule.fractions,
        "chromosomes": None if rule.chromosomes is None else dict(rule.chromosomes),
        "max_items": settings.max_items,
        "seed": settings.seed,
    }


def _check_place(out: Path, *, force: bool) -> None:
    if not force:
        check_free(out, "choose another --out, or --force to import it again")
    elif (out.exists() and not (out / IMPORT_MANIFEST).is_file()) or out.is_symlink():
        raise DataError(
            f"{out}: is nothing that an import made, so --force does not replace it (move it away)"
        )
