"""What comes back from a Dask cluster, in one queue: ends of tasks, how far they are, and their records."""

import pickle
from collections.abc import Collection, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from distributed import Client, Future

from seqbench.schedule.events import Listener
from seqbench.schedule.executors.sending import Attempt, node_key
from seqbench.schedule.worker import Report, take, topic


class Hearing:
    """Passes on to a listener what running attempts tell; their ends are for the caller to judge."""

    def __init__(self, client: Client, run_id: str, listener: Listener) -> None:
        """Nothing is heard before `with`.

        Args:
            client: Connected to the cluster.
            run_id: Of the run.
            listener: Is told in the caller's thread, during `ends`.
        """
        self._client = client
        self._topic = topic(run_id)
        self._listener = listener
        self._inbox: SimpleQueue[dict[str, Any] | Attempt] = SimpleQueue()
        self.running: dict[str, Attempt] = {}
        """The attempts that count, by the key of their node."""

    def __enter__(self) -> Self:
        self._client.subscribe_topic(self._topic, lambda event: self._inbox.put(event[1]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.unsubscribe_topic(self._topic)
        for attempt in self.running.values():
            attempt.future.cancel()

    def add(self, attempt: Attempt) -> None:
        """From now on, this is the attempt of its node that counts."""
        self.running[attempt.node.key] = attempt
        attempt.future.add_done_callback(partial(self._end, attempt))

    def _end(self, attempt: Attempt, future: Future) -> None:
        """Called in a thread of Dask's."""
        self._inbox.put(attempt)

    def ends(self, seconds: float) -> Iterator[Attempt]:
        """Wait for a message at most so long, and take in all that came with it.

        Yields:
            Attempts that ended and count, well or not; they no longer run.
        """
        try:
            message = self._inbox.get(timeout=seconds)
            while True:
                if not isinstance(message, Attempt):
                    self._take_in(message)
                elif self.running.get(message.node.key) is message:  # else it was given to another worker
                    yield self.running.pop(message.node.key)
                message = self._inbox.get_nowait()
        except Empty:
            return

    def _take_in(self, event: dict[str, Any]) -> None:
        attempt = self.running.get(node_key(event["key"]))
        if "note" in event:
            self._listener.note(event["note"])
        elif attempt is None or attempt.key != event["key"]:
            return  # of an attempt that was given to another worker meanwhile
        elif "report" in event:
            attempt.report = pickle.loads(event["report"])  # noqa: S301 -- as all that Dask brings
        else:
            self._advance(attempt, event["advanced"])
            if event["records"] > attempt.received:
                self._fetch(attempt)

    def _advance(self, attempt: Attempt, amount: float) -> None:
        attempt.advanced += amount
        self._listener.advanced(attempt.node, amount)

    def _fetch(self, attempt: Attempt) -> None:
        """Get the records that a task has so far: they are in the catalog before it ends."""
        try:
            found = self._client.run(take, attempt.key, attempt.received, workers=[attempt.worker])
        except (OSError, ValueError, KeyError):  # the worker is gone: that is noticed elsewhere
            return
        self._receive(attempt, attempt.received, found[attempt.worker])

    def _receive(self, attempt: Attempt, first: int, records: Collection[Any]) -> None:
        new = list(records)[attempt.received - first :]
        attempt.received += len(new)
        if new:
            self._listener.records(attempt.node, new)

    def rest(self, attempt: Attempt, report: Report) -> None:
        """Pass on what no event has told.

        Raises:
            SeqbenchError: Its results do not fit what is stored.
        """
        self._advance(attempt, report.advanced)
        self._receive(attempt, report.first, report.records)
