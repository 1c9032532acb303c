"""What threads of a process share: values that are made once, and loaded models.

A model is lent to one extraction at a time, as its hooks can't be shared.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import Condition, Lock
from typing import Generic, TypeVar

from seqbench.models.base import Embedder, LoadedModel
from seqbench.schedule.allocation import COPIES


class _Copy:
    def __init__(self, model: str) -> None:
        self.model = model
        self.loaded: LoadedModel | None = None
        self.embedders: dict[str, Embedder] = {}
        self.is_lent = True


class Models:
    """The models that are loaded in this process."""

    def __init__(
        self, load: Callable[[str], LoadedModel], ready: Callable[[LoadedModel, str], Embedder]
    ) -> None:
        """Load nothing yet.

        Args:
            load: Loads a model by its name.
            ready: Makes a loaded model ready for a data set.
        """
        self._load = load
        self._ready = ready
        self._copies: list[_Copy] = []
        self._changed = Condition()
        self._loading = Lock()  # transformers' loaders set states of the process while they run

    @contextmanager
    def lent(self, model: str, dataset: str) -> Iterator[Embedder]:
        """A loaded model, ready for a data set and for nobody else within the block.

        Raises:
            ModelError: It can't be loaded, or can't be made ready.
            NotApplicableError: The model can't embed such data by its nature.
        """
        copy = self._take(model)
        try:
            with self._loading:
                if copy.loaded is None:
                    copy.loaded = self._load(model)
                if dataset not in copy.embedders:
                    copy.embedders[dataset] = self._ready(copy.loaded, dataset)
            yield copy.embedders[dataset]
        finally:
            self._give_back(copy)

    def _take(self, model: str) -> _Copy:
        with self._changed:
            while True:
                mine = [copy for copy in self._copies if copy.model == model]
                free = [copy for copy in mine if not copy.is_lent]
                if free:
                    free[0].is_lent = True
                    return free[0]
                if len(mine) < COPIES:  # a third extraction waits for one of them
                    # Weights of other models make room, unless they are in use.
                    self._copies = [copy for copy in self._copies if copy.is_lent or copy.model == model]
                    self._copies.append(_Copy(model))
                    return self._copies[-1]
                self._changed.wait()

    def _give_back(self, copy: _Copy) -> None:
        with self._changed:
            copy.is_lent = False
            if copy.loaded is None:
                self._copies.remove(copy)
            self._changed.notify_all()


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[K, V]):
    """Values by key; threads that want the same one wait for its maker, others do not."""

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make
        self._values: dict[K, V] = {}
        self._locks: dict[K, Lock] = {}

    def __getitem__(self, key: K) -> V:
        if key not in self._values:
            with self._locks.setdefault(key, Lock()):
                if key not in self._values:
                    self._values[key] = self._make(key)
        return self._values[key]
