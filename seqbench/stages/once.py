"""Values that are made when first asked for, each once, however many threads ask."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

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
