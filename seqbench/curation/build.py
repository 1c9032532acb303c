"""A clean corpus made of others: named steps in their order, a JSONL file, and a count after each step."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import seqbench
from seqbench.core.atomic import atomic_folder, check_free, scratch_folder
from seqbench.core.progress import Reporter
from seqbench.corpora.corpus import BLOCK, Corpus, open_corpus
from seqbench.corpora.documents import files_of, read_documents
from seqbench.corpora.source import CorpusSource
from seqbench.curation.repeats import find_repeats
from seqbench.curation.steps import Change, Cleaned, Step
from seqbench.datasets.importing.inputs import Inputs, SourceFile, check_file
from seqbench.errors import ConfigError, DataError

CORPUS: Final = "corpus.jsonl"
HELD_OUT: Final = "held_out.jsonl"
MANIFEST: Final = "manifest.json"
KEY: Final = "text"
GROUP_KEY: Final = "doc"


@dataclass(slots=True, kw_only=True)
class StepCount:
    """What was there after a step; grows while documents stream through."""

    step: str
    n_documents: int = 0
    n_characters: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltCorpus:
    """What was written."""

    folder: Path
    counts: tuple[StepCount, ...]
    """The first is that of the sources as they are."""
    held_out: StepCount | None


def build_corpus(
    sources: Sequence[CorpusSource], steps: Sequence[Step], out: Path, reporter: Reporter
) -> BuiltCorpus:
    """Clean corpora and write them as one, with a manifest.

    Documents stream through; between steps that compare them they lie in a scratch file, and memory is some
    tens of bytes each (150 where near-duplicates are sought).

    Args:
        sources: Read in this order; all or none with a group key, which documents then keep as `doc`.
        steps: In the order in which they are done; `hold_out` can only be the last.
        out: A folder that is not there yet: `corpus.jsonl` (`text` and `doc`), `held_out.jsonl` where some
            are held out, and `manifest.json`.
        reporter: Shows bars.

    Raises:
        ConfigError: A step stands where it can't.
        DataError: A source is at fault, nothing is left, something is in the place, or the disk is full.
    """
    if "hold_out" in [step.name for step in steps[:-1]]:
        raise ConfigError("--step hold_out: must be the last step (what is held out is final)")
    check_free(out, "give the name of a new folder", empty_folder=True)
    try:
        with atomic_folder(out) as folder, scratch_folder("seqbench-build") as scratch:
            return _Build(sources, folder, scratch, reporter).run(steps, out)
    except OSError as error:
        raise DataError(f"{out}: can't be written: {error.strerror or error} (free some space)") from error


class _Build:
    """One corpus on its way."""

    def __init__(
        self, sources: Sequence[CorpusSource], folder: Path, scratch: Path, reporter: Reporter
    ) -> None:
        self._sources, self._folder, self._scratch, self._reporter = sources, folder, scratch, reporter
        self._files: list[SourceFile] = []
        self._spooled: Path | None = None
        self._n_spooled = 0

    def run(self, steps: Sequence[Step], out: Path) -> BuiltCorpus:
        counts = [StepCount(step="read")]
        held_out: StepCount | None = None
        documents = _counted(self._read(), counts[0])
        for step in steps:
            if step.change is not None:
                documents = _changed(documents, step.change)
            else:
                corpus = self._spool(documents)
                kept_N = _kept(corpus, step, self._reporter)
                if step.name == "hold_out":
                    held_out = StepCount(step=str(step))
                    _write(_counted(_chosen(corpus, ~kept_N), held_out), self._folder / HELD_OUT)
                documents = _chosen(corpus, kept_N)
            counts.append(StepCount(step=str(step)))
            documents = _counted(documents, counts[-1])
        sha256 = _write(documents, self._folder / CORPUS)
        if not counts[-1].n_documents:
            emptied = next(count.step for count in counts if not count.n_documents)
            raise DataError(f"{self._sources[0].path}: no document is left after the step {emptied}")
        self._write_manifest(counts, held_out, sha256)
        return BuiltCorpus(folder=out, counts=tuple(counts), held_out=held_out)

    def _read(self) -> Iterator[Cleaned]:
        size = sum(check_file(path) for source in self._sources for path in files_of(source))
        with self._reporter.task("clean", size, "B") as advance:
            for source in self._sources:
                inputs = Inputs(self._scratch, advance)
                for document in read_documents(source, inputs):
                    yield Cleaned(document.text, document.group)
                known = {file.path for file in inputs.files}
                rest = Inputs(self._scratch, lambda _: None)
                for path in files_of(source):
                    if str(path) not in known:
                        rest.hash_only(path)
                self._files += inputs.files + rest.files

    def _spool(self, documents: Iterator[Cleaned]) -> Corpus:
        """Write documents into a scratch file, in place of the one before, and index them."""
        self._n_spooled += 1
        path, before = self._scratch / f"{self._n_spooled}.jsonl", self._spooled
        _write(documents, path)
        if before is not None:
            before.unlink()
        self._spooled = path
        grouped = self._sources[0].group_key is not None
        source = CorpusSource(
            name="corpus",
            path=path,
            key=KEY,
            group_key=GROUP_KEY if grouped else None,
            alphabet=self._sources[0].alphabet,
        )
        try:
            return open_corpus(source, kept=False)
        except DataError as error:
            raise DataError(f"{self._sources[0].path}: no document with text is left to compare") from error

    def _write_manifest(self, counts: Sequence[StepCount], held_out: StepCount | None, sha256: str) -> None:
        manifest: dict[str, Any] = {
            "seqbench": seqbench.__version__,
            "sources": [
                {**asdict(file), "key": source.key, "group_key": source.group_key}
                for source in self._sources
                for file in self._files
                if file.path in map(str, files_of(source))
            ],
            "counts": [asdict(count) for count in counts],
            "held_out": None if held_out is None else asdict(held_out),
            "sha256": sha256,
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (self._folder / MANIFEST).write_text(text, encoding="utf-8")


def _counted(documents: Iterator[Cleaned], count: StepCount) -> Iterator[Cleaned]:
    for document in documents:
        count.n_documents += 1
        count.n_characters += len(document.text)
        yield document


def _changed(documents: Iterator[Cleaned], change: Change) -> Iterator[Cleaned]:
    for document in documents:
        for text in change(document.text):
            yield Cleaned(text, document.group)


def _chosen(corpus: Corpus, chosen_N: NDArray[np.bool_]) -> Iterator[Cleaned]:
    """The documents of a spooled corpus that were chosen, with their groups."""
    (path,) = corpus.index.files
    with path.open("rb") as file:
        for line, chosen in zip(file, chosen_N.tolist(), strict=True):
            if chosen:
                item = json.loads(line)
                yield Cleaned(item[KEY], item.get(GROUP_KEY))


def _kept(corpus: Corpus, step: Step, reporter: Reporter) -> NDArray[np.bool_]:
    """(N,) which documents stay, of a step that compares them; empty ones do."""
    if step.name == "hold_out":
        return ~_held_out(corpus, step.value or 0.0)
    near = 1.0 if step.name == "dedupe" else step.value or 1.0
    repeats = find_repeats(corpus, near, reporter)
    return ~(repeats.exact_N if repeats.near_N is None else repeats.exact_N | repeats.near_N)


def _held_out(corpus: Corpus, share: float) -> NDArray[np.bool_]:
    """(N,) which documents are held out.

    By text: those that adaptation holds out of the same documents with `eval` at this share. By group: whole
    groups in the order of their hashes until the share of documents is reached, at least one and not all.
    """
    starts = range(0, len(corpus), BLOCK)
    groups = np.concatenate([corpus.index.records(start, start + BLOCK)["group"] for start in starts])
    if corpus.source.group_key is None:
        held_N = np.zeros(len(corpus), dtype=bool)
        held_N[[row for row, _ in corpus.documents("held_out", share)]] = True
        return held_N
    digests, place_N, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(digests) < 2:
        raise DataError(f"--step hold_out: all documents are of one {GROUP_KEY} (leave --group-key out)")
    n_groups = int(np.searchsorted(np.cumsum(sizes), share * len(groups))) + 1
    found: NDArray[np.bool_] = place_N < min(n_groups, len(digests) - 1)
    return found


def _write(documents: Iterator[Cleaned], path: Path) -> str:
    """Write JSONL; gives the SHA-256 of the file."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for document in documents:
            item = {KEY: document.text} | ({} if document.group is None else {GROUP_KEY: document.group})
            line = (json.dumps(item, ensure_ascii=False) + "\n").encode()
            digest.update(line)
            file.write(line)
    return digest.hexdigest()
