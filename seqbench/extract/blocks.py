"""Embedding the missing blocks of a split: reading, computing and writing go on at the same time.

One thread reads, looks for repeats and tokenises; the caller's computes; a third writes finished blocks.

Shape letters: N items of a block, S sequences of an item, U distinct sequences that are computed, H width.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from seqbench.core.alphabets import reverse_complement
from seqbench.core.malloc import release_free_memory
from seqbench.core.progress import Advance
from seqbench.core.types import SplitName, Strands
from seqbench.datasets.dataset import Dataset, Split
from seqbench.errors import DataError
from seqbench.extract.finish import Finished, Target, TokenTarget, write
from seqbench.extract.gather import Chunk, Gathered
from seqbench.extract.repeats import Repeats, RowPlace
from seqbench.extract.spool import Spool
from seqbench.extract.threads import Behind, ahead, quick_switching
from seqbench.extract.token_spool import TokenSpool
from seqbench.extract.work import Work
from seqbench.models.base import (
    Batch,
    Embedder,
    OverlongSequenceError,
    Pooled,
    Remark,
    TokenEmbedder,
    TokenStates,
    Unfit,
    UnreadableSequenceError,
)
from seqbench.store import Block

AHEAD = 16
"""Batches that wait tokenised."""

BEHIND = 8
"""Batches and blocks that wait to be written."""


class _Job:
    """One block on its way."""

    def __init__(
        self,
        gathered: Gathered,
        targets: Sequence[Target],
        tokens: TokenTarget | None,
        spool: TokenSpool | None,
    ) -> None:
        self.gathered = gathered
        self.layers = sorted({layer for target in targets for layer in target.layers})
        self.targets = targets
        self.tokens = tokens
        self.spool = Spool(targets[0].entry.scratch_folder)
        self.token_spool = spool
        self.coverage_U = np.ones(gathered.source_NS.size, dtype=np.float32)
        self.left_out: dict[int, str] = {}
        """Distinct sequences that have no rows, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What the reader hands to the computing thread: a batch of a block, or the block's end."""

    job: _Job
    batch: Batch | None = None
    items: float = 0.0
    """Items of the data set that are done with it."""
    ends: bool = False
    """Whether nothing more of its block comes."""


class Extraction:
    """One split of a data set through one model, into one entry of the store for each pooling."""

    def __init__(
        self,
        embedder: Embedder,
        dataset: Dataset,
        split_name: SplitName,
        targets: Sequence[Target],
        *,
        strands: Strands = "none",
        repeats: Repeats | None = None,
        tokens: tuple[TokenEmbedder, TokenTarget] | None = None,
    ) -> None:
        """Describe the work; arrays of the targets are made.

        Args:
            embedder: The loaded model.
            dataset: The opened data set.
            split_name: Which of its splits.
            targets: Entries of the store, with their poolings and wanted layers.
            strands: What is made of both strands.
            repeats: The data set's repeated sequences, or None to look only within blocks.
            tokens: The same model as what gives single tokens, and where they go, whose numbers are settled
                (`token_lengths.settle_lengths`); None where they are not kept.
        """
        self._embedder = embedder
        self._split: Split = dataset.splits[split_name]
        self._split_name = split_name
        self._n_seqs = dataset.n_seqs
        self._targets = targets
        self._strands = strands
        self._repeats = repeats
        self._stored: dict[tuple[SplitName, int], bool] = {}
        self._tokens = tokens
        self._every: list[Target | TokenTarget] = [*targets, *([tokens[1]] if tokens else [])]
        for target in self._every:
            target.entry.prepare(
                split_name, self._split.labels, target.layers, keep_labels=bool(dataset.spec.targets)
            )
        if tokens is not None and self._split.letters is not None:
            tokens[1].entry.put_letters(split_name, self._split.letters)

    def run(self, blocks: Sequence[Block], advance: Advance, note: Callable[[str], None]) -> Work:
        """Embed blocks and write each as soon as it is done.

        Args:
            blocks: The blocks to compute.
            advance: Told how many more items are embedded.
            note: Told what the user should know while it goes on.

        Raises:
            DataError: A sequence is over the limit or has no token, which is to be an error; names the line.
            ModelError: The model gives NaN or infinity for an item; names file and line.
            StoreError: The store can't be written.
        """
        began = time.perf_counter()
        done: list[Finished] = []
        writer = Behind(BEHIND)
        try:
            with quick_switching(), ahead(self._steps(blocks), AHEAD) as steps:
                for step in steps:
                    if step.batch is not None:
                        self._compute(step.job, step.batch, writer, note)
                    if step.ends:
                        writer.submit(lambda job=step.job: done.append(self._finish(job)))  # type: ignore[misc]
                    advance(step.items)
                writer.finish()
        finally:
            writer.close()
        return Work(
            items=sum(block.stop - block.start for block in blocks),
            tokens=sum(finished.tokens for finished in done),
            seconds=time.perf_counter() - began,
            truncated=sum(finished.truncated for finished in done),
            skipped=tuple(place for finished in done for place in finished.skipped),
        )

    def _compute(self, job: _Job, batch: Batch, writer: Behind, note: Callable[[str], None]) -> None:
        spool = job.token_spool
        if self._tokens is None or job.tokens is None:
            events = self._embedder.compute(batch, job.layers)
        else:
            events = self._tokens[0].compute(batch, job.layers, job.tokens.layers)
        for event in events:
            if isinstance(event, Pooled):
                writer.submit(lambda pooled=event: job.spool.add(pooled))  # type: ignore[misc]
            elif isinstance(event, TokenStates) and spool is not None:
                writer.submit(lambda states=event: spool.add(states))  # type: ignore[misc]
            elif isinstance(event, Unfit):
                job.left_out[event.owner // self._n_strands] = f"{event.tokens:,} tokens do not fit in memory"
            elif isinstance(event, Remark):
                note(event.text)

    def _finish(self, job: _Job) -> Finished:
        with job.spool, job.token_spool or nullcontext():
            finished = write(
                job.gathered,
                job.spool,
                job.targets,
                split=self._split_name,
                layers=job.layers,
                poolings=self._embedder.poolings,
                strands=self._strands,
                coverage_U=job.coverage_U[: job.gathered.count],
                left_out=job.left_out,
                tokens=job.tokens,
                token_spool=job.token_spool,
            )
        release_free_memory()
        return finished

    @property
    def _n_strands(self) -> int:
        return 1 if self._strands == "none" else 2

    def _steps(self, blocks: Sequence[Block]) -> Iterator[_Step]:
        """Read and tokenise; runs in its own thread."""
        earlier: set[int] = set()
        for block in blocks:
            job = self._job(block)
            for chunk in job.gathered.chunks(self._repeats, lambda place: self._is_stored(place, earlier)):
                if chunk.sequences:
                    yield from self._batches(job, chunk)
                else:
                    yield _Step(job=job, items=chunk.items)
            yield _Step(job=job, ends=True)
            earlier.add(block.index)

    def _job(self, block: Block) -> _Job:
        targets = []
        for target in self._targets:
            missing = target.entry.missing_layers(self._split_name, block, target.layers)
            targets.append(replace(target, layers=missing))
        tokens, spool = None, None
        if self._tokens is not None:
            entry = self._tokens[1].entry
            missing = entry.missing_layers(self._split_name, block, self._tokens[1].layers)
            tokens = TokenTarget(entry=entry, layers=missing)
            # What is joined of two strands is rounded afterwards.
            dtype = entry.facts.dtype if self._strands == "none" else "float32"
            spool = TokenSpool(entry.scratch_folder, missing, dtype)
        return _Job(Gathered(self._split, block, self._n_seqs), targets, tokens, spool)

    def _batches(self, job: _Job, chunk: Chunk) -> Iterator[_Step]:
        strands, sequences = self._n_strands, chunk.sequences
        if strands == 2:
            sequences = [text for each in sequences for text in (each, reverse_complement(each))]
        try:
            prepared = self._embedder.prepare(sequences)
        except OverlongSequenceError as error:
            raise DataError(
                f"{job.gathered.line(chunk.first + error.index // strands)}: {error.tokens} tokens are over "
                f"the limit of {error.limit} (set extract.overlong to window or truncate)"
            ) from error
        except UnreadableSequenceError as error:
            raise DataError(
                f"{job.gathered.line(chunk.first + error.index // strands)}: {error.why} "
                "(drop the item, or set extract.unreadable: skip)"
            ) from error
        job.left_out |= {chunk.first + at // strands: why for at, why in prepared.unreadable.items()}
        span = slice(chunk.first, chunk.first + len(chunk.sequences))
        job.coverage_U[span] = prepared.coverage_N[::strands]
        windows = int(prepared.windows_N.sum())
        for batch in prepared.batches:
            moved = replace(batch, owner_B=batch.owner_B + chunk.first * strands)
            yield _Step(job=job, batch=moved, items=chunk.items * len(batch) / windows)
        if not windows:
            yield _Step(job=job, items=chunk.items)

    def _is_stored(self, place: RowPlace, earlier: set[int]) -> bool:
        """Whether a row can be copied from the store by the time a block is written."""
        rows = self._targets[0].entry.facts.splits[place.split].block_rows
        index = place.item // rows
        if place.split == self._split_name and index in earlier:
            return True
        if (place.split, index) not in self._stored:
            block = Block(index, index * rows, index * rows + rows)
            self._stored[place.split, index] = not any(
                target.entry.missing_layers(place.split, block, target.layers) for target in self._every
            )
        return self._stored[place.split, index]
