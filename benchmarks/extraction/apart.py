"""A second process for the peers, which runs when the first one waits.

seqbench changes how its process keeps freed memory, which would make the peers faster than their users have
them.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

_made: dict[str, Any] = {}
"""In the second process: what was made there, by name."""


class Apart:
    """An object that lives in the second process."""

    def __init__(self, pool: ProcessPoolExecutor, name: str) -> None:
        self._pool = pool
        self._name = name

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method there and wait for what it returns."""
        return self._pool.submit(_call, self._name, method, arguments).result()


@contextmanager
def apart() -> Iterator[Callable[..., Apart]]:
    """Start the second process; give what makes objects in it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:

        def make(kind: Callable[..., Any], *arguments: Any) -> Apart:
            name = kind.__name__
            pool.submit(_make, name, kind, arguments).result()
            return Apart(pool, name)

        yield make


def _make(name: str, kind: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    _made[name] = kind(*arguments)


def _call(name: str, method: str, arguments: tuple[Any, ...]) -> Any:
    return getattr(_made[name], method)(*arguments)
