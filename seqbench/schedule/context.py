"""What the stages of a run share in one process: the config, where remarks go, and whatever they open."""

from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar, cast

from seqbench.config import Config
from seqbench.core.progress import Reporter

T = TypeVar("T")


class Context:
    """One config in one process: in the one that was started, and in each worker."""

    def __init__(self, config: Config, reporter: Reporter) -> None:
        self.config = config
        self.reporter = reporter
        self._made: dict[Callable[[Context], Any], Any] = {}
        self._lock = RLock()

    def shared(self, make: "Callable[[Context], T]") -> T:
        """What `make` makes of this context: made when first asked for, then the same for all who ask."""
        with self._lock:
            if make not in self._made:
                self._made[make] = make(self)
            return cast(T, self._made[make])
