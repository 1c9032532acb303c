"""How many layers and trainings go together, by the memory that they take."""

from collections.abc import Iterable, Iterator, Sequence

from seqbench.probe.features import FeatureSizes
from seqbench.probe.jobs import Job

LEAST_FOR_HEADS = 64 << 20
"""What a head is told it has where the features of one layer alone are over the budget."""

RESERVE = 16
"""One part in so many is kept back for what is not counted: allocators, libraries, results. Measured with 33
layers of 100,000 x 1024 and 4 GiB: 2.4 % more was taken than was planned."""


class LayerBudget:
    """The memory of `probe.memory`: features, their copies and predictions take half, heads the rest."""

    def __init__(self, total_bytes: int, sizes: FeatureSizes) -> None:
        self._total = total_bytes - total_bytes // RESERVE
        self._sizes = sizes

    def layers_at_once(self, batches: Iterable[Sequence[Job]]) -> int:
        """How many layers to read together, such that all jobs of a batch can be trained in one go.

        Where even one layer is too much for that, it is read alone and its jobs are divided.
        """
        beside = [0]
        for jobs in batches:
            tally = self._sizes.beside()
            for job in jobs:
                tally.add(job.training)
            beside.append(tally.bytes)
        room = self._total // 2 - self._sizes.reading
        return max(1, room // (self._sizes.layer + max(beside)))

    def divide(self, jobs: Sequence[Job], n_layers: int) -> Iterator[tuple[list[Job], int]]:
        """Divide jobs into those that train in one go beside so many layers, at least one.

        Yields:
            The jobs, and the bytes that are left for the head.
        """
        room = self._total // 2 - n_layers * self._sizes.layer
        together: list[Job] = []
        tally = self._sizes.beside()
        for job in jobs:
            if together and n_layers * (tally.bytes + tally.more(job.training)) > room:
                yield together, self._left(n_layers, tally.bytes)
                together, tally = [], self._sizes.beside()
            together.append(job)
            tally.add(job.training)
        if together:
            yield together, self._left(n_layers, tally.bytes)

    def _left(self, n_layers: int, beside: int) -> int:
        return max(LEAST_FOR_HEADS, self._total - n_layers * (self._sizes.layer + beside))
